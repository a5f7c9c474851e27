import type { LineChip } from "myna";
import { HEADER_CHIPS, openCharacterLines } from "./character-lines.ts";
import { coded } from "./libc.ts";
import { openSysfsLines } from "./sysfs-lines.ts";

/** What {@link openLines} is told. */
export interface HeaderLinesOptions {
  /** "auto" for the chip of the 40-pin header, else the chip's label. */
  chip: string;
  /** "auto": the character device, else sysfs. */
  backend: "auto" | "character" | "sysfs";
  /** How often edges are handed out. */
  pollMs: number;
  /** Where the kernel shows character devices; "/dev" if not given. */
  folder?: string;
}

/** The lines of a Raspberry Pi's header. DEVICE_NOT_FOUND where there is no such chip. */
export async function openLines({ chip, backend, pollMs, folder }: HeaderLinesOptions): Promise<LineChip> {
  const labels = chip === "auto" ? HEADER_CHIPS : [chip];
  const lines =
    (backend === "sysfs" ? undefined : openCharacterLines(labels, pollMs, folder)) ??
    (backend === "character" ? undefined : await openSysfsLines(labels));
  if (lines) return lines;
  throw coded("DEVICE_NOT_FOUND", `there is no GPIO chip ${labels.join(" or ")} on this machine`);
}
