import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createLog } from "../../core/log.ts";
import { MotionProcess } from "../../plugins/drive-picarx/motion-process.ts";
import { Bench } from "../body/body-kit.ts";

/** A motion process that has the robot, and a controller that starts 200 ms later. */
let bench: Bench;
let motion: MotionProcess;
const ended: [number, string][] = [];
const folderBefore = process.env["MYNA_RUN_FOLDER"];

beforeEach(async () => {
  bench = new Bench();
  process.env["MYNA_RUN_FOLDER"] = join(bench.folder, "run");
  ended.length = 0;
  const events = {
    onPose() {},
    onState() {},
    onStarted() {},
    onEnded: (id: number, report: { ended: string }) => void ended.push([id, report.ended]),
    onRefused() {},
    onDied() {},
  };
  motion = new MotionProcess(bench.settings(), events, createLog({ write: () => {} }));
  await motion.claimed();
});
afterEach(async () => {
  await motion.close();
  if (folderBefore === undefined) delete process.env["MYNA_RUN_FOLDER"];
  else process.env["MYNA_RUN_FOLDER"] = folderBefore;
  bench[Symbol.dispose]();
});

const move = (id: number) =>
  motion.run({ type: "move", id, distance_m: 0.2, speed_mps: 0.3, lease_ms: 5000 });

/** The parent's sign of life, for as long as the test needs it. */
async function alive<T>(during: Promise<T>): Promise<T> {
  const beating = setInterval(() => motion.beat(), 50);
  try {
    return await during;
  } finally {
    clearInterval(beating);
  }
}

test("a motion that is asked for while the controller starts begins when it has", async () => {
  expect((await alive(move(1))).ended).toBe("completed");
});

test("one that is stopped, or dropped by an emergency stop, before that never begins", async () => {
  const first = move(1);
  motion.tell({ type: "stop", ended: "stopped", id: 1 });
  const second = move(2);
  const third = move(3);
  motion.tell({ type: "stop", ended: "link_lost" });
  expect((await first).ended).toBe("stopped");
  expect([(await second).ended, (await third).ended]).toEqual(["link_lost", "link_lost"]);
  const fourth = move(4);
  motion.tell({ type: "latch", reason: "test" });
  expect((await fourth).ended).toBe("stopped");
  expect(ended).toEqual([
    [1, "stopped"],
    [2, "link_lost"],
    [3, "link_lost"],
    [4, "stopped"],
  ]);
  await motion.ready();
  expect(bench.turning).toBe(false);
  await expect(alive(move(5))).rejects.toMatchObject({ code: "MOTION_REFUSED" });
  expect(
    bench.hat.journal().filter(({ register, value }) => register >= 0x2c && register <= 0x2d && value > 0),
  ).toEqual([]);
});

test("a second process on the same robot is refused before that", async () => {
  const second = new MotionProcess(
    bench.settings(),
    { onPose() {}, onState() {}, onStarted() {}, onEnded() {}, onRefused() {}, onDied() {} },
    createLog({ write: () => {} }),
  );
  await expect(second.claimed()).rejects.toMatchObject({ code: "DEVICE_BUSY" });
  await second.close();
});

test("the motion process runs before every other program, with all of its threads, where the system grants it", async () => {
  const granted = Bun.spawnSync(["chrt", "--rr", "1", "true"]).exitCode === 0;
  const folder = `/proc/${motion.pid}/task`;
  const policies = readdirSync(folder).map((thread) => {
    const stat = readFileSync(join(folder, thread, "stat"), "utf8");
    // Field 41 of proc(5), counted behind the name in brackets; 2 is SCHED_RR.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[38]);
  });
  expect(new Set(policies)).toEqual(new Set([granted ? 2 : 0]));
});
