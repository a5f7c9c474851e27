import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HatMemory, sharedNowMs } from "../../plugins/board-sim/hat-memory.ts";
import { MOTORS, stoppedAtMs } from "../../test/body/body-kit.ts";
import { JoystickPipe } from "../../test/fixtures/joystick-pipe.ts";
import { ROBOT_DRIVE, SIMULATED_BODY } from "../../test/fixtures/simulated-body.ts";
import { RawServer } from "../../test/kit/raw-server.ts";
import { Room } from "../../test/kit/room.ts";
import { startTestRobot } from "../../test/kit/test-robot.ts";
import type { TestRobot, TestRobotOptions } from "../../test/kit/test-robot.ts";
import { flite } from "../../test/kit/voices.ts";
import { until } from "../fixtures/desktop-sim.ts";
import type { Measures, Part } from "../part.ts";
import { percentile } from "../stopwatch.ts";

const RUNS = 20;
const LONG_RUNS = 100;
const WAIT_MS = 10_000;
/** A word is said again when it was not heard within this. */
const WORD_WAIT_MS = 2500;
const WORD_TRIES = 3;
/** So long it drives before it is stopped, and each time by a part of a tick and of a beat longer. */
const DRIVE_MS = 150;
const DRIVE_STEP_MS = 7.3;
const LEASE_MS = 400;
/** The car has rolled out, and the HAT's second stop is over. */
const REST_MS = 400;
/** BCM number of the HAT's button, and the joystick's number of the pad's. */
const USER_BUTTON = 25;
const PAD_STOP = 1;
const STOP_COMMAND = join(import.meta.dir, "../../plugins/drive-picarx/stop.sh");

/** A simulated HAT in a file that outlives the robot on it. */
class Judge implements Disposable {
  readonly folder = mkdtempSync("/dev/shm/myna-stop-");
  readonly path = join(this.folder, "hat");
  readonly hat = HatMemory.open(this.path);
  #from = 0;

