import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PipeChild } from "../../core/audio/pipe-child.ts";
import { openCapture, openPlayback } from "../../core/audio/pipe-device.ts";
import { choosePipeProgram, pipeCommand } from "../../core/audio/pipe-program.ts";
import { SilenceWatch } from "../../core/audio/silence-watch.ts";
import { matchServerDevice, parseServerDevices, serverSocket } from "../../core/audio/sound-server.ts";

/* The real programs play and record on real sound servers in test/audio; here stand scripts in their place. */
const folder = mkdtempSync(join(tmpdir(), "myna-pipe-"));
const path = process.env["PATH"]!;
afterAll(() => {
  process.env["PATH"] = path;
  rmSync(folder, { recursive: true, force: true });
});

/** A folder for PATH in which `name` is a shell script, before everything else. */
function program(name: string, script: string): void {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  process.env["PATH"] = `${bin}:${path}`;
}

function failure(open: () => unknown): { code?: string; message: string } {
  try {
    open();
  } catch (error) {
    return error as { code?: string; message: string };
  }
  throw new Error("it opened");
}

const ALSA = { device: "default", program: "alsa" } as const;
const FRAME = new Int16Array(480).fill(1000);

describe("a child behind a pipe", () => {
  test("is written to, read from, and gone when it is killed", () => {
    const cat = new PipeChild(["cat"], "stdin");
    expect(cat.wait("write", 1000)).toBe(true);
    expect(cat.write(new Uint8Array(100), 0)).toBe(100);
    const { pid } = cat;
    cat.kill();
    cat.kill();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    const echo = new PipeChild(["sh", "-c", "printf abc; echo oh dear >&2"], "stdout");
    const bytes = new Uint8Array(8);
    expect(echo.wait("read", 5000)).toBe(true);
    expect(echo.read(bytes, 0)).toBe(3);
    expect(echo.read(bytes, 3)).toBe(0);
    expect(echo.messages).toBe("oh dear\n");
    echo.kill();
  });

  test("that does not read pushes back after a fifth of a second of sound", () => {
    const child = new PipeChild(["sleep", "60"], "stdin");
    let taken = 0;
    while (child.wait("write", 20)) taken += child.write(new Uint8Array(960), 0);
    expect(taken).toBeLessThanOrEqual(0.2 * 48_000);
    expect(child.queuedBytes).toBe(taken);
    child.kill();
  });

  test("that is not installed is an error with its name", () => {
    expect(() => new PipeChild(["no-such-player"], "stdin")).toThrow("no-such-player cannot be started");
  });
});

describe("a player", () => {
  test("is given no more than the lead ahead of the clock, and knows what was not heard", () => {
    program("aplay", "exec cat >/dev/null");
    const player = openPlayback({ ...ALSA, lead_ms: 60 });
    const startMs = performance.now();
    for (let i = 0; i < 25; i++) player.write(FRAME);
    expect(performance.now() - startMs).toBeGreaterThan(400);
    expect(player.delay()).toBeLessThanOrEqual((80 * player.rateHz) / 1000);
    player.drop();
    expect(player.delay()).toBe(0);
    player.write(FRAME);
    expect(player.delay()).toBe(FRAME.length);
    player.close();
  });

  test("that waited is given the lead at once, and has run dry", () => {
    program("aplay", "exec cat >/dev/null");
    const player = openPlayback({ ...ALSA, lead_ms: 60 });
    Bun.sleepSync(200);
    player.write(FRAME);
    expect(player.xruns!()).toBe(1);
    player.close();
  });

  test("that tells of an underrun is given the lead anew, and the underrun is counted", () => {
    program("aplay", 'echo "underrun!!! (at least 5.123 ms long)" >&2; exec cat >/dev/null');
    const player = openPlayback({ ...ALSA, lead_ms: 60 });
    for (let i = 0; i < 10; i++) player.write(FRAME);
    expect(player.xruns!()).toBe(1);
    player.close();
  });

  test("that ends says why", () => {
    program("aplay", 'echo "aplay: main:831: audio open error: Device or resource busy" >&2; exit 1');
    expect(failure(() => openPlayback(ALSA))).toMatchObject({ code: "DEVICE_BUSY" });
    program(
      "aplay",
      'echo "ALSA lib pcm.c: noise" >&2; echo "aplay: main:831: audio open error: No such device" >&2; exit 1',
    );
    const missing = failure(() => openPlayback(ALSA));
    expect(missing.code).toBe("DEVICE_NOT_FOUND");
    expect(missing.message).toContain("audio open error: No such device");
  });

  test("whose device plays at another rate is refused with that rate", () => {
    const warning = "Warning: rate is not accurate (requested = 24000Hz, got = 48000Hz)";
    program("aplay", `echo "${warning}" >&2; exec cat >/dev/null`);
    const wrong = failure(() => {
      const player = openPlayback(ALSA);
      try {
        for (let i = 0; i < 50; i++) player.write(FRAME);
      } finally {
        player.close();
      }
    });
    expect(wrong.code).toBe("AUDIO_FORMAT");
    expect(wrong.message).toContain("rate_hz = 48000");
  });
});

