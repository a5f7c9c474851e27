import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { MynaError } from "myna";

/** What a camera was set to. */
export interface VideoFormat {
  width: number;
  height: number;
  pixels: "MJPG" | "YUYV";
}

/** Where the kernel names video devices. */
export const NAMES = "/sys/class/video4linux";
/** Video devices of a Raspberry Pi that are no cameras of their own: codecs, image processors, raw sensors. */
const BOARD_DEVICES = /^(bcm2835-|unicam|rpivid|rpi-hevc|pispbe|rp1-cfe)/;

/** Video devices by name; "auto" is all of them but the board's own, a path is itself, else those whose name has `wanted` in it. */
export function candidates(wanted: string, folder = NAMES): string[] {
  if (wanted.startsWith("/")) return [wanted];
  let found: string[];
  try {
    found = readdirSync(folder);
  } catch {
    found = [];
  }
  return found
    .filter((video) => /^video\d+$/.test(video))
    .filter((video) => {
      const name = nameOf(join(folder, video));
      return wanted === "auto" ? !BOARD_DEVICES.test(name) : name.includes(wanted.toLowerCase());
    })
    .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)))
    .map((video) => `/dev/${video}`);
}

function nameOf(folder: string): string {
  try {
    return readFileSync(join(folder, "name"), "utf8").toLowerCase();
  } catch {
    return "";
  }
}

/**
 * Sets size and rate as near as the camera can, MJPG where it can that; null where it gives neither MJPG nor YUYV. The program
 * tells the rate on its standard output: it must not be set in the run that writes pictures there.
 */
export async function setFormat(
  program: string,
  device: string,
  { width, height, fps }: { width: number; height: number; fps: number },
): Promise<VideoFormat | null> {
  const listed = await run(program, ["-d", device, "--list-formats"]);
  const pixels = (["MJPG", "YUYV"] as const).find((format) => listed.includes(`'${format}'`));
  if (!pixels) return null;
  const told = await run(program, [
    ...["-d", device, `--set-fmt-video=width=${width},height=${height},pixelformat=${pixels}`],
    ...[`--set-parm=${fps}`, "--get-fmt-video"],
  ]);
  const size = /Width\/Height\s*:\s*(\d+)\/(\d+)/.exec(told);
  if (!size || !told.includes(`'${pixels}'`))
    throw new MynaError("DEVICE_FAILED", `${device} does not take ${width}x${height} in ${pixels}`);
  return { width: Number(size[1]), height: Number(size[2]), pixels };
}

async function run(program: string, options: string[]): Promise<string> {
  const child = Bun.spawn([program, ...options], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [told, wrong, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code === 0) return told;
  const why = (wrong.trim() || told.trim()).split("\n").at(-1) ?? "";
  throw new MynaError(
    /no such|cannot open/i.test(why) ? "DEVICE_NOT_FOUND" : "DEVICE_FAILED",
    why || `${program} ended with ${code}`,
  );
}
