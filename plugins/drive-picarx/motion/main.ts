import { pathToFileURL } from "node:url";
import type { I2cBus, LineChip } from "myna";
import { Controller } from "./controller.ts";
import { parseRequest } from "./messages.ts";
import type { Reply } from "./messages.ts";
import { Motion } from "./motion.ts";
import { RobotHat } from "./robot-hat.ts";
import { Sensors } from "./sensors.ts";
import { Servos } from "./servos.ts";
import type { MotionSettings } from "./settings.ts";
import { Ultrasonic } from "./ultrasonic.ts";
import { Wheels } from "./wheels.ts";
import type { MotorWiring } from "./wheels.ts";

/**
 * The motion process: the one owner of the HAT. Told its settings in the first line of stdin, then requests; the end of
 * stdin is the death of its parent. SIGTERM stops and ends it, SIGUSR2 is the emergency stop; SIGINT and SIGHUP are the
 * terminal's and mean the parent.
 */

const TICK_MS = 10;
/** A line that is longer than any request is no request. */
const LONGEST_LINE = 65_536;
/** Exit code when the robot has another owner. */
const BUSY = 3;

function send(reply: Reply): void {
  process.stdout.write(`${JSON.stringify(reply)}\n`);
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

async function start(settings: MotionSettings): Promise<Motion> {
  const consumer = `myna-motion ${process.pid}`;
  const chip = await wireModule<LineChip>(settings.lineChip.module, "openLines", settings.lineChip.options);
  // Whoever holds this line owns the robot: a second start fails here, before it touches the bus.
  const reset = chip.output(settings.lines.motorReset, { consumer, high: true });
  const bus = await wireModule<I2cBus>(settings.i2c.module, "openI2c", settings.i2c.options);
  const hat = new RobotHat(bus, { v5: settings.revision === "v5" });
  const { leftSign, rightSign } = settings.motors;
  const motion = new Motion(
    settings,
    {
      wheels: new Wheels(hat, wiring(settings, chip, consumer), { left: leftSign, right: rightSign }),
      servos: new Servos(hat, settings.servos),
      sensors: new Sensors(hat, settings),
      controller: new Controller(reset),
      begin: () => hat.begin(),
      send,
    },
    performance.now(),
  );
  if (settings.ultrasonic) {
    const lines = { trigger: settings.lines.ultrasonicTrigger, echo: settings.lines.ultrasonicEcho };
    const sonar = new Ultrasonic(chip, lines, consumer, (reading) =>
      motion.sawDistance(reading, performance.now()),
    );
    setInterval(() => sonar.tick(performance.now()), TICK_MS);
  }
  return motion;
}

/** Ticks to absolute deadlines; after a stall it goes on from now. */
function run(motion: Motion): void {
  let dueMs = performance.now();
  const tick = () => {
    const nowMs = performance.now();
    motion.tick(nowMs);
    dueMs = Math.max(dueMs + TICK_MS, nowMs);
    setTimeout(tick, Math.max(1, dueMs - performance.now()));
  };
  tick();
}

function fail(error: unknown, exitCode: number): never {
  const code = (error as { code?: unknown }).code;
  const message = Error.isError(error) ? error.message : String(error);
  send({ type: "fault", code: typeof code === "string" ? code : "DEVICE_FAILED", message });
  process.exit(exitCode);
}

let motion: Motion | undefined;

function leave(exitCode: number): never {
  motion?.stopNow(performance.now());
  motion?.stopNow(performance.now());
  process.exit(exitCode);
}

async function take(line: string): Promise<void> {
  if (!motion) {
    try {
      motion = await start(JSON.parse(line) as MotionSettings);
    } catch (error) {
      fail(error, (error as { code?: unknown }).code === "DEVICE_BUSY" ? BUSY : 1);
    }
    run(motion);
    return;
  }
  const request = parseRequest(line);
  if ("wrong" in request) {
    motion.stopNow(performance.now());
    motion.request({ type: "stop", ended: "failed" }, performance.now());
    send({
      type: "fault",
      code: "ARGUMENT_INVALID",
      message: `a request ${request.wrong}: the wheels were stopped`,
    });
    return;
  }
  motion.request(request, performance.now());
}

process.on("SIGTERM", () => leave(0));
process.on("SIGUSR2", () => motion?.latch("emergency stop by signal", performance.now()));
for (const signal of ["SIGINT", "SIGHUP", "SIGPIPE"] as const) process.on(signal, () => {});
process.on("uncaughtException", (error) => {
  motion?.stopNow(performance.now());
  fail(error, 1);
});
process.on("unhandledRejection", (error) => {
  motion?.stopNow(performance.now());
  fail(error, 1);
});
process.stdout.on("error", () => {});

const decoder = new TextDecoder();
let rest = "";
for await (const bytes of Bun.stdin.stream()) {
  rest += decoder.decode(bytes, { stream: true });
  let end: number;
  while ((end = rest.indexOf("\n")) >= 0) {
    const line = rest.slice(0, end);
    rest = rest.slice(end + 1);
    await take(line);
  }
  if (rest.length <= LONGEST_LINE) continue;
  rest = "";
  await take("");
}
leave(0);
