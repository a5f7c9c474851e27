import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { takeBytes } from "../plugins/board-sim/firmware.ts";
import { Bench } from "./body/body-kit.ts";

const ROOT = join(import.meta.dir, "..");
const DEPLOY = join(ROOT, "deploy");
const BASE = mkdtempSync(join(tmpdir(), "myna-deploy-"));
afterAll(() => rmSync(BASE, { recursive: true, force: true }));
const SCRIPTS = readdirSync(DEPLOY).filter((file) => file.endsWith(".sh"));

/** A folder of programs that log their arguments, with more shell for those that answer. */
function programs(name: string, scripts: Record<string, string>) {
  const bin = join(BASE, name, "bin");
  const log = join(BASE, name, "log");
  mkdirSync(bin, { recursive: true });
  for (const [program, script] of Object.entries(scripts)) {
    writeFileSync(join(bin, program), `#!/bin/sh\necho "${program} $*" >> "${log}"\n${script}\n`);
    chmodSync(join(bin, program), 0o755);
  }
  for (const tool of ["sh", "sleep"]) {
    const path = Bun.which(tool)!;
    writeFileSync(join(bin, tool), `#!/bin/sh\nexec ${path} "$@"\n`);
    chmodSync(join(bin, tool), 0o755);
  }
  return { bin, log: () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []) };
}

function run(command: string[], env: Record<string, string> = {}) {
  const result = Bun.spawnSync(command, { env: { PATH: process.env["PATH"]!, ...env } });
  return { exitCode: result.exitCode, said: `${result.stdout}${result.stderr}` };
}

/** The tool of a Debian package; the test fails where it is missing, and names the package. */
function tool(name: string, debian: string): string {
  const path = Bun.which(name);
  if (path === null) throw new Error(`${name} is missing: apt-get install ${debian}, or ./setup --dev`);
  return path;
}

describe("the scripts of a robot", () => {
  test("are POSIX shell that shellcheck finds nothing in", () => {
    const shellcheck = tool("shellcheck", "shellcheck");
    const { exitCode, said } = run([shellcheck, "--shell=sh", ...SCRIPTS.map((file) => join(DEPLOY, file))]);
    expect(said).toBe("");
    expect(exitCode).toBe(0);
  });

  test.each(["install.sh", "update.sh"])(
    "%s explains itself, and refuses a flag it does not have",
    (script) => {
      expect(run([join(DEPLOY, script), "--help"])).toMatchObject({ exitCode: 0 });
      const wrong = run([join(DEPLOY, script), "--fast"]);
      expect(wrong.exitCode).toBe(2);
      expect(wrong.said).toContain("--fast");
    },
  );
});

