import { readFileSync } from "node:fs";
import type { BoardLines, BoardRevision, DoctorVisit, Finding } from "myna";

/** Where Raspberry Pi OS has it since Bookworm, and before. */
const FILES = ["/boot/firmware/config.txt", "/boot/config.txt"];

/** Any of these brings the board's sound card (robot-hat documentation; V5 has a microphone as well). */
const SOUND: Readonly<Record<BoardRevision, readonly string[]>> = {
  v4: ["hifiberry-dac", "hifiberry-dacplus"],
  v5: ["googlevoicehat-soundcard"],
  type1: ["hifiberry-dac"],
};

/** What the firmware was told at the start: I2C, the board's sound card, and pins that stand still from power-on. */
export function checkBootConfig(
  { path }: Pick<DoctorVisit, "path">,
  revision: BoardRevision,
  lines: BoardLines,
): Finding[] {
  const file = FILES.find((one) => read(path(one)) !== undefined);
  if (file === undefined)
    return [{ name: "config.txt", state: "not_here", message: "no boot configuration on this computer" }];
  const settings = settingsOf(read(path(file)) ?? "");
  const has = (line: RegExp) => settings.some((setting) => line.test(setting));
  const add = (line: string) => `printf '${line}\\n' | sudo tee -a ${file}, then restart`;
  return [
    has(/^dtparam=(.*,)?i2c(_arm)?(=on)?(,|$)/)
      ? { name: "config.txt I2C", state: "ok", message: "switched on" }
      : {
          ...{ name: "config.txt I2C", state: "failed" },
          message: `${file} does not switch I2C on`,
          fix: `sudo raspi-config nonint do_i2c 0, or: ${add("dtparam=i2c_arm=on")}`,
        },
    soundCard(settings, revision, file, add),
    safePins(settings, lines, file, add),
    ...(has(/^dtparam=(.*,)?spi(=on)?(,|$)/)
      ? [{ name: "config.txt SPI", state: "ok" as const, message: "on: lines 7 to 11 are SPI's" }]
      : []),
  ];
}

function soundCard(
  settings: readonly string[],
  revision: BoardRevision,
  file: string,
  add: (line: string) => string,
): Finding {
  const name = "config.txt sound";
  const wanted = SOUND[revision];
  const found = wanted.find((one) => settings.some((line) => overlayOf(line) === one));
  if (found) return { name, state: "ok", message: `dtoverlay=${found}` };
  const message = `${file} has no dtoverlay=${wanted.join(" or ")}: the board's loudspeaker is no sound card`;
  return { name, state: "warning", message, fix: add(`dtoverlay=${wanted[0]}`) };
}

/** The controller in reset and the motors' direction lines low until the robot's program raises them. */
function safePins(
  settings: readonly string[],
  { motorReset, leftDirection, rightDirection }: BoardLines,
  file: string,
  add: (line: string) => string,
): Finding {
  const name = "config.txt pins";
  const low = new Set(
    settings.flatMap((setting) => {
      const [, numbers = "", states = ""] = /^gpio=([\d,-]+)=(.+)$/.exec(setting) ?? [];
      return states.split(",").includes("dl") ? linesOf(numbers) : [];
    }),
  );
  const lacking = [motorReset, leftDirection, rightDirection].filter(
    (line): line is number => line !== null && !low.has(line),
  );
  if (lacking.length === 0)
    return { name, state: "ok", message: "the motor controller is held in reset from power-on" };
  const message = `${file} does not hold ${lacking.map((line) => `line ${line}`).join(", ")} low at the start: motors may twitch before the robot's program runs`;
  return { name, state: "warning", message, fix: add(`gpio=${lacking.join(",")}=op,dl`) };
}

/** "23,24" or "5-7" as numbers. */
function linesOf(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const [from = NaN, to = from] = part.split("-").map(Number);
    return Array.from({ length: Math.min(64, Math.max(0, to - from + 1)) }, (_, at) => from + at);
  });
}

function overlayOf(setting: string): string | undefined {
  return /^dtoverlay=([^,:]+)/.exec(setting)?.[1];
}

/** The lines that count on some Raspberry Pi: comments and the sections of other models' filters are left out. */
function settingsOf(text: string): string[] {
  let counts = true;
  return text.split("\n").flatMap((line) => {
    const setting = line.replace(/#.*/, "").trim();
    const section = /^\[(.+)\]$/.exec(setting)?.[1];
    if (section !== undefined) counts = section !== "none" && !/^(cm|pi0|pi1|pi2|pi3)/.test(section);
    return counts && section === undefined && setting !== "" ? [setting] : [];
  });
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
