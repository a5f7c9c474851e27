import type { DoctorVisit, Finding } from "myna";

/** The programs that list cameras, of Raspberry Pi OS from 2024 on and before. */
const LISTERS = ["rpicam-hello", "libcamera-hello"];

/** Whether the ribbon cable has a camera, by its name; it is not opened. */
export async function checkCamera(program: string | undefined, run: DoctorVisit["run"]): Promise<Finding[]> {
  const name = "camera";
  const listers = program === undefined ? LISTERS : [program.replace(/-vid$/, "-hello")];
  for (const lister of listers) {
    const told = await run([lister, "--list-cameras"], 10_000);
    if (!told) continue;
    // "0 : ov5647 [2592x1944 10-bit GBRG] (/base/soc/…)" (rpicam-apps, options.cpp).
    const found = [...told.text.matchAll(/^\s*\d+ : (\S+) \[([^\]]+)\]/gm)].map(
      ([, chip, size]) => `${chip} ${size}`,
    );
    if (found.length > 0) return [{ name, state: "ok", message: found.join(", ") }];
    const fix =
      "switch the power off and seat the ribbon cable anew, contacts towards the contacts; then restart";
    return [{ name, state: "failed", message: `${lister} sees no camera`, fix }];
  }
  const message = `${listers[0]} is not installed`;
  return [{ name, state: "failed", message, fix: "sudo apt install rpicam-apps" }];
}