describe("stop-motors.sh", () => {
  const STOP = ["/bin/sh", join(DEPLOY, "stop-motors.sh")];
  const RESET = ["pinctrl set 5 op dl", "pinctrl set 5 op dh"];
  const MOTORS = [0x2c, 0x2d, 0x2e, 0x2f, 0x30, 0x31, 0x32, 0x33];

  /** What a controller with running motors makes of it, that another program left `pending` bytes into a frame. */
  function obeyed(log: string[], pending: number[]): number[] {
    using bench = new Bench();
    const { hat } = bench;
    for (const register of MOTORS) hat.registers[register] = 4000;
    takeBytes(hat, Uint8Array.from(pending));
    for (const line of log) {
      const [, , , , register, value] = line.split(" ");
      if (line.startsWith("pinctrl")) line.endsWith("dl") && hat.reset();
      else takeBytes(hat, Uint8Array.from([Number(register), ...(value === undefined ? [] : [0, 0])]));
    }
    return MOTORS.map((register) => hat.registers[register]!);
  }

  test("resets the controller first, then writes zero to every motor register", () => {
    const { bin, log } = programs("all", { i2cset: "", pinctrl: "" });
    expect(run(STOP, { PATH: bin }).exitCode).toBe(0);
    expect(log().slice(0, 2)).toEqual(RESET);
    for (const register of MOTORS) expect(log()).toContain(`i2cset -y 1 0x14 0x${register.toString(16)} 0 w`);
  });

  test.each([[[]], [[0x2c]], [[0x2c, 0x0f]], [[0x33, 0xff]]])(
    "stops the motors by the bus alone behind the half frame %p of another program",
    (pending) => {
      const { bin, log } = programs(`frame-${pending.join("-")}`, { i2cset: "" });
      const { exitCode, said } = run(STOP, { PATH: bin });
      expect(exitCode).toBe(0);
      expect(said).toContain("reset line");
      expect(obeyed(log(), pending)).toEqual(MOTORS.map(() => 0));
    },
  );

  test("fails where the bus takes only some of the zeros and no line can be set", () => {
    const { bin } = programs("some", { i2cset: 'case "$*" in *0x33*) exit 1 ;; esac' });
    expect(run(STOP, { PATH: bin }).exitCode).toBe(1);
  });

  test("stops by the reset line where the bus fails", () => {
    const { bin, log } = programs("bus", { i2cset: "exit 1", pinctrl: "" });
    expect(run(STOP, { PATH: bin }).exitCode).toBe(0);
    expect(log().slice(0, 2)).toEqual(RESET);
  });

  test("stops by the bus where no line can be set, and uses the older tool where it is the one there is", () => {
    const bus = programs("no-line", { i2cset: "" });
    expect(run(STOP, { PATH: bus.bin }).exitCode).toBe(0);
    const old = programs("old", { "raspi-gpio": "" });
    expect(run(STOP, { PATH: old.bin }).exitCode).toBe(0);
    expect(old.log()).toEqual(["raspi-gpio set 5 op dl", "raspi-gpio set 5 op dh"]);
  });

  test("says so, and fails, where it can reach neither", () => {
    const { bin } = programs("neither", { i2cset: "exit 1" });
    const { exitCode, said } = run(STOP, { PATH: bin });
    expect(exitCode).toBe(1);
    expect(said).toContain("switch the robot off by hand");
  });

  test("takes another bus and another reset line, as old boards have them", () => {
    const { bin, log } = programs("type1", { i2cset: "", pinctrl: "" });
    run(STOP, { PATH: bin, MYNA_I2C_BUS: "3", MYNA_RESET_LINE: "21" });
    expect(log()).toContain("i2cset -y 3 0x14 0x2c 0 w");
    expect(log()[1]).toBe("pinctrl set 21 op dh");
  });
});

describe("install.sh", () => {
  const INSTALL = join(DEPLOY, "install.sh");

  function machine(name: string) {
    const root = join(BASE, name);
    mkdirSync(join(root, "boot/firmware"), { recursive: true });
    writeFileSync(join(root, "boot/firmware/config.txt"), "dtparam=audio=on\ndtparam=i2c_arm=on\n");
    const read = (path: string) => readFileSync(join(root, path), "utf8");
    const install = (...flags: string[]) => run([INSTALL, ...flags], { MYNA_INSTALL_ROOT: root });
    return { root, read, install };
  }

  test("puts unit, rules, log limits and boot lines into place, and asks the system for the rest", () => {
    const { read, install } = machine("first");
    const { exitCode, said } = install("--user", "robin", "--dir", "/opt/robin");
    expect(said).toContain("would run: apt-get install");
    expect(said).toContain("would run: systemctl enable myna.service");
    expect(exitCode).toBe(0);
    const unit = read("etc/systemd/system/myna.service");
    expect(unit).toContain("User=robin");
    expect(unit).toContain("ExecStopPost=/opt/robin/current/deploy/stop-motors.sh");
    expect(unit).not.toContain("@");
    expect(read("etc/udev/rules.d/60-myna.rules")).toContain("hidraw");
    expect(read("etc/modules-load.d/myna.conf")).toBe("i2c-dev\n");
    const config = read("boot/firmware/config.txt").split("\n");
    expect(config.filter((line) => line === "dtparam=i2c_arm=on").length).toBe(1);
    expect(config).toContain("gpio=23,24=op,dl");
    expect(config).toContain("dtparam=audio=on");
  });

  test("lets the computer's watchdog reset a system that hangs, unless the owner wants none", () => {
    const path = "etc/systemd/system.conf.d/myna.conf";
    const { read, install } = machine("watched");
    install();
    // A Raspberry Pi's counts to 15 s (bcm2835_wdt.c).
    expect(Number(/^RuntimeWatchdogSec=(\d+)$/m.exec(read(path))![1])).toBeLessThan(15);
    const unwatched = machine("unwatched");
    expect(unwatched.install("--no-watchdog").exitCode).toBe(0);
    expect(existsSync(join(unwatched.root, path))).toBe(false);
  });

  test("changes nothing when it runs again", () => {
    const { root, read, install } = machine("twice");
    install();
    writeFileSync(join(root, "etc/myna/environment"), "OPENAI_API_KEY=mine\n");
    const config = read("boot/firmware/config.txt");
    const { said } = install();
    expect(said).not.toContain(": written");
    expect(read("boot/firmware/config.txt")).toBe(config);
    expect(read("etc/myna/environment")).toBe("OPENAI_API_KEY=mine\n");
  });

  test("only says what it would do with --dry-run", () => {
    const { root, install } = machine("dry");
    const { exitCode, said } = install("--dry-run");
    expect(exitCode).toBe(0);
    expect(said).toContain("would write /etc/systemd/system/myna.service");
    expect(readdirSync(root)).toEqual(["boot"]);
  });
});

