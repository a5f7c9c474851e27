import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { deviceError } from "./device-error.ts";

/** A sound card as the kernel lists it. */
export interface Card {
  index: number;
  id: string;
  name: string;
}

/** The cards of /proc/asound/cards, as `arecord -l` shows them; none where the kernel has no sound. */
export function listCards(folder = "/proc/asound"): Card[] {
  const file = join(folder, "cards");
  if (!existsSync(file)) return [];
  const cards: Card[] = [];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    // " 1 [Device         ]: USB-Audio - USB PnP Sound Device", then a line with the long name.
    const match = /^\s*(\d+) \[(\S+)\s*\]: (.*)$/.exec(line);
    if (match) cards.push({ index: Number(match[1]), id: match[2]!, name: match[3]! });
    else if (cards.length > 0 && line.trim()) cards.at(-1)!.name += `; ${line.trim()}`;
  }
  return cards;
}

/**
 * The PCM to open for a device of a profile: "default", a part of a card's name, or a PCM's own name. Card numbers move
 * between boots, so a card is opened by its id. DEVICE_NOT_FOUND where the card cannot record, or play.
 */
export function findPcm(device: string, kind: "capture" | "playback", folder = "/proc/asound"): string {
  if (device === "default") return device;
  const wanted = device.toLowerCase();
  const cards = listCards(folder).filter((card) => `${card.id} ${card.name}`.toLowerCase().includes(wanted));
  if (cards.length === 0) return device;
  const suffix = kind === "capture" ? "c" : "p";
  for (const card of cards) {
    const numbers = readdirSync(join(folder, `card${card.index}`))
      .map((entry) => new RegExp(`^pcm(\\d+)${suffix}$`).exec(entry)?.[1])
      .filter((number) => number !== undefined)
      .map(Number);
    if (numbers.length > 0) return `plughw:CARD=${card.id},DEV=${Math.min(...numbers)}`;
  }
  const can = kind === "capture" ? "record" : "play";
  throw deviceError("DEVICE_NOT_FOUND", `the sound card "${cards[0]!.name}" cannot ${can}`);
}

/** The program that holds a card, as "pulseaudio (process 612)"; undefined where nobody does or the kernel does not tell. */
export function cardHolder(
  pcm: string,
  kind: "capture" | "playback",
  folder = "/proc/asound",
): string | undefined {
  const id = /CARD=([^,]+)/.exec(pcm)?.[1];
  const card = listCards(folder).find((one) => one.id === id);
  if (!card) return undefined;
  const suffix = kind === "capture" ? "c" : "p";
  for (const file of new Bun.Glob(`card${card.index}/pcm*${suffix}/sub*/status`).scanSync(folder)) {
    const pid = /^owner_pid\s*:\s*(\d+)/m.exec(readText(join(folder, file)))?.[1];
    if (pid) return `${readText(`/proc/${pid}/comm`).trim() || "a program"} (process ${pid})`;
  }
  return undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