describe("a recorder", () => {
  test("that ends is a device that is gone, with what it said", () => {
    program(
      "arecord",
      'head -c 9600 /dev/zero; echo "arecord: pcm_read: read error: No such device" >&2; exit 1',
    );
    const microphone = openCapture(ALSA);
    const gone = failure(() => {
      for (let i = 0; i < 50; i++) microphone.read(new Int16Array(480));
    });
    expect(gone.code).toBe("DEVICE_NOT_FOUND");
    microphone.close();
  });

  test("whose samples wait in the pipe, since they are read late, knows how many", async () => {
    program("arecord", "head -c 4800 /dev/zero; exec sleep 60");
    const microphone = openCapture(ALSA);
    // The first frame was read when it was opened.
    while (microphone.waiting?.() !== 1920) await Bun.sleep(5);
    microphone.read(new Int16Array(480));
    expect(microphone.waiting?.()).toBe(1440);
    microphone.close();
  });

  test("that gives half a sample at a time is understood", () => {
    program("arecord", "i=0; while [ $i -lt 960 ]; do printf '\\001'; printf '\\002'; i=$((i+1)); done");
    const microphone = openCapture(ALSA);
    const frame = new Int16Array(480);
    expect(microphone.read(frame)).toBe(480);
    expect(new Set(frame)).toEqual(new Set([0x0201]));
    microphone.close();
  });
});

test("a microphone that gives nothing but zeros is noticed, and one sample is enough to show that it lives", () => {
  const watch = new SilenceWatch(24_000, 1);
  const zeros = new Int16Array(480);
  for (let i = 0; i < 49; i++) watch.observe(zeros, 480);
  watch.observe(new Int16Array(480).fill(1, 479), 480);
  for (let i = 0; i < 49; i++) watch.observe(zeros, 480);
  expect(failure(() => watch.observe(zeros, 480))).toMatchObject({ code: "DEVICE_SILENT" });
  const never = new SilenceWatch(24_000, 0);
  for (let i = 0; i < 1000; i++) never.observe(zeros, 480);
});

describe("names", () => {
  const listed = parseServerDevices(
    "Sink #0\n\tState: IDLE\n\tName: alsa_output.usb-Jabra\n\tDescription: Jabra SPEAK 510\n\tDriver: x\nSink #1\n\tState: IDLE\n\tName: spk.monitor\n\tDescription: Monitor of Jabra\n",
  );

  test("of the sound server are found by a part of them, monitors only by the whole", () => {
    expect(listed).toHaveLength(2);
    expect(matchServerDevice(listed, "speak 510")?.name).toBe("alsa_output.usb-Jabra");
    expect(matchServerDevice(listed, "monitor")).toBeUndefined();
    expect(matchServerDevice(listed, "spk.monitor")?.name).toBe("spk.monitor");
  });

  test("a sound server is looked for where it is said to be", () => {
    const runtime = join(folder, "run");
    mkdirSync(join(runtime, "pulse"), { recursive: true });
    const env = { XDG_RUNTIME_DIR: runtime };
    expect(serverSocket("pulse", env)).toBeUndefined();
    writeFileSync(join(runtime, "pulse", "native"), "");
    expect(serverSocket("pulse", env)).toBe(join(runtime, "pulse", "native"));
    expect(serverSocket("pulse", { ...env, PULSE_SERVER: `unix:${runtime}/other` })).toBeUndefined();
    expect(serverSocket("pulse", { ...env, PULSE_SERVER: "tcp:loft:4713" })).toBe("tcp:loft:4713");
    expect(serverSocket("pipewire", env)).toBeUndefined();
  });

  test("the first program whose server runs is chosen, and a missing one names its package", () => {
    const runtime = join(folder, "run-2");
    mkdirSync(join(runtime, "pulse"), { recursive: true });
    const bin = join(folder, "bin-2");
    mkdirSync(bin);
    for (const name of ["aplay", "pacat", "pw-cat"]) {
      writeFileSync(join(bin, name), "#!/bin/sh\n");
      chmodSync(join(bin, name), 0o755);
    }
    const env = { PATH: bin, XDG_RUNTIME_DIR: runtime };
    if (process.platform === "linux") expect(choosePipeProgram("auto", "playback", env)).toBe("alsa");
    writeFileSync(join(runtime, "pipewire-0"), "");
    expect(choosePipeProgram("auto", "playback", env)).toBe("pipewire");
    writeFileSync(join(runtime, "pulse", "native"), "");
    expect(choosePipeProgram("auto", "playback", env)).toBe("pulse");
    expect(failure(() => choosePipeProgram("sox", "playback", env)).message).toContain("sox");
    expect(failure(() => choosePipeProgram("alsa", "capture", env)).message).toContain("alsa-utils");
  });

  test("sox on a Mac takes the device from its environment", () => {
    const { argv, env } = pipeCommand("sox", "playback", { device: "USB", rateHz: 24_000 });
    expect(argv.at(-1)).toBe("-d");
    expect(env).toEqual({ AUDIODEV: "USB" });
    expect(pipeCommand("sox", "capture", { device: "default", rateHz: 24_000 }).env).toEqual({});
  });
});