describe("the unit", () => {
  const unit = readFileSync(join(DEPLOY, "myna.service"), "utf8");

  test("is one that systemd takes", () => {
    const analyze = tool("systemd-analyze", "systemd");
    const folder = join(BASE, "unit");
    mkdirSync(folder);
    const path = join(folder, "myna.service");
    // Programs that are not there are errors to it: those of this clone, in a folder of its own, stand for the robot's.
    const here = unit.replaceAll("@DIR@/current", ROOT).replaceAll("@USER@", "root");
    writeFileSync(path, here);
    const { exitCode, said } = run([analyze, "verify", "--man=no", "--recursive-errors=no", path]);
    expect(said.split("\n").filter((line) => line.includes("myna.service"))).toEqual([]);
    expect(exitCode).toBe(0);
  });

  test("stops the motors before a start and after every end, without Bun", () => {
    expect(unit).toMatch(/^ExecStartPre=.*stop-motors\.sh$/m);
    expect(unit).toMatch(/^ExecStopPost=.*stop-motors\.sh$/m);
  });

  test("writes no core file, which would keep the wheels turning while it is written", () => {
    expect(unit).toMatch(/^LimitCORE=0$/m);
  });

  test("does not start a robot again whose profile is wrong", () => {
    expect(unit).toMatch(/^RestartPreventExitStatus=.*\b2\b/m);
  });
});

