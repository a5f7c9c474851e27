import { readFileSync } from "node:fs";
import type { DoctorVisit, Finding } from "myna";

/** A Raspberry Pi 4 slows down from 80 °C on (raspberrypi.com documentation, frequency management). */
export const HOT_C = 80;
const WARM_C = 70;

/** Bits of `vcgencmd get_throttled` (raspberrypi.com documentation): now, and 16 higher since the start. */
const THROTTLING: readonly [bit: number, what: string][] = [
  [0, "the supply's voltage is too low"],
  [1, "the processor's frequency is capped"],
  [2, "the processor is throttled"],
  [3, "the soft temperature limit holds"],
];
const SUPPLY_FIX = "charge the battery; a supply of 5 V and 3 A, with a short thick cable";

/** Of the first thermal zone, degrees Celsius; undefined where there is none. */
export function temperatureC(path: DoctorVisit["path"]): number | undefined {
  try {
    const milli = Number(readFileSync(path("/sys/class/thermal/thermal_zone0/temp"), "utf8"));
    return Number.isFinite(milli) ? milli / 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** How warm the processor is, and whether it was slowed down for it or for its supply. */
export async function checkTemperature({ path, run }: Pick<DoctorVisit, "path" | "run">): Promise<Finding[]> {
  const warmC = temperatureC(path);
  const told = await run(["vcgencmd", "get_throttled"]);
  return [warmth(warmC), throttling(told?.text)];
}

function warmth(warmC: number | undefined): Finding {
  const name = "temperature";
  if (warmC === undefined) return { name, state: "not_here", message: "this computer does not tell it" };
  const message = `${warmC.toFixed(0)} °C`;
  if (warmC < WARM_C) return { name, state: "ok", message };
  const fix = "give the processor air, or a heat sink with a fan";
  return { name, state: warmC < HOT_C ? "warning" : "failed", message, fix };
}

/** By what vcgencmd says: "throttled=0x50000". */
export function throttling(text: string | undefined): Finding {
  const name = "throttling";
  const bits = Number.parseInt(/throttled=(0x[0-9a-f]+)/i.exec(text ?? "")?.[1] ?? "", 16);
  if (!Number.isInteger(bits))
    return { name, state: "not_here", message: "unknown: vcgencmd is not here, or says nothing" };
  const now = THROTTLING.filter(([bit]) => bits & (1 << bit)).map(([, what]) => what);
  const since = THROTTLING.filter(([bit]) => bits & (1 << (bit + 16))).map(([, what]) => what);
  if (now.length > 0) return { name, state: "failed", message: now.join("; "), fix: SUPPLY_FIX };
  if (since.length > 0)
    return { name, state: "warning", message: `since the start: ${since.join("; ")}`, fix: SUPPLY_FIX };
  return { name, state: "ok", message: "none since the start" };
}
