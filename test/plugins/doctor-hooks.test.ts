import { describe, expect, test } from "bun:test";
import { checkSoundDevice } from "../../core/doctor/sound-device.ts";
import { MynaError } from "../../core/errors.ts";
import { checkCamera as checkRibbon } from "../../plugins/camera-rpicam/doctor.ts";
import { checkCamera as checkUsb } from "../../plugins/camera-v4l2/doctor.ts";
import { driveConfig } from "../../plugins/drive-picarx/config.ts";
import { checkDrive } from "../../plugins/drive-picarx/doctor.ts";
import { checkRuntime } from "../../plugins/metrics-prometheus/doctor.ts";
import { checkUnit } from "../../plugins/supervisor-systemd/doctor.ts";
import { ScratchSystem, said } from "../fixtures/scratch-system.ts";
import { startTestRobot } from "../kit/index.ts";

describe("a microphone", () => {
  const here = { id: "mic", path: (absolute: string) => absolute };

  test("is there by its name, on a card or on the sound server", async () => {
    const alsa = async () => ({ device: "plughw:CARD=Device,DEV=0" });
    const none = { name: "microphone", state: "failed", fix: expect.stringContaining("arecord -l") };
    // This machine has no sound device: what is found here is the driver's own answer only.
    const found = await checkSoundDevice(here, "capture", "USB", alsa);
    expect(found).toMatchObject([
      found[0]!.state === "ok" ? { message: '"USB" is plughw:CARD=Device,DEV=0' } : none,
    ]);
  });

  test("that is not there is told of with what there is, and where it is named", async () => {
    const find = async (): Promise<never> => {
      throw new MynaError("DEVICE_NOT_FOUND", 'there is no microphone "Jabra" (cards: none)');
    };
    expect(await checkSoundDevice(here, "capture", "Jabra", find)).toEqual([
      {
        name: "microphone",
        state: "failed",
        message: 'there is no microphone "Jabra" (cards: none)',
        fix: "plug it in, or name another one as device in [plugins.mic] of local.toml: arecord -l",
      },
    ]);
    const guess = async () => ({ device: "Jabra" });
    expect(await checkSoundDevice(here, "playback", "Jabra", guess)).toMatchObject([
      { name: "loudspeaker", state: "failed", message: expect.stringContaining('no loudspeaker "Jabra"') },
    ]);
  });

  test("of another computer cannot be seen", async () => {
    const away = { id: "mic", path: (absolute: string) => `/mnt${absolute}` };
    expect(await checkSoundDevice(away, "capture", "USB", async () => ({ device: "x" }))).toMatchObject([
      { state: "not_here" },
    ]);
  });
});

describe("a camera", () => {
  test("on the ribbon cable is told by its chip, by either name of the program", async () => {
    using system = new ScratchSystem();
    const { run } = system.visit({});
    expect(await checkRibbon(undefined, run)).toMatchObject([
      { state: "failed", fix: "sudo apt install rpicam-apps" },
    ]);
    system.program(
      "libcamera-hello",
      "echo 'Available cameras'; echo '-----'; echo '0 : ov5647 [2592x1944 10-bit GBRG] (/base/soc/i2c0mux)'",
    );
    expect(said(await checkRibbon(undefined, run))).toEqual(["camera ok: ov5647 2592x1944 10-bit GBRG"]);
    system.program("rpicam-hello", "echo 'No cameras available!'");
    expect(await checkRibbon(undefined, run)).toMatchObject([
      { state: "failed", fix: expect.stringContaining("ribbon cable") },
    ]);
  });

  test("on USB is told by its device, the board's own codecs left out", async () => {
    using system = new ScratchSystem().file("/sys/class/video4linux/video10/name", "bcm2835-codec-decode\n");
    const visit = system.visit({ device: "auto", program: "v4l2-ctl" });
    expect(await checkUsb(visit)).toMatchObject([{ fix: "sudo apt install v4l-utils" }]);
    system.program("v4l2-ctl", "echo v4l2-ctl 1.22");
    expect(await checkUsb(visit)).toMatchObject([{ state: "failed", message: "there is no USB camera" }]);
    system.file("/sys/class/video4linux/video0/name", "HD Webcam\n");
    expect(said(await checkUsb(visit))).toEqual(["camera ok: /dev/video0"]);
  });
});

