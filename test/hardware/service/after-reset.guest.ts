import { expect, test } from "bun:test";
import { HatMemory } from "../../../plugins/board-sim/hat-memory.ts";
import { RobotService, command, watchdog } from "./robot-service.ts";

/** WDIOF_CARDRESET of linux/watchdog.h. */
const RESET_BY_WATCHDOG = 0x20;

test("a computer whose systemd hangs is reset by its watchdog, and the start of the service stops the wheels", async () => {
  expect(Number(watchdog()["bootstatus"]) & RESET_BY_WATCHDOG).toBe(RESET_BY_WATCHDOG);
  // The controller knows nothing of a reset: without the boot's safe pins the wheels turn until now.
  const { registers } = HatMemory.open("/run/hat");
  expect([registers[0x2c]! > 0, registers[0x2d]! > 0]).toEqual([true, true]);
  const robot = await RobotService.install();
  expect(command(["systemctl", "is-enabled", "myna.service"]).trim()).toBe("enabled");
  robot.start();
  expect(robot.turning).toBe(false);
  expect(robot.property("ActiveState")).toBe("active");
}, 120_000);
