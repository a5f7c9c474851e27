import { describe, expect, test } from "bun:test";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { sharedNowMs } from "../../plugins/board-sim/hat-memory.ts";
import type { MotionSettings } from "../../plugins/drive-picarx/motion/settings.ts";
import { Bench } from "./body-kit.ts";

/** A runtime in a process of its own, driving. */
async function driving(bench: Bench, limits?: Partial<MotionSettings["limits"]>) {
  const { parent, motionPid } = await bench.parent(limits);
  await bench.until(true);
  const tell = (what: string) => {
    parent.stdin.write(`${what}\n`);
    parent.stdin.flush();
  };
  return { parent, motionPid, tell };
}

/** False also for one that has ended and that nobody has taken leave of. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await Bun.sleep(2);
}

describe("the wheels stop when the runtime", () => {
  for (const signal of ["SIGKILL", "SIGSEGV", "SIGABRT", "SIGTERM"] as const) {
    test(`dies by ${signal}, and the motion process goes with it`, async () => {
      using bench = new Bench();
      const { parent, motionPid } = await driving(bench);
      parent.kill(signal);
      await bench.until(false);
      await gone(motionPid);
      expect(bench.turning).toBe(false);
    });
  }

  for (const end of ["exit", "throw", "close"]) {
    test(`ends by "${end}"`, async () => {
      using bench = new Bench();
      const { motionPid, tell } = await driving(bench);
      tell(end);
      await bench.until(false);
      await gone(motionPid);
      expect(bench.turning).toBe(false);
    });
  }

  test("hangs, although it is alive", async () => {
    using bench = new Bench();
    const { parent, motionPid, tell } = await driving(bench);
    tell("hang");
    await bench.until(false);
    expect(isAlive(parent.pid)).toBe(true);
    parent.kill("SIGKILL");
    await gone(motionPid);
  });

  test("is stopped by a debugger or a full disk (SIGSTOP), and stays stopped when it goes on", async () => {
    using bench = new Bench();
    const { parent, motionPid } = await driving(bench);
    parent.kill("SIGSTOP");
    await bench.until(false);
    parent.kill("SIGCONT");
    const untilMs = sharedNowMs() + 400;
    while (sharedNowMs() < untilMs) {
      expect(bench.turning).toBe(false);
      await Bun.sleep(5);
    }
    parent.kill("SIGKILL");
    await gone(motionPid);
  });

  test("says what no request is", async () => {
    using bench = new Bench();
    const { parent, motionPid, tell } = await driving(bench);
    tell("garbage");
    await bench.until(false);
    parent.kill("SIGKILL");
    await gone(motionPid);
  });
});

describe("the motion process", () => {
  test("goes with its parent where somebody else holds its stdin open", async () => {
    using bench = new Bench();
    const stdin = join(bench.folder, "stdin");
    expect(Bun.spawnSync(["mkfifo", stdin]).exitCode).toBe(0);
    const main = join(import.meta.dir, "../../plugins/drive-picarx/motion/main.ts");
    const script = '"$0" "$1" < "$2" & echo $!; wait';
    const parent = Bun.spawn(["sh", "-c", script, process.execPath, main, stdin], {
      stdout: "pipe",
      stderr: "ignore",
      env: bench.env,
    });
    const held = openSync(stdin, "w");
    try {
      writeSync(held, `${JSON.stringify(bench.settings())}\n`);
      let text = "";
      for await (const bytes of parent.stdout) {
        text += new TextDecoder().decode(bytes);
        if (text.includes('"claimed"')) break;
      }
      parent.kill("SIGKILL");
      await gone(Number(/^\d+$/m.exec(text)?.[0]));
    } finally {
      closeSync(held);
    }
  });

  test("is not ended by the Ctrl-C that is meant for the runtime", async () => {
    using bench = new Bench();
    const { parent, motionPid } = await driving(bench);
    process.kill(motionPid, "SIGINT");
    process.kill(motionPid, "SIGHUP");
    await Bun.sleep(100);
    expect(bench.turning).toBe(true);
    parent.kill("SIGKILL");
    await gone(motionPid);
  });

  test("takes a signal as emergency stop, which stays", async () => {
    using bench = new Bench();
    const { parent, motionPid } = await driving(bench);
    process.kill(motionPid, "SIGUSR2");
    await bench.until(false);
    await Bun.sleep(100);
    expect(bench.turning).toBe(false);
    parent.kill("SIGKILL");
    await gone(motionPid);
  });

  test("refuses a robot that has an owner, and names it", async () => {
    using bench = new Bench();
    const { parent, motionPid } = await driving(bench);
    const second = Bun.spawn(
      [process.execPath, join(import.meta.dir, "../../plugins/drive-picarx/motion/main.ts")],
      {
        stdin: Buffer.from(`${JSON.stringify(bench.settings())}\n`),
        stdout: "pipe",
        env: bench.env,
      },
    );
    const said = await new Response(second.stdout).text();
    expect(await second.exited).toBe(3);
    expect(said).toContain("DEVICE_BUSY");
    expect(said).toContain(String(motionPid));
    expect(bench.turning).toBe(true);
    parent.kill("SIGKILL");
    await gone(motionPid);
  });
});
