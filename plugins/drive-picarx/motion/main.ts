import { pathToFileURL } from "node:url";
import type { I2cBus, LineChip } from "myna";
import { Controller } from "./controller.ts";
import { Inbox } from "./inbox.ts";
import { LatchFile } from "./latch-file.ts";
import type { Reply } from "./messages.ts";
import { Motion } from "./motion.ts";
import { endWithParent } from "./parent-death.ts";
import { runBeforeOthers } from "./priority.ts";
import { RobotHat } from "./robot-hat.ts";
import { RobotLock } from "./robot-lock.ts";
import { runFolders } from "./run-folder.ts";
import { Sensors } from "./sensors.ts";
import { Servos } from "./servos.ts";
import type { MotionSettings } from "./settings.ts";
import { StopSocket } from "./stop-socket.ts";
import { Ultrasonic } from "./ultrasonic.ts";
import { Wheels } from "./wheels.ts";
import type { MotorWiring } from "./wheels.ts";

/**
 * The motion process: the one owner of the HAT. Told its settings in the first line of stdin, then requests; the end of
 * stdin is the death of its parent, and so is the SIGTERM that comes sooner. SIGTERM stops and ends it, SIGUSR2 is the emergency stop; SIGINT and SIGHUP are the
 * terminal's and mean the parent.
 */

const TICK_MS = 10;
const TICK_AT_REST_MS = 50;
/** A line that is longer than any request is no request. */
const LONGEST_LINE = 65_536;
/** Exit code when the robot has another owner. */
const BUSY = 3;
/** How long the last words may take. */
const LAST_WORDS_MS = 50;

function send(reply: Reply): void {
  const said = reply.type === "state" ? { ...reply, heard: inbox.number } : reply;
  process.stdout.write(`${JSON.stringify(said)}\n`);
}

async function wireModule<T>(module: string, name: string, options: unknown): Promise<T> {
  const url = module.startsWith("file:") ? module : pathToFileURL(module).href;
  const loaded = (await import(url)) as Record<string, (options: unknown) => T>;
  const open = loaded[name];
  if (!open) throw new Error(`${module} exports no ${name}`);
  return open(options);
}

function wiring(settings: MotionSettings, chip: LineChip, consumer: string): MotorWiring {
  const { leftDirection, rightDirection } = settings.lines;
  if (leftDirection === null || rightDirection === null)
    return { kind: "two_pwm", left: [12, 13], right: [14, 15] };
  return {
    kind: "direction",
    left: { pwm: 13, line: chip.output(leftDirection, { consumer, high: false }) },
    right: { pwm: 12, line: chip.output(rightDirection, { consumer, high: false }) },
  };
}

let motion: Motion | undefined;
let sonar: Ultrasonic | undefined;
let lock: RobotLock | undefined;
/** Ticks now instead of when it is due. */
let wake = () => {};

async function start(settings: MotionSettings): Promise<Motion> {
  const consumer = `myna-motion ${process.pid}`;
  lock = RobotLock.take(runFolders(), [settings.i2c, settings.lineChip], {
    owner: settings.owner,
    reset: { ...settings.lineChip, line: settings.lines.motorReset },
  });
  const latch = lock && new LatchFile(runFolders(), lock.socket);
  const keep = (reason: string | undefined) => {
    try {
      latch?.write(reason);
    } catch (error) {
      const message = `the emergency stop ${reason === undefined ? "comes back" : "is forgotten"} with the next start: ${String(error)}`;
      send({ type: "fault", code: "DEVICE_FAILED", message });
    }
  };
  // That of a process that died before it could leave it is told by the parent.
  const latched = latch?.read() ?? settings.latched;
  if (latched !== undefined) keep(latched);
  const chip = await wireModule<LineChip>(settings.lineChip.module, "openLines", settings.lineChip.options);
  // Whoever holds this line owns the robot: a second start fails here, before it touches the bus.
  const reset = chip.output(settings.lines.motorReset, { consumer, high: true });
  const bus = await wireModule<I2cBus>(settings.i2c.module, "openI2c", settings.i2c.options);
  const hat = new RobotHat(bus, { v5: settings.revision === "v5" });
  const { leftSign, rightSign } = settings.motors;
  const started = new Motion(
    { ...settings, ...(latched !== undefined && { latched }) },
    {
      wheels: new Wheels(hat, wiring(settings, chip, consumer), { left: leftSign, right: rightSign }),
      servos: new Servos(hat, settings.servos),
      sensors: new Sensors(hat, settings),
      controller: new Controller(reset),
      begin: () => hat.begin(),
      send,
      keep,
    },
    performance.now(),
  );
  if (settings.ultrasonic) {
    const lines = { trigger: settings.lines.ultrasonicTrigger, echo: settings.lines.ultrasonicEcho };
    sonar = new Ultrasonic(chip, lines, consumer, (reading) =>
      started.sawDistance(reading, performance.now()),
    );
  }
  if (lock) listen(lock.socket, started);
  else {
    const message = `none of ${runFolders().join(", ")} can be written: \`bun run stop\` reaches this robot by a signal only`;
    send({ type: "fault", code: "DEVICE_FAILED", message });
  }
  return started;
}