describe("update.sh", () => {
  const UPDATE = join(DEPLOY, "update.sh");

  /** A clone with two versions of a robot whose setup and runtime are scripts, and a systemctl that obeys a file. */
  function robot(name: string) {
    const home = join(BASE, name);
    const source = join(home, "source");
    const dir = join(home, "opt");
    mkdirSync(join(source, "profiles"), { recursive: true });
    const git = (...words: string[]) =>
      run(["git", "-C", source, "-c", "user.name=t", "-c", "user.email=t@t", ...words]);
    const bun =
      '#!/bin/sh\nmkdir -p node_modules/.bin\nprintf "#!/bin/sh\\n$(cat check)\\n" > node_modules/.bin/bun\nchmod +x node_modules/.bin/bun\n';
    writeFileSync(join(source, "setup"), bun);
    chmodSync(join(source, "setup"), 0o755);
    writeFileSync(join(source, "profiles/base.toml"), "");
    git("init", "--quiet", "--initial-branch=main");
    const commit = (version: string, check = "exit 0") => {
      writeFileSync(join(source, "version"), version);
      writeFileSync(join(source, "check"), check);
      git("add", "-A");
      git("commit", "--quiet", "--message", version);
    };
    commit("one");
    const { bin, log } = programs(name, { systemctl: `exit $(cat ${home}/systemctl 2>/dev/null || echo 0)` });
    return {
      commit,
      log,
      failRestarts: (exitCode: number) => writeFileSync(join(home, "systemctl"), String(exitCode)),
      running: () => readFileSync(join(dir, "current/version"), "utf8"),
      versions: () => readdirSync(join(dir, "versions")),
      local: join(dir, "current/profiles/local.toml"),
      current: () => basename(readlinkSync(join(dir, "current"))),
      update: (...flags: string[]) =>
        run([UPDATE, "--dir", dir, ...flags], { PATH: `${bin}:${process.env["PATH"]}` }),
      source,
    };
  }

  test("brings a new version, keeps the owner's settings, and goes back to the old one", () => {
    const { commit, update, running, source, local, log } = robot("forth");
    expect(update("--from", source)).toMatchObject({ exitCode: 0 });
    expect(running()).toBe("one");
    writeFileSync(local, "# mine\n");
    commit("two");
    expect(update("--from", source).exitCode).toBe(0);
    expect(running()).toBe("two");
    expect(readFileSync(local, "utf8")).toBe("# mine\n");
    expect(update("--back").exitCode).toBe(0);
    expect(running()).toBe("one");
    expect(log().filter((line) => line === "systemctl restart myna.service").length).toBe(3);
  });

  test("takes the owner's settings along to a version that is there already, forth and back", () => {
    const { commit, update, running, source, local } = robot("settings");
    update("--from", source);
    writeFileSync(local, "# first\n");
    commit("two");
    update("--from", source);
    writeFileSync(local, "# calibrated\n");
    expect(update("--back").exitCode).toBe(0);
    expect(running()).toBe("one");
    expect(readFileSync(local, "utf8")).toBe("# calibrated\n");
    expect(readFileSync(`${local}.old`, "utf8")).toBe("# first\n");
    writeFileSync(local, "# calibrated again\n");
    expect(update("--from", source).said).toContain("is there already");
    expect(running()).toBe("two");
    expect(readFileSync(local, "utf8")).toBe("# calibrated again\n");
  });

  test("goes back with the settings that the old version had where it does not take the new ones", () => {
    const { commit, update, running, source, local } = robot("refused");
    commit("one", "grep -q newer profiles/local.toml && exit 2; exit 0");
    update("--from", source);
    writeFileSync(local, "# first\n");
    commit("two");
    update("--from", source);
    writeFileSync(local, "newer_key = 1\n");
    const { exitCode, said } = update("--back");
    expect(said).toContain("does not take");
    expect(exitCode).toBe(0);
    expect(running()).toBe("one");
    expect(readFileSync(local, "utf8")).toBe("# first\n");
  });

  test("asks for the value of a flag that has none", () => {
    for (const flag of ["--from", "--dir"]) {
      const { exitCode, said } = run([UPDATE, flag]);
      expect(exitCode).toBe(2);
      expect(said).toContain(`update: ${flag} needs a value`);
    }
  });

  test("leaves a version again that does not come up", () => {
    const { commit, update, running, source, failRestarts } = robot("down");
    update("--from", source);
    commit("two");
    failRestarts(1);
    const { exitCode, said } = update("--from", source);
    expect(exitCode).toBe(1);
    expect(said).toContain("does not come up");
    expect(running()).toBe("one");
  });

  test("changes nothing for a version that does not take the robot's profile", () => {
    const { commit, update, running, versions, source } = robot("profile");
    update("--from", source);
    commit("two", "exit 2");
    const { exitCode, said } = update("--from", source);
    expect(exitCode).toBe(1);
    expect(said).toContain("does not take this robot's profile");
    expect(running()).toBe("one");
    expect(versions().filter((name) => !name.startsWith(".")).length).toBe(1);
  });

  test("says so where there is nothing to go back to", () => {
    const { update, source } = robot("first-only");
    update("--from", source);
    const { exitCode, said } = update("--back");
    expect(exitCode).toBe(1);
    expect(said).toContain("no version before");
  });
});
