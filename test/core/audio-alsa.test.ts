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
pcm.hifi { type hw card 0 }
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
