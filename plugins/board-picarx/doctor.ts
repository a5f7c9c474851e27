import { existsSync } from "node:fs";
import type { BoardDescription, BoardLines, DoctorVisit, Finding } from "myna";
import { HEADER_CHIPS, lineConsumers } from "./character-lines.ts";
import { checkBootConfig } from "./boot-config.ts";
import { checkController } from "./controller-check.ts";
import { openI2c } from "./i2c.ts";
import { openLines } from "./lines.ts";
import type { HeaderLinesOptions } from "./lines.ts";

/** The robot's own parts name themselves so. */
const OURS = /^myna/;
const POLL_MS = 20;

/** What `bun run doctor` finds of the board: its kind, boot configuration, lines, bus, controller and battery. */
export async function checkBoard(
  visit: Pick<DoctorVisit, "path">,
  { revision, lines }: Pick<BoardDescription, "revision" | "lines">,
  options: Omit<HeaderLinesOptions, "pollMs"> & { i2cDevice: string; known: boolean },
): Promise<Finding[]> {
  const device = visit.path(options.i2cDevice);
  return [
    { name: "board", ...kind(revision, options.known, existsSync(visit.path("/proc/device-tree"))) },
    ...checkBootConfig(visit, revision, lines),
    ...checkLines(lines, options, visit.path("/dev")),
    ...(await checkController(
      () => openLines({ ...options, pollMs: POLL_MS, folder: visit.path("/dev") }),
      () => openI2c({ device }),
      lines.motorReset,
    )),
  ];
}

/** V4 says nothing of itself: it is what is left where V5 does not. */
function kind(revision: string, known: boolean, deviceTree: boolean): Omit<Finding, "name"> {
  const message = `Robot HAT ${revision.toUpperCase()}`;
  if (known) return { state: "ok", message };
  if (!deviceTree) return { state: "not_here", message: `no device tree: taken for a ${message}` };
  return { state: "ok", message: `${message}, since nothing in the device tree says V5` };
}

function checkLines(lines: BoardLines, { chip }: { chip: string }, folder: string): Finding[] {
  const name = "lines";
  const labels = chip === "auto" ? HEADER_CHIPS : [chip];
  const numbers = Object.values(lines).filter((line): line is number => line !== null);
  let consumers: Map<number, string> | undefined;
  try {
    consumers = lineConsumers(labels, numbers, folder);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    const fix =
      code === "DEVICE_NOT_FOUND"
        ? "see `lines` of [plugins.board]: they are numbers of the chip's lines"
        : "sudo usermod --append --groups gpio $USER, then log in again";
    return [{ name, state: "failed", message, fix }];
  }
  if (!consumers) {
    const message = `there is no GPIO chip ${labels.join(" or ")}`;
    return [{ name, state: "failed", message, fix: "run it on the Raspberry Pi, or take desktop-sim" }];
  }
  const held = Object.entries(lines).flatMap(([role, line]) => {
    const consumer = line === null ? undefined : consumers.get(line);
    return consumer === undefined ? [] : [{ role, line, consumer }];
  });
  const foreign = held.filter(({ consumer }) => !OURS.test(consumer));
  const said = (some: typeof held) =>
    some.map(({ role, line, consumer }) => `${line} (${wordsOf(role)}) by ${consumer || "a nameless one"}`);
  if (foreign.length > 0) {
    const fix = "end that program, or take the dtoverlay that holds the line out of config.txt";
    return [{ name, state: "failed", message: `held: ${said(foreign).join(", ")}`, fix }];
  }
  const message =
    held.length === 0 ? "all are free" : `held by the robot that runs: ${said(held).join(", ")}`;
  return [{ name, state: "ok", message }, amplifier(lines.speakerEnable, consumers.get(lines.speakerEnable))];
}

/** Without it ALSA plays and nobody hears anything. */
function amplifier(line: number, consumer: string | undefined): Finding {
  const name = "speaker enable";
  if (consumer !== undefined) return { name, state: "ok", message: `line ${line} is held by ${consumer}` };
  const message = `line ${line} is free; the robot's plugin speaker-enable raises it. For other programs: pinctrl set ${line} op dh`;
  return { name, state: "ok", message };
}

/** "motorReset" as "motor reset". */
function wordsOf(role: string): string {
  return role.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
