import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bench, LINES, MOTORS } from "../body/body-kit.ts";

const ROOT = join(import.meta.dir, "../..");
const ON = 2000;

let bench: Bench;
const started: Bun.Subprocess[] = [];
beforeEach(() => void (bench = new Bench()));
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await child.exited;
  }
  bench[Symbol.dispose]();
});

const run = () => join(bench.folder, "run");

/** A runtime in a process of its own, driving. */
async function driving(env: Record<string, string | undefined> = bench.env) {
  const parent = Bun.spawn(
    [process.execPath, join(ROOT, "test/body/parent.ts"), JSON.stringify(bench.settings())],
    { stdin: "pipe", stdout: "pipe", stderr: "ignore", env },
  );
  started.push(parent);
  const { value } = await parent.stdout.getReader().read();
  await bench.until(true);
  return { parent, motionPid: Number(new TextDecoder().decode(value).trim()) };
}

/** A motion process that hears nothing, left with its motors on, and the file that names it. */
async function deaf(name: string, reset: object = { module: join(ROOT, "plugins/board-sim/lines.ts") }) {
  const folder = join(bench.folder, name, "motion");
  mkdirSync(folder, { recursive: true });
  mkdirSync(run(), { recursive: true });
  const script = join(folder, "main.ts");
  writeFileSync(script, 'process.on("SIGUSR2", () => {}); console.log("up"); setInterval(() => {}, 1000);');
  const child = Bun.spawn([process.execPath, script], { stdout: "pipe", env: bench.env });
  started.push(child);
  await child.stdout.getReader().read();
  for (const register of MOTORS) bench.hat.registers[register] = ON;
  bench.hat.levels[LINES.motorReset] = 1;
  const options = { hat: bench.hat.path, ...LINES };
  const owner = {
    ...{ pid: child.pid, owner: name, socket: join(run(), `motion-${name}.sock`) },
    reset: { options, line: LINES.motorReset, ...reset },
  };
  writeFileSync(join(run(), `motion-${name}.json`), `${JSON.stringify(owner)}\n`);
  return child;
}

async function stop(...flags: string[]) {
  const child = Bun.spawn(["sh", join(ROOT, "plugins/drive-picarx/stop.sh"), ...flags], {
    ...{ stdout: "pipe", stderr: "pipe" },
    env: { ...bench.env, BUN: process.execPath },
  });
  const [said, problems] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode: await child.exited, said, problems };
}

describe("the stop command", () => {
  for (const end of ["SIGKILL", "SIGSTOP"] as const)
    test(`stops a motion process that is halted, with its runtime gone by ${end}, and ends itself`, async () => {
      const { parent, motionPid } = await driving();
      process.kill(motionPid, "SIGSTOP");
      parent.kill(end);
      expect(bench.turning).toBe(true);
      expect(await stop()).toMatchObject({ exitCode: 0, problems: "" });
      expect(bench.turning).toBe(false);
      if (end === "SIGSTOP") parent.kill("SIGCONT");
      await Bun.sleep(100);
      expect(bench.turning).toBe(false);
    });

  test("ends one that hears nothing, and resets its motor controller", async () => {
    const child = await deaf("deaf");
    const { resets } = bench.hat;
    const { exitCode, said } = await stop();
    expect(said).toContain("deaf: stopped: it did not answer");
    expect(exitCode).toBe(0);
    expect(bench.hat.resets).toBe(resets + 1);
    expect(bench.turning).toBe(false);
    expect(await child.exited).not.toBe(0);
    expect(readdirSync(run())).toContain("motion-deaf.latch");
  });

  test("says loudly that it could not stop one, and what does, and still stops the others", async () => {
    await deaf("mute", { module: join(bench.folder, "none.ts") });
    for (const register of MOTORS) bench.hat.registers[register] = 0;
    await driving();
    const { exitCode, said, problems } = await stop();
    expect(problems).toContain("mute: NOT STOPPED");
    expect(problems).toContain("deploy/stop-motors.sh");
    expect(said).toContain('a test: {"pid":');
    expect(exitCode).toBe(1);
    expect(bench.turning).toBe(false);
  });

  test("finds a robot whose file is broken, and the robot's next start mends the file", async () => {
    const { parent } = await driving();
    const file = join(
      run(),
      readdirSync(run()).find((name) => name.endsWith(".json"))!,
    );
    truncateSync(file, 0);
    const { exitCode, said } = await stop();
    expect(said).toContain('"latched":"');
    expect(exitCode).toBe(0);
    expect(bench.turning).toBe(false);
    expect(await stop("--release")).toMatchObject({ exitCode: 0 });
    parent.kill("SIGKILL");
    while (readdirSync(run()).length > 0) await Bun.sleep(5);
    writeFileSync(file, '{"pid":');
    await driving();
    expect(await stop()).toMatchObject({ exitCode: 0, said: expect.stringContaining("a test: ") });
  });

  test("stops a robot that could leave no file, and says that nobody has answered", async () => {
    writeFileSync(run(), "no folder");
    await driving();
    const { exitCode, problems } = await stop();
    expect(problems).toContain("it left no file of itself");
    expect(exitCode).toBe(1);
    await bench.until(false);
  });

  test("needs no bun on the path, and may be called in its own folder", async () => {
    await driving();
    const { exitCode, stdout } = Bun.spawnSync(["sh", "stop.sh"], {
      cwd: join(ROOT, "plugins/drive-picarx"),
      env: { ...bench.env, BUN: undefined, PATH: "/usr/bin:/bin" },
    });
    expect(stdout.toString()).toContain('"latched":');
    expect(exitCode).toBe(0);
    await bench.until(false);
  });

  test("says how it is used, and stops nothing, when it is asked for that", async () => {
    await driving();
    const { exitCode, said, problems } = await stop("--help");
    expect(said).toStartWith("Usage: bun run stop [--release]");
    expect({ exitCode, problems }).toEqual({ exitCode: 0, problems: "" });
    expect(bench.turning).toBe(true);
    expect(await stop("--fast")).toMatchObject({ exitCode: 2, said: "" });
  });

  test("says of a release while nobody drives what was not released", async () => {
    mkdirSync(run(), { recursive: true });
    writeFileSync(join(run(), "motion-away.latch"), "the reset button was pressed\n");
    const { exitCode, problems } = await stop("--release");
    expect(problems).toContain("not released");
    expect(problems).toContain("the reset button was pressed");
    expect(exitCode).toBe(3);
    expect(readdirSync(run())).toEqual(["motion-away.latch"]);
  });

  test("does not run what another user's file names", async () => {
    const other = join(bench.folder, "other.ts");
    const ran = join(bench.folder, "ran");
    writeFileSync(other, `await Bun.write(${JSON.stringify(ran)}, "");`);
    await deaf("other", { module: other });
    const file = join(run(), "motion-other.json");
    chmodSync(file, 0o644);
    expect(Bun.spawnSync(["chown", "65534", file]).exitCode).toBe(0);
    const { exitCode, problems } = await stop();
    expect(problems).toContain("another user's");
    expect(exitCode).toBe(1);
    expect(await Bun.file(ran).exists()).toBe(false);
  });
});
