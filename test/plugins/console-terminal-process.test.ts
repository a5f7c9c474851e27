import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

setDefaultTimeout(60_000);

const ROOT = join(import.meta.dir, "../..");
const ROBOT = [
  process.execPath,
  "core/main.ts",
  ...["plugins.mic.use=mic-wav", "plugins.speaker.use=speaker-wav", "plugins.metrics.port=0"].flatMap(
    (one) => ["--set", one],
  ),
];

/** A robot with a terminal of its own, as a person would sit at it. */
class Sitting {
  #screen = "";
  readonly #changed = new Set<() => void>();
  readonly process = Bun.spawn(ROBOT, {
    cwd: ROOT,
    env: { ...process.env, TERM: "xterm", NO_COLOR: "1" },
    terminal: {
      cols: 100,
      rows: 30,
      data: (_, bytes) => {
        this.#screen += new TextDecoder().decode(bytes);
        this.#changed.forEach((wake) => wake());
        this.#changed.clear();
      },
    },
  });

  type(text: string): void {
    this.process.terminal?.write(text);
  }

  /** Resolves when the terminal has shown `pattern`. */
  async sees(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#screen)) {
      if (this.process.exitCode !== null)
        throw new Error(`the robot ended without ${pattern}: ${this.#screen}`);
      const next = Promise.withResolvers<void>();
      this.#changed.add(next.resolve);
      await next.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.process.exited;
    this.process.terminal?.close();
  }
}

test("a person at the terminal is greeted, types a sentence and is answered", async () => {
  await using sitting = new Sitting();
  await sitting.sees(/try {7}"move forward/);
  await sitting.sees(/link {6}ready ws:/);
  await sitting.sees(/page {6}see it at http:\/\/127\.0\.0\.1:\d+\//);
  sitting.type("how far is the wall\r");
  await sitting.sees(/you {7}how far is the wall/);
  await sitting.sees(/heard {5}\S/);
  await sitting.sees(/robot {5}\S/);
  sitting.type("/state\r");
  await sitting.sees(/plugin {4}terminal \(console-terminal\) ready/);
});

for (const [key, code] of [
  ["Ctrl-C", "\x03"],
  ["Ctrl-D", "\x04"],
] as const) {
  test(`${key} leaves within a second with exit code 0`, async () => {
    await using sitting = new Sitting();
    await sitting.sees(/link {6}ready ws:/);
    const startedMs = performance.now();
    sitting.type(code);
    expect(await sitting.process.exited).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(1000);
  });
}

test("lines of a stdin that is no terminal are said one after the other, without escape sequences", async () => {
  const robot = Bun.spawn([...ROBOT, "--exit"], {
    cwd: ROOT,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  void robot.stdin.write("stop\n\nhow far is the wall\n");
  void robot.stdin.end();
  const out = await new Response(robot.stdout).text();
  expect(out).toMatch(/say {7}stop\n[^]*robot {5}\S[^]*say {7}how far is the wall\n[^]*robot {5}\S/);
  expect(out).toContain("2 of 2 utterances answered");
  expect(out).not.toContain("\x1b");
  expect(await robot.exited).toBe(0);
});

test("--exit without anything to say leaves as soon as the robot is ready", async () => {
  const robot = Bun.spawn([...ROBOT, "--exit"], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  expect(await new Response(robot.stdout).text()).toMatch(/link {6}ready/);
  expect(await robot.exited).toBe(0);
});

test("a reader of --json that leaves ends the robot", async () => {
  const robot = Bun.spawn([...ROBOT, "--json", "--say", "stop"], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const reader = robot.stdout.getReader();
  const first = new TextDecoder().decode((await reader.read()).value).split("\n")[0] ?? "";
  expect(JSON.parse(first)).toEqual({
    t_ms: expect.any(Number),
    topic: expect.any(String),
    event: expect.anything(),
  });
  await reader.cancel();
  expect(await robot.exited).toBe(0);
});

test("--json ends with the last event whole, also where the reader is slow", async () => {
  const command = [...ROBOT, "--json", "--exit", "--say", "stop"].map((word) => `'${word}'`).join(" ");
  const pipe = Bun.spawn(["sh", "-c", `${command} 2>/dev/null | (sleep 0.5; cat)`], {
    cwd: ROOT,
    stdout: "pipe",
  });
  const lines = (await new Response(pipe.stdout).text()).trimEnd().split("\n");
  const topics = lines.map((line) => (JSON.parse(line) as { topic: string }).topic);
  expect(topics).toContain("assistant.transcript");
  expect(topics).toContain("runtime.stopping");
});

test("a server that is never there fails the script with its reason and exit code 1", async () => {
  const command = ["--set", "session.service=", "--set", "session.url=ws://127.0.0.1:1/", "--set"];
  const limits = ["plugins.terminal.ready_timeout_s=0.5", "--say", "stop", "--exit"];
  const robot = Bun.spawn([...ROBOT, ...command, ...limits], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  const out = await new Response(robot.stdout).text();
  expect(out).toMatch(/failed {4}"stop": no link to the Realtime server for 0\.5 s/);
  expect(out).toContain("0 of 1 utterances answered");
  expect(await robot.exited).toBe(1);
});
