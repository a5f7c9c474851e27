import { describe, expect, test } from "bun:test";
import { checkClock } from "../../plugins/machine-linux/clock.ts";
import { checkDisk } from "../../plugins/machine-linux/disk.ts";
import { checkGroups } from "../../plugins/machine-linux/groups.ts";
import { cpuTimes, headroom, lateness } from "../../plugins/machine-linux/load.ts";
import { checkModel } from "../../plugins/machine-linux/model.ts";
import { checkTemperature } from "../../plugins/machine-linux/temperature.ts";
import { startTestRobot } from "../kit/index.ts";
import { ScratchSystem, said } from "../fixtures/scratch-system.ts";

test("the computer is known by its device tree", () => {
  using system = new ScratchSystem();
  const visit = system.visit({});
  expect(checkModel(visit)).toMatchObject({ state: "not_here" });
  system.file("/proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0");
  expect(checkModel(visit)).toEqual({
    name: "computer",
    state: "ok",
    message: "Raspberry Pi 4 Model B Rev 1.4",
  });
  system.file("/proc/device-tree/model", "Raspberry Pi Zero W\0");
  expect(checkModel(visit)).toMatchObject({ state: "warning", fix: expect.stringContaining("Pi 4") });
});

describe("the groups of who runs the robot", () => {
  const GROUPS = ["gpio", "i2c", "audio"];

  function systemOf(group: string): ScratchSystem {
    return new ScratchSystem()
      .file("/etc/systemd/system/myna.service", "[Service]\nUser=robin\n")
      .file("/etc/passwd", "root:x:0:0::/:/bin/sh\nrobin:x:990:44::/:/bin/false\n")
      .file("/etc/group", group);
  }

  test("are those of the service's user, its primary group with them", () => {
    using system = systemOf("gpio:x:997:ann,robin\ni2c:x:44:\naudio:x:29:robin\n");
    expect(said(checkGroups(system.visit({}), GROUPS))).toEqual(["groups ok: robin is in gpio, i2c, audio"]);
  });

  test("that are lacking are named with the command that adds them", () => {
    using system = systemOf("gpio:x:997:robinson\naudio:x:29:robin\n");
    const [finding] = checkGroups(system.visit({}), GROUPS);
    expect(finding).toMatchObject({
      state: "failed",
      message: expect.stringContaining("robin is not in gpio, i2c"),
      fix: expect.stringContaining("sudo usermod --append --groups gpio,i2c robin"),
    });
  });

  test("matter to no profile that names none, and not to root", () => {
    using system = systemOf("").file("/etc/systemd/system/myna.service", "User=root\n");
    expect(checkGroups(system.visit({}), [])).toEqual([]);
    expect(checkGroups(system.visit({}), GROUPS)).toMatchObject([{ state: "ok" }]);
  });
});

describe("the processor", () => {
  test("has headroom by two readings of /proc/stat, and none is worth a warning", () => {
    using system = new ScratchSystem();
    const at = (line: string) => {
      system.file("/proc/stat", `${line}\ncpu0 1 2 3 4\n`);
      return cpuTimes(system.visit({}).path);
    };
    const before = at("cpu  100 0 50 800 50 0 0 0 0 0");
    expect(before).toEqual({ idleTicks: 850, totalTicks: 1000 });
    expect(headroom(before, at("cpu  110 0 50 890 50 0 0 0 0 0"))).toMatchObject({
      state: "ok",
      message: expect.stringContaining("90 % of"),
    });
    expect(headroom(before, at("cpu  190 0 50 810 50 0 0 0 0 0"))).toMatchObject({
      state: "warning",
      fix: expect.stringContaining("top"),
    });
    expect(headroom(before, at("nonsense"))).toMatchObject({ state: "not_here" });
    expect(headroom(undefined, before)).toMatchObject({ state: "not_here" });
  });

  test("lets timers run late by so much, and long is worth a warning", () => {
    expect(lateness([0.1, 0.2, 3])).toEqual({
      name: "event loop",
      state: "ok",
      message: "timers run 0.2 ms late in the middle, 3.0 ms at worst",
    });
    expect(lateness([1, 1, 90])).toMatchObject({ state: "warning", fix: expect.any(String) });
  });

  test("is warm, hot, or does not tell", async () => {
    using system = new ScratchSystem();
    const zone = "/sys/class/thermal/thermal_zone0/temp";
    const state = async () => (await checkTemperature(system.visit({})))[0]!.state;
    expect(await state()).toBe("not_here");
    system.file(zone, "51234\n");
    expect(await state()).toBe("ok");
    system.file(zone, "74000\n");
    expect(await state()).toBe("warning");
    system.file(zone, "84000\n");
    expect(await state()).toBe("failed");
  });

  test("was throttled by what vcgencmd says, and that is unknown where there is none", async () => {
    using system = new ScratchSystem();
    const throttling = async () => (await checkTemperature(system.visit({})))[1]!;
    expect(await throttling()).toMatchObject({
      state: "not_here",
      message: expect.stringContaining("unknown"),
    });
    system.program("vcgencmd", "echo throttled=0x0");
    expect(await throttling()).toMatchObject({ state: "ok" });
    system.program("vcgencmd", "echo throttled=0x50000");
    expect(await throttling()).toMatchObject({
      state: "warning",
      message: "since the start: the supply's voltage is too low; the processor is throttled",
    });
    system.program("vcgencmd", "echo throttled=0x50005");
    expect(await throttling()).toMatchObject({ state: "failed", fix: expect.stringContaining("5 V") });
    system.program("vcgencmd", "echo 'VCHI initialization failed'; exit 1");
    expect(await throttling()).toMatchObject({ state: "not_here" });
  });
});

test("the disk has to have as much room as the profile says", () => {
  using system = new ScratchSystem();
  expect(checkDisk(system.visit({}), 0)).toMatchObject({ state: "ok" });
  expect(checkDisk(system.visit({}), 1e12)).toMatchObject({
    state: "failed",
    fix: expect.stringContaining("journalctl --vacuum-size"),
  });
});

test("the clock is right where the network set it, and wrong in the past", async () => {
  using system = new ScratchSystem();
  const visit = system.visit({});
  const nowMs = Date.UTC(2026, 10, 21, 16, 5);
  expect(await checkClock(visit, nowMs)).toMatchObject({ state: "not_here" });
  expect(await checkClock(visit, Date.UTC(1970, 0, 1))).toMatchObject({
    state: "failed",
    message: expect.stringContaining("1970-01-01"),
  });
  system.program("timedatectl", "echo no");
  expect(await checkClock(visit, nowMs)).toMatchObject({ state: "warning", fix: expect.any(String) });
  system.program("timedatectl", "echo yes");
  expect(await checkClock(visit, nowMs)).toMatchObject({ state: "ok" });
  system.program("timedatectl", "echo no").file("/run/systemd/timesync/synchronized", "");
  expect(await checkClock(visit, nowMs)).toMatchObject({ state: "ok" });
});

test("a robot tells how its computer does, and is degraded where the disk is nearly full", async () => {
  await using robot = await startTestRobot({
    plugins: {
      machine: { use: "machine-linux" },
      full: { use: "machine-linux", least_free_mb: 1_000_000_000 },
    },
  });
  const [machine, full] = robot.health().plugins;
  expect(machine).toMatchObject({
    state: "ready",
    inspect: { disk_free_mb: expect.any(Number), loop_lag_ms: 0 },
  });
  expect(full).toMatchObject({ state: "degraded", message: expect.stringContaining("MB left") });
});
