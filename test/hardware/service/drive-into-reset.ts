import { writeFileSync } from "node:fs";
import { motionPids } from "../guest/processes.ts";
import { RobotService } from "./robot-service.ts";

/**
 * Halts systemd and the robot in the middle of a drive, as a kernel that hangs would: nobody feeds the watchdog any more, and the
 * computer is reset. What is tested of it is in after-reset.guest.ts.
 */
const robot = RobotService.installed();
robot.start();
const pids = [robot.mainPid, ...motionPids()];
await robot.drive();
for (const pid of pids) process.kill(pid, "SIGSTOP");
writeFileSync("/sys/fs/cgroup/init.scope/cgroup.freeze", "1");
if (!robot.turning) throw new Error("the wheels do not turn");
await Bun.sleep(60_000);
