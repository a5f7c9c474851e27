import { afterEach, beforeAll, expect, test } from "bun:test";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { checkUnit } from "../../../plugins/supervisor-systemd/doctor.ts";
import { sharedNowMs } from "../../../plugins/board-sim/hat-memory.ts";
import { stoppedAtMs } from "../../body/body-kit.ts";
import { motionPids } from "../guest/processes.ts";
import { RobotService, command, journal, watchdog } from "./robot-service.ts";

/** deploy/myna.service, seconds. */
const WATCHDOG_S = 10;
/** An event loop that hangs, as robot-hat.guest.ts has it. */
const HANG_LIMIT_MS = 350;
/** Fields 19 and 41 of /proc/PID/stat, behind the name (proc(5)); 2 is SCHED_RR. */
const NICE = 16;
const POLICY = 38;

let robot: RobotService;
let restarts = 0;
beforeAll(async () => {
  robot = await RobotService.install();
}, 120_000);
afterEach(() => expect(robot.turning).toBe(false));

/** What stopped the wheels, and how long it took: `fault` is to stop them. */
async function stoppedAfterMs(fault: () => void): Promise<number> {
  await robot.drive();
  const { written } = robot.hat;
  const atMs = sharedNowMs();
  fault();
  await robot.stands();
  robot.letGo();
  return stoppedAtMs(robot.hat, written)! - atMs;
}

/** To all processes of the service. */
const kill = (signal: string) => () =>
  void command(["systemctl", "kill", `--signal=${signal}`, "--kill-whom=all", "myna"]);

test("install.sh puts the robot on a systemd, which runs it unprivileged on its devices and knows when it is ready", async () => {
  robot.start();
  expect(robot.property("ActiveState")).toBe("active");
  const { uid } = statSync(`/proc/${robot.mainPid}`);
  expect(uid).toBe(Number(command(["id", "-u", "myna"])));
  const run = async (words: string[]) => ({ code: 0, text: command(words) });
  expect(await checkUnit({ run })).toMatchObject([
    { name: "myna.service", state: "ok", message: "active (running), restarts: 0" },
    { name: "watchdog", state: "ok" },
  ]);
}, 120_000);

/** Fields of all threads of a process. */
function threads(pid: number, field: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[field]);
  });
}

test("the unit grants the motion process real time, and the audio threads to run before the rest", () => {
  const [motion] = motionPids();
  expect(new Set(threads(motion!, POLICY))).toEqual(new Set([2]));
  expect(threads(robot.mainPid, NICE)).toContain(-11);
});

test("systemd feeds the computer's watchdog", () => {
  expect(watchdog()).toMatchObject({ state: "active", timeout: "10" });
});

test("a runtime that hangs: the motion process stops the wheels, and systemd starts the robot again", async () => {
  const pid = robot.mainPid;
  expect(await stoppedAfterMs(() => void process.kill(pid, "SIGSTOP"))).toBeLessThan(HANG_LIMIT_MS);
  await robot.restarted(++restarts);
  expect(robot.mainPid).not.toBe(pid);
  expect(journal()).toContain(`Watchdog timeout (limit ${WATCHDOG_S}s)`);
}, 120_000);

test("a runtime that is killed alone: the wheels stop, and systemd starts the robot again", async () => {
  const pid = robot.mainPid;
  // Slower than a small program of its own, as robot-hat.guest.ts has it: 58 ms, measured once.
  expect(await stoppedAfterMs(() => void process.kill(pid, "SIGKILL"))).toBeLessThan(HANG_LIMIT_MS);
  await robot.restarted(++restarts);
}, 120_000);

test("runtime and motion process are killed at once: the service's last resort stops the wheels", async () => {
  // Halted first, neither has a last word.
  await stoppedAfterMs(() => {
    kill("STOP")();
    kill("KILL")();
  });
  await robot.restarted(++restarts);
}, 120_000);

test("runtime and motion process hang: systemd ends both, and the last resort stops the wheels", async () => {
  expect(await stoppedAfterMs(kill("STOP"))).toBeGreaterThan(HANG_LIMIT_MS);
  await robot.restarted(++restarts);
}, 120_000);

test("`systemctl stop` stops the wheels, and is no failure", async () => {
  await stoppedAfterMs(() => void command(["systemctl", "stop", "myna"]));
  expect([robot.property("ActiveState"), robot.property("Result")]).toEqual(["inactive", "success"]);
}, 120_000);