  /** Resolves when both motors run; what is written from now on is judged. */
  async driving(): Promise<void> {
    await until(() => this.#turning(), WAIT_MS, "the wheels to turn");
    this.#from = this.hat.written;
  }

  /** When both motors' registers were at zero, {@link sharedNowMs}. */
  async stoppedAtMs(): Promise<number> {
    await until(() => stoppedAtMs(this.hat, this.#from) !== undefined, WAIT_MS, "the wheels to stop");
    if (this.#turning()) throw new Error("The wheels turn again.");
    return stoppedAtMs(this.hat, this.#from)!;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #turning(): boolean {
    return MOTORS.every((register) => this.hat.registers[register] !== 0);
  }
}

function drive(run: number): Promise<void> {
  return Bun.sleep(DRIVE_MS + (run % 20) * DRIVE_STEP_MS);
}

/** A runtime of its own for each run: what ends it is `end`. */
function ofProcess(end: "SIGKILL" | "SIGSEGV" | "exit" | "hang") {
  return async ({ long }: { long: boolean }): Promise<Measures> => {
    const tookMs: number[] = [];
    for (let run = 0; run < (long ? LONG_RUNS : RUNS); run++) {
      using judge = new Judge();
      const mark = join(judge.folder, "mark");
      const robot = Bun.spawn(
        [process.execPath, join(import.meta.dir, "../fixtures/driving-robot.ts"), judge.path, mark],
        {
          stdin: "pipe",
          stdout: "ignore",
          stderr: "inherit",
          env: { ...process.env, MYNA_RUN_FOLDER: judge.folder },
        },
      );
      try {
        await judge.driving();
        await drive(run);
        let atMs = sharedNowMs();
        if (end === "SIGKILL" || end === "SIGSEGV") {
          robot.kill(end);
        } else {
          robot.stdin.write(`${end}\n`);
          await robot.stdin.flush();
        }
        const stoppedMs = await judge.stoppedAtMs();
        if (end === "exit" || end === "hang") atMs = Number(readFileSync(mark, "utf8"));
        tookMs.push(stoppedMs - atMs);
      } finally {
        robot.kill("SIGKILL");
        await robot.exited;
      }
    }
    return figures(tookMs);
  };
}

/** One robot in this process, stopped again and again; forward and backward in turns, so that it has room. */
async function ofRobot(
  { long }: { long: boolean },
  options: TestRobotOptions,
  stop: (robot: TestRobot, moved: Promise<unknown>, startedMs: number, hat: HatMemory) => Promise<number>,
  before: (robot: TestRobot, hat: HatMemory) => Promise<void> = async () => {},
): Promise<Measures> {
  using judge = new Judge();
  process.env["MYNA_RUN_FOLDER"] = judge.folder;
  const plugins = {
    ...SIMULATED_BODY,
    ...options.plugins,
    drive: { ...ROBOT_DRIVE, ...options.plugins?.["drive"] },
    board: { use: "board-sim", hat: judge.path, room: "corridor" },
    movement: { use: "tools-movement" },
  };
  await using robot = await startTestRobot({ ...options, plugins });
  const tookMs: number[] = [];
  // The first motion waits until the motor controller has started.
  await robot.service("drive").move({ distanceM: 0.05 });
  for (let run = 0; run < (long ? LONG_RUNS : RUNS); run++) {
    await before(robot, judge.hat);
    const startedMs = sharedNowMs();
    const moved = robot.service("drive").move({ distanceM: run % 2 ? -3 : 3 });
    await judge.driving();
    await drive(run);
    const atMs = await stop(robot, moved, startedMs, judge.hat);
    tookMs.push((await judge.stoppedAtMs()) - atMs);
    await moved;
    await Bun.sleep(REST_MS);
  }
  return figures(tookMs);
}

function figures(tookMs: readonly number[]): Measures {
  return { median_ms: percentile([...tookMs], 50), max_ms: Math.max(...tookMs), runs: tookMs.length };
}

async function stopCommand(...flags: string[]): Promise<void> {
  const env = { ...process.env, BUN: process.execPath };
  const command = Bun.spawn(["sh", STOP_COMMAND, ...flags], { stdout: "ignore", env });
  if ((await command.exited) !== 0) throw new Error("The stop command did not reach the robot.");
}

async function release(robot: TestRobot): Promise<void> {
  const body = robot.service("body");
  await body.release();
  await until(() => body.state()?.latched === undefined, WAIT_MS, "the release");
}

function buttonIsUp(robot: TestRobot): boolean {
  return robot.health().plugins.find(({ id }) => id === "button")?.inspect["pressed"] === false;
}

async function post(robot: TestRobot, path: string): Promise<void> {
  const response = await fetch(robot.service("web").url() + path, { method: "POST" });
  if (!response.ok) throw new Error(`POST /${path}: ${response.status}`);
  await response.text();
}

/**
 * What stops the robot, by name. A stop that comes by another door (a page's POST /stop) is one more entry: plugins that open the
 * door, what knocks, and what releases it before the next run.
 */
const cases: Part["cases"] = {
  sigkill: ofProcess("SIGKILL"),
  sigsegv: ofProcess("SIGSEGV"),
  exit: ofProcess("exit"),
  hang: ofProcess("hang"),
  lease: (options) =>
    ofRobot(
      options,
      { plugins: { drive: { use: "drive-picarx", lease_s: LEASE_MS / 1000 } } },
      async (_, moved, startedMs) => {
        await moved;
        return startedMs + LEASE_MS;
      },
    ),
  stop_tool: (options) =>
    ofRobot(options, {}, async (robot) => {
      const atMs = sharedNowMs();
      await robot.call("stop");
      return atMs;
    }),
  stop_cli: (options) =>
    ofRobot(
      options,
      {},
      async () => {
        const atMs = sharedNowMs();
        await stopCommand();
        return atMs;
      },
      async (robot) => {
        await stopCommand("--release");
        await until(() => robot.service("body").state()?.latched === undefined, WAIT_MS, "the release");
      },
    ),
  stop_button: (options) =>
    ofRobot(
      options,
      { plugins: { button: { use: "button-gpio", on_long_press: "none" } } },
      async (_, __, ___, hat) => {
        const atMs = sharedNowMs();
        hat.levels[USER_BUTTON] = 0;
        return atMs;
      },
      async (robot, hat) => {
        hat.levels[USER_BUTTON] = 1;
        await until(() => buttonIsUp(robot), WAIT_MS, "the button to be let go");
        await release(robot);
      },
    ),
  async stop_pad(options) {
    using pad = new JoystickPipe();
    return await ofRobot(
      options,
      { plugins: { pad: { use: "gamepad-hid", hid: false, input_folder: pad.folder } } },
      async () => {
        const atMs = sharedNowMs();
        pad.press(PAD_STOP);
        return atMs;
      },
      async (robot) => {
        const found = () => robot.health().plugins.find(({ id }) => id === "pad")?.state === "ready";
        await until(found, WAIT_MS, "the pad to be found");
        pad.press(PAD_STOP, false);
        await release(robot);
      },
    );
  },
  async stop_word(options) {
    const room = new Room({ echoDb: -Infinity });
    const word = await flite("stop", "awb");
    let listening = false;
    return await ofRobot(
      options,
      { plugins: { words: { use: "keyword-pocketsphinx" } } },
      async (robot) => {
        const sinceMs = performance.now();
        const heard = () => robot.events("keyword.heard").find(({ heard_at_ms: atMs }) => atMs > sinceMs);
        // Not every one is heard: who is not obeyed says it again.
        for (let said = 0; said < WORD_TRIES && !heard(); said++) {
          room.say(word);
          await until(() => heard() !== undefined, WORD_WAIT_MS, "the word").catch(() => {});
        }
        const { heard_at_ms: heardAtMs = NaN } = heard() ?? {};
        return performance.timeOrigin + heardAtMs;
      },
      async (robot) => {
        if (listening) return;
        listening = true;
        await robot.robot.audio.port.openCapture(room.microphone);
      },
    );
  },
  stop_web: (options) =>
    ofRobot(
      options,
      { plugins: { web: { use: "web-door", port: 0 } } },
      async (robot) => {
        const atMs = sharedNowMs();
        await post(robot, "stop");
        return atMs;
      },
      async (robot) => {
        await post(robot, "stop/release");
        await until(() => robot.service("body").state()?.latched === undefined, WAIT_MS, "the release");
      },
    ),
  async link_lost(options) {
    await using server = await RawServer.listen();
    const connect = async (robot: TestRobot) => {
      wire = await server.accept();
      await wire.configure();
      const ready = () => robot.robot.bus.last("session.state_changed")?.state === "ready";
      await until(ready, WAIT_MS, "the link");
    };
    let wire: Awaited<ReturnType<RawServer["accept"]>> | undefined;
    const session = { service: "", url: server.url, reconnect: { initial_ms: 50, max_ms: 50 } };
    return await ofRobot(
      options,
      { session },
      async () => {
        const atMs = sharedNowMs();
        wire!.drop();
        return atMs;
      },
      connect,
    );
  },
};

const TITLES: Readonly<Record<string, { title: string; most: number }>> = {
  sigkill: { title: "the runtime is killed", most: 20 },
  sigsegv: { title: "the runtime crashes", most: 20 },
  exit: { title: "the runtime exits", most: 20 },
  hang: { title: "the runtime's event loop hangs", most: 350 },
  lease: { title: "the intent's lease ends: one tick", most: 10 },
  stop_tool: { title: "the stop tool is called", most: 50 },
  stop_cli: { title: "`sh plugins/drive-picarx/stop.sh` is started", most: 50 },
  stop_button: { title: "the HAT's button is pressed", most: 50 },
  stop_word: { title: "the stop word was recognised", most: 50 },
  stop_pad: { title: "the gamepad's stop button is pressed", most: 50 },
  stop_web: { title: "`POST /stop` is sent", most: 50 },
  link_lost: { title: "the server drops the connection", most: 50 },
};

/**
 * From the cause to the moment at which both motors' registers of the simulated HAT are zero, written down by whoever wrote
 * them; the slowest of all runs.
 */
export const part: Part = {
  rounds: 1,
  limitS: 600,
  rows: Object.entries(TITLES).map(([name, { title, most }]) => ({
    name,
    title: `${title}, to both motors' registers at zero; slowest run`,
    unit: "ms",
    metric: "max_ms",
    peers: [],
    ours: name,
    across: "worst",
    spread: true,
    goals: [{ kind: "at_most", most }],
  })),
  cases,
};
