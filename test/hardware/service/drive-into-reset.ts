import { writeFileSync } from "node:fs";
import { RobotService } from "./robot-service.ts";

/**
 * Halts systemd in the middle of a drive: nobody feeds the watchdog any more, and the computer is reset. Its tests are those of
 * after-reset.guest.ts.
 */
const robot = RobotService.installed();
robot.start();
await robot.drive();
writeFileSync("/sys/fs/cgroup/init.scope/cgroup.freeze", "1");
await Bun.sleep(60_000);