describe("the service", () => {
  const show = (text: string) => `printf '%s\\n' '${text}'`;

  test("is not here without systemd, and not installed where systemd does not know it", async () => {
    using system = new ScratchSystem();
    expect(await checkUnit(system.visit({}))).toMatchObject([{ state: "not_here" }]);
    system.program("systemctl", show("LoadState=not-found\nActiveState=inactive"));
    expect(await checkUnit(system.visit({}))).toMatchObject([
      { state: "not_here", message: "not installed", fix: "sudo deploy/install.sh" },
    ]);
  });

  test("runs under a watchdog, or says why not", async () => {
    using system = new ScratchSystem();
    const unit = async (changed: string) => {
      const usual =
        "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nSubState=running\nResult=success\nNRestarts=0\nWatchdogUSec=10s";
      system.program("systemctl", show(`${usual}\n${changed}`));
      return await checkUnit(system.visit({}));
    };
    expect(said(await unit(""))).toEqual([
      "myna.service ok: active (running), restarts: 0",
      "watchdog ok: a runtime that hangs is started again after 10s",
    ]);
    expect(await unit("ActiveState=failed\nResult=exit-code")).toMatchObject([
      {
        state: "failed",
        message: expect.stringContaining("exit-code"),
        fix: expect.stringContaining("journalctl"),
      },
      { state: "ok" },
    ]);
    expect((await unit("NRestarts=7"))[0]).toMatchObject({ state: "warning" });
    expect((await unit("UnitFileState=disabled"))[0]).toMatchObject({
      fix: "sudo systemctl enable --now myna",
    });
    expect((await unit("WatchdogUSec=0"))[1]).toMatchObject({ state: "warning" });
  });
});

describe("a robot that runs", () => {
  const HERE = { profile: "test", path: (absolute: string) => absolute };

  test("says itself how it does, and which plugins are not well", async () => {
    await using robot = await startTestRobot({
      plugins: {
        metrics: { use: "metrics-prometheus", port: 0 },
        machine: { use: "machine-linux" },
        phone: { use: "speakerphone-hid", device: "no phone has this name" },
      },
    });
    const { inspect } = robot.health().plugins.find(({ id }) => id === "metrics")!;
    const { port } = new URL(String(inspect["url"]));
    const found = await checkRuntime("127.0.0.1", Number(port), HERE);
    expect(said(found)).toEqual([
      expect.stringMatching(/^runtime ok: profile test, up for \d+ s, link \w+.*event loop late by \d/),
      expect.stringContaining("runtime: phone warning: degraded: no speakerphone is connected"),
    ]);
  });

  test("with another profile is not the one that is looked at, and below a root nobody runs", async () => {
    await using robot = await startTestRobot({
      plugins: { metrics: { use: "metrics-prometheus", port: 0 } },
    });
    const { inspect } = robot.health().plugins.find(({ id }) => id === "metrics")!;
    const port = Number(new URL(String(inspect["url"])).port);
    expect(await checkRuntime("127.0.0.1", port, { ...HERE, profile: "pi4-picar" })).toMatchObject([
      { state: "warning", message: expect.stringContaining("profile test, not pi4-picar") },
    ]);
    using card = new ScratchSystem();
    expect(await checkRuntime("127.0.0.1", port, card.visit({}))).toMatchObject([{ state: "not_here" }]);
  });

  test("is not here where nothing answers, hangs where nobody speaks, and something else is no robot", async () => {
    expect(await checkRuntime("127.0.0.1", 0, HERE)).toMatchObject([{ state: "not_here" }]);
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
    expect(await checkRuntime("127.0.0.1", other.port!, HERE)).toMatchObject([{ state: "failed" }]);
    using silent = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Promise<Response>(() => {}),
    });
    expect(await checkRuntime("127.0.0.1", silent.port!, HERE)).toMatchObject([
      { state: "failed", message: expect.stringContaining("event loop hangs"), fix: expect.any(String) },
    ]);
    silent.stop(true);
    const { port } = other;
    other.stop(true);
    expect(await checkRuntime("127.0.0.1", port!, HERE)).toMatchObject([{ state: "not_here" }]);
  });
});

test("the drive says whether it was calibrated, and whether somebody drives", () => {
  using system = new ScratchSystem();
  const check = (table: Record<string, unknown>) =>
    checkDrive({ ...system.visit(driveConfig.parse(table)), env: { MYNA_RUN_FOLDER: "/run/myna" } });
  expect(check({})).toMatchObject([
    { state: "ok", message: "nobody drives at the moment" },
    { name: "calibration", state: "not_here", message: expect.stringContaining("no Raspberry Pi here") },
  ]);
  const calibrated = { steering_offset_deg: 1, left_motor_sign: 1, right_motor_sign: -1 };
  expect(check(calibrated)[1]).toMatchObject({ state: "ok" });
  system.file("/proc/device-tree/model", "Raspberry Pi 4\0");
  expect(check({})[1]).toMatchObject({ state: "warning", fix: expect.stringContaining("bun run calibrate") });
  system.file("/opt/picar-x/picar-x.conf", "picarx_dir_servo = 2\n\n");
  expect(check({})[1]).toMatchObject({ state: "ok", message: expect.stringContaining("SunFounder") });
  const own = { steering_offset_deg: 1, left_motor_sign: 1, right_motor_sign: -1 };
  expect(check(own)[1]).toMatchObject({ state: "ok", message: expect.stringContaining("profile") });
});