/** Without its socket it still takes the signal. */
function listen(path: string, started: Motion): void {
  try {
    const socket = new StopSocket(path, started);
    process.once("exit", () => socket.close());
  } catch (error) {
    send({ type: "fault", code: "DEVICE_FAILED", message: `no stop socket at ${path}: ${String(error)}` });
  }
}

/** Ticks to absolute deadlines, and where a lease ends; after a stall it goes on from now. */
function run(started: Motion): void {
  let dueMs = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tick = () => {
    const nowMs = performance.now();
    started.tick(nowMs);
    sonar?.tick(nowMs, started.moving);
    const { idle } = started;
    dueMs = Math.max(dueMs + (idle ? TICK_AT_REST_MS : TICK_MS), nowMs);
    const nextMs = Math.min(dueMs, Math.max(nowMs, started.leaseEndsMs));
    timer = setTimeout(tick, Math.max(1, nextMs - performance.now()));
    wake = idle ? tickNow : () => {};
  };
  const tickNow = () => {
    clearTimeout(timer);
    dueMs = performance.now();
    tick();
  };
  tick();
}

/** Motors first, then the last words, then the end. */
async function leave(exitCode: number, last?: Reply): Promise<never> {
  motion?.leave("stopped", performance.now());
  lock?.release();
  if (last) send(last);
  const told = Promise.withResolvers<void>();
  process.stdout.write("\n", () => told.resolve());
  await Promise.race([told.promise, Bun.sleep(LAST_WORDS_MS)]);
  process.exit(exitCode);
}

function faultOf(error: unknown): Reply {
  const { code } = error as { code?: unknown };
  const message = Error.isError(error) ? error.message : String(error);
  return { type: "fault", code: typeof code === "string" ? code : "DEVICE_FAILED", message };
}

function take(line: string): void {
  const nowMs = performance.now();
  const incoming = inbox.take(line, nowMs);
  if ("wrong" in incoming) {
    motion!.request({ type: "stop", ended: "failed" }, nowMs, Infinity);
    const message = `a request ${incoming.wrong}: the wheels were stopped`;
    send({ type: "fault", code: "ARGUMENT_INVALID", message });
    return;
  }
  motion!.request(incoming.request, nowMs, incoming.delayMs);
  wake();
}

process.on("SIGTERM", () => void leave(0));
process.on("SIGUSR2", () => motion?.latch("emergency stop by signal", performance.now()));
for (const signal of ["SIGINT", "SIGHUP", "SIGPIPE"] as const) process.on(signal, () => {});
process.on("uncaughtException", (error) => void leave(1, faultOf(error)));
process.on("unhandledRejection", (error) => void leave(1, faultOf(error)));
process.stdout.on("error", () => {});
runBeforeOthers();
endWithParent();
const inbox = new Inbox();
const decoder = new TextDecoder();
let rest = "";
for await (const bytes of Bun.stdin.stream()) {
  rest += decoder.decode(bytes, { stream: true });
  let end: number;
  while ((end = rest.indexOf("\n")) >= 0) {
    const line = rest.slice(0, end);
    rest = rest.slice(end + 1);
    if (motion) {
      take(line);
      continue;
    }
    try {
      motion = await start(JSON.parse(line) as MotionSettings);
      send({ type: "claimed" });
      run(motion);
    } catch (error) {
      await leave((error as { code?: unknown }).code === "DEVICE_BUSY" ? BUSY : 1, faultOf(error));
    }
  }
  if (rest.length <= LONGEST_LINE) continue;
  rest = "";
  if (motion) take("");
}
await leave(0);
