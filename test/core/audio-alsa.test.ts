import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cardHolder, findPcm, listCards } from "../../core/audio/alsa-cards.ts";
import { alsaError, loadAlsa } from "../../core/audio/alsa.ts";

/*
 * The machine of the tests has no sound card. ALSA's "file" and "null" devices have no clock of their own, so they show that
 * the right samples pass, not when.
 */
const folder = mkdtempSync(join(tmpdir(), "myna-alsa-"));
const played = join(folder, "played.raw");
const heard = join(folder, "heard.raw");
const config = join(folder, "asound.conf");
const proc = join(folder, "asound");
const ramp = Int16Array.from({ length: 24_000 }, (_, i) => (i * 7) % 30_000);

beforeAll(() => {
  writeFileSync(heard, ramp);
  writeFileSync(
    config,
    `pcm.null { type null }
pcm.tape { type file slave.pcm "null" file "${played}" infile "${heard}" format "raw" }
pcm.floats { type lfloat slave { pcm "tape" format S16_LE } }
pcm.lofi { type plug slave { pcm "tape" rate 8000 } }
pcm.pair { type multi slaves.a { pcm "tape" channels 2 } bindings [ { slave a channel 0 } { slave a channel 1 } ] }
`,
  );
  mkdirSync(join(proc, "card0", "pcm3p"), { recursive: true });
  mkdirSync(join(proc, "card1", "pcm0c"), { recursive: true });
  mkdirSync(join(proc, "card1", "pcm0p"), { recursive: true });
  writeFileSync(
    join(proc, "cards"),
    ` 0 [vc4hdmi        ]: vc4-hdmi - vc4-hdmi
                      vc4-hdmi
 1 [Device         ]: USB-Audio - USB PnP Sound Device
                      C-Media Electronics Inc. USB PnP Sound Device at usb-0000:01:00.0-1.3, full speed
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function probe(...args: string[]): Promise<{ result: Record<string, unknown>; stderr: string }> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "audio-alsa-probe.ts"), ...args], {
    env: { ...process.env, ALSA_CONFIG_PATH: config },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { result: JSON.parse(stdout) as Record<string, unknown>, stderr };
}

describe("ALSA device", () => {
  test("what is played reaches the device sample for sample", async () => {
    const { result, stderr } = await probe("play", "tape", heard);
    expect(stderr).toBe("");
    expect(result).toMatchObject({ rateHz: 24_000, channels: 1 });
    const bytes = readFileSync(played);
    expect(bytes.subarray(0, ramp.byteLength).equals(Buffer.from(ramp.buffer))).toBe(true);
  });

  test("what the device hears is captured sample for sample", async () => {
    const out = join(folder, "captured.raw");
    const { result } = await probe("record", "tape", out, "24000");
    expect(result).toMatchObject({ rateHz: 24_000, channels: 1 });
    expect(readFileSync(out).equals(Buffer.from(ramp.buffer))).toBe(true);
  });

  test("a device that takes floats only is given floats, and one that gives floats only is understood", async () => {
    const { result, stderr } = await probe("play", "floats", heard);
    expect({ ...result, stderr }).toMatchObject({ format: "f32", channels: 1, stderr: "" });
    expect(readFileSync(played).subarray(0, ramp.byteLength).equals(Buffer.from(ramp.buffer))).toBe(true);
    const out = join(folder, "floats.raw");
    expect((await probe("record", "floats", out, "24000")).result).toMatchObject({ format: "f32" });
    // Behind the conversion the "file" device skips what it thinks was missed: the first block is whole.
    expect(
      readFileSync(out)
        .subarray(0, 960)
        .equals(Buffer.from(ramp.buffer, 0, 960)),
    ).toBe(true);
  });

  test("a device that has only two channels is opened with two", async () => {
    expect((await probe("play", "pair", heard)).result).toMatchObject({ channels: 2, format: "s16" });
  });

  test("a device that has only another rate is opened at that", async () => {
    expect((await probe("play", "lofi", heard)).result).toMatchObject({ rateHz: 8000, channels: 1 });
  });

  test("a rate that the device has not is refused with the one that it has", async () => {
    const { result } = await probe("play", "lofi", heard, "0", "16000");
    expect(result["code"]).toBe("AUDIO_FORMAT");
    expect(result["message"]).toContain('"lofi" has no 16000 Hz; it has 8000 Hz');
  });

  test("a device that is not there is told of at once, with what there is, and without chatter of the library", async () => {
    for (const device of ["default", "USB PnP"]) {
      const { result, stderr } = await probe("play", device, heard);
      expect(result["code"]).toBe("DEVICE_NOT_FOUND");
      expect(result["message"]).toContain(device);
      expect(result["message"]).toContain("cards:");
      expect(stderr).toBe("");
    }
  });

  test("a missing library is a missing device, and names the package", async () => {
    const { result } = await probe("library", "libnosuchsound.so.2");
    expect(result["code"]).toBe("DEVICE_NOT_FOUND");
    expect(result["message"]).toContain("libasound2");
  });

  test("cards are found by a part of their name, and opened by their id", () => {
    expect(listCards(proc).map(({ id }) => id)).toEqual(["vc4hdmi", "Device"]);
    expect(findPcm("usb pnp", "capture", proc)).toBe("plughw:CARD=Device,DEV=0");
    expect(findPcm("C-Media", "playback", proc)).toBe("plughw:CARD=Device,DEV=0");
    expect(findPcm("HDMI", "playback", proc)).toBe("plughw:CARD=vc4hdmi,DEV=3");
    expect(findPcm("default", "playback", proc)).toBe("default");
    expect(findPcm("hw:7,0", "playback", proc)).toBe("hw:7,0");
    expect(listCards(join(folder, "nowhere"))).toEqual([]);
    expect(() => findPcm("vc4", "capture", proc)).toThrow("cannot record");
  });

  test("who holds a card is read from the kernel", () => {
    const status = join(proc, "card1", "pcm0c", "sub0");
    mkdirSync(status, { recursive: true });
    writeFileSync(join(status, "status"), "closed\n");
    expect(cardHolder("plughw:CARD=Device,DEV=0", "capture", proc)).toBeUndefined();
    writeFileSync(join(status, "status"), `state: RUNNING\nowner_pid   : ${process.pid}\n`);
    expect(cardHolder("plughw:CARD=Device,DEV=0", "capture", proc)).toContain(`(process ${process.pid})`);
    expect(cardHolder("plughw:CARD=Device,DEV=0", "playback", proc)).toBeUndefined();
    expect(cardHolder("default", "capture", proc)).toBeUndefined();
  });

  test("a busy device names the way out", () => {
    expect(alsaError(loadAlsa(), -16, "cannot open").message).toContain('use the device "default"');
  });

  test("errors of the library become codes", () => {
    const alsa = loadAlsa();
    const code = (errno: number): unknown => (alsaError(alsa, -errno, "x") as { code?: string }).code;
    expect([2, 19, 6, 16, 13, 22].map(code)).toEqual([
      "DEVICE_NOT_FOUND",
      "DEVICE_NOT_FOUND",
      "DEVICE_NOT_FOUND",
      "DEVICE_BUSY",
      "DEVICE_FAILED",
      "DEVICE_FAILED",
    ]);
  });
});
