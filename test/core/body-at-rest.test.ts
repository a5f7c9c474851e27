import { expect, test } from "bun:test";
import { startTestRobot } from "../kit/test-robot.ts";
import { TempPlugins } from "./temp-plugins.ts";

/** A drive that stands soon after it was stopped, and tells of its motion's end a moment later. */
const SLOW_TO_TELL = `
  let moving = true;
  const pose = { x_m: 0, y_m: 0, heading_deg: 0 };
  ctx.provide("drive", {
    pose: () => ({ ...pose, moving }),
    stop() {
      ctx.after(20, () => ctx.publish("body.pose", { ...pose, moving: false }));
      ctx.after(80, () => {
        moving = false;
        ctx.publish("motion.stopped", { motion_id: 1, kind: "move", ended: "stopped", moved_m: 0, turned_deg: 0 });
      });
    },
  });
  ctx.publish("body.pose", { ...pose, moving: true });`;

test("a robot that is switched off while it moves tells how the motion ended before its parts go", async () => {
  using temp = new TempPlugins();
  const use = temp.plugin("drive-slow-to-tell", SLOW_TO_TELL, `provides: ["drive"],`);
  const robot = await startTestRobot({ plugins: { drive: { use } } });
  await robot.stop();
  expect(robot.events("motion.stopped")).toMatchObject([{ ended: "stopped" }]);
});

test("a body that never comes to rest does not keep the robot from being switched off", async () => {
  using temp = new TempPlugins();
  const use = temp.plugin(
    "drive-runaway",
    SLOW_TO_TELL.replace("moving = false;", ""),
    `provides: ["drive"],`,
  );
  const robot = await startTestRobot({ plugins: { drive: { use } } });
  const startedMs = performance.now();
  await robot.stop();
  expect(performance.now() - startedMs).toBeLessThan(5000);
});
