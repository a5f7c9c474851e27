import { closeSync, openSync, readSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { InputLine, LineChip, LineEdge, OutputLine } from "myna";
import * as gpio from "./gpio-uapi.ts";
import { coded, errnoOf, ioctl, isReadable } from "./libc.ts";

/** Chips whose lines are the 40-pin header: Raspberry Pi 4, 3 and older, 5. */
export const HEADER_CHIPS: readonly string[] = ["pinctrl-bcm2711", "pinctrl-bcm2835", "pinctrl-rp1"];

/** Events read at once; the kernel keeps 16 of a line and drops the oldest then. */
const EVENTS_AT_ONCE = 16;

interface Watched {
  fd: number;
  onEdge: (edge: LineEdge) => void;
}

/**
 * The lines of the chip with one of `labels`, through the character device. Edges carry the kernel's time and are handed out
 * every `pollMs`. Undefined where the kernel shows no such chip.
 */
export function openCharacterLines(
  labels: readonly string[],
  pollMs: number,
  folder = "/dev",
): LineChip | undefined {
  const chip = findChip(labels, folder);
  return chip === undefined ? undefined : new CharacterChip(chip, pollMs);
}

/**
 * Who holds which of `lines`, by the names that the holders gave, "" for none given; those that nobody holds are left out. Nothing
 * is requested. DEVICE_NOT_FOUND where the chip has no such line, undefined where the kernel shows no such chip.
 */
export function lineConsumers(
  labels: readonly string[],
  lines: readonly number[],
  folder = "/dev",
): Map<number, string> | undefined {
  const fd = findChip(labels, folder);
  if (fd === undefined) return undefined;
  try {
    const held = new Map<number, string>();
    for (const line of lines) {
      const info = gpio.lineInfo(line);
      try {
        ioctl(fd, gpio.GPIO_V2_GET_LINEINFO, info, "GPIO_V2_GET_LINEINFO");
      } catch (cause) {
        if (errnoOf(cause) !== "EINVAL") throw cause;
        throw coded("DEVICE_NOT_FOUND", `the chip has no line ${line}`, cause);
      }
      if (gpio.readUsed(info)) held.set(line, gpio.readConsumer(info));
    }
    return held;
  } finally {
    closeSync(fd);
  }
}

function findChip(labels: readonly string[], folder: string): number | undefined {
  let refused: unknown;
  for (const name of chipFiles(folder)) {
    let fd: number;
    try {
      fd = openSync(join(folder, name), "r+");
    } catch (error) {
      refused = error;
      continue;
    }
    try {
      const info = gpio.chipInfo();
      ioctl(fd, gpio.GPIO_GET_CHIPINFO, info, "GPIO_GET_CHIPINFO");
      if (labels.includes(gpio.readChipInfo(info).label)) return fd;
    } catch {
      // No GPIO chip: the next one may be.
    }
    closeSync(fd);
  }
  if (errnoOf(refused) === "EACCES")
    throw coded("DEVICE_FAILED", "GPIO may not be used: add the user to the group gpio", refused);
  return undefined;
}

function chipFiles(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => /^gpiochip\d+$/.test(file))
      .sort();
  } catch {
    return [];
  }
}

class CharacterChip implements LineChip {
  readonly #fd: number;
  readonly #pollMs: number;
  readonly #open = new Set<number>();
  readonly #watched = new Set<Watched>();
  readonly #events = new Uint8Array(gpio.LINE_EVENT_BYTES * EVENTS_AT_ONCE);
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(fd: number, pollMs: number) {
    this.#fd = fd;
    this.#pollMs = pollMs;
  }

  output(line: number, { consumer, high }: { consumer: string; high: boolean }): OutputLine {
    const fd = this.#request(line, consumer, gpio.outputRequest(line, consumer, high));
    const levels = { high: gpio.lineValues(true), low: gpio.lineValues(false) };
    return {
      set: (level) =>
        ioctl(
          fd,
          gpio.GPIO_V2_LINE_SET_VALUES,
          level ? levels.high : levels.low,
          `line ${line} (${consumer})`,
        ),
      close: () => this.#release(fd),
    };
  }

  input(
    line: number,
    options: Parameters<LineChip["input"]>[1],
    onEdge?: (edge: LineEdge) => void,
  ): InputLine {
    const { consumer, pull, activeLow = false, debounceUs } = options;
    const request = gpio.inputRequest(line, consumer, {
      pull,
      activeLow,
      edges: Boolean(onEdge),
      debounceUs,
    });
    const fd = this.#request(line, consumer, request);
    const watched = onEdge && this.#watch({ fd, onEdge });
    const values = gpio.lineValues();
    return {
      get() {
        ioctl(fd, gpio.GPIO_V2_LINE_GET_VALUES, values, `line ${line} (${consumer})`);
        return values[0] === 1;
      },
      close: () => {
        if (watched) this.#watched.delete(watched);
        if (this.#watched.size === 0) clearInterval(this.#timer);
        this.#release(fd);
      },
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watched.clear();
    for (const fd of [...this.#open]) this.#release(fd);
    closeSync(this.#fd);
  }

  #request(line: number, consumer: string, request: Uint8Array): number {
    try {
      ioctl(this.#fd, gpio.GPIO_V2_GET_LINE, request, "GPIO_V2_GET_LINE");
    } catch (cause) {
      throw this.#refusal(line, consumer, cause);
    }
    const fd = gpio.requestedFd(request);
    this.#open.add(fd);
    return fd;
  }

  #refusal(line: number, consumer: string, cause: unknown): Error {
    const errno = errnoOf(cause);
    if (errno === "EINVAL") {
      const info = gpio.chipInfo();
      ioctl(this.#fd, gpio.GPIO_GET_CHIPINFO, info, "GPIO_GET_CHIPINFO");
      const there = line < gpio.readChipInfo(info).lines;
      return there
        ? coded("DEVICE_FAILED", `line ${line} (${consumer}) cannot be pulled or debounced as asked`, cause)
        : coded("DEVICE_NOT_FOUND", `the chip has no line ${line} (${consumer})`, cause);
    }
    if (errno !== "EBUSY") return coded("DEVICE_FAILED", `line ${line} (${consumer}): ${errno}`, cause);
    const info = gpio.lineInfo(line);
    ioctl(this.#fd, gpio.GPIO_V2_GET_LINEINFO, info, "GPIO_V2_GET_LINEINFO");
    const owner = gpio.readConsumer(info) || "somebody who gave no name";
    return coded("DEVICE_BUSY", `line ${line} (${consumer}) is held by ${owner}`, cause);
  }

  #watch(watched: Watched): Watched {
    this.#watched.add(watched);
    if (this.#watched.size === 1) this.#timer = setInterval(() => this.#look(), this.#pollMs);
    return watched;
  }

  #look(): void {
    for (const watched of [...this.#watched]) {
      const { fd, onEdge } = watched;
      if (!isReadable(fd)) continue;
      let length: number;
      try {
        length = readSync(fd, this.#events);
      } catch (cause) {
        // The chip is gone: that is told once.
        this.#watched.delete(watched);
        throw coded("DEVICE_FAILED", "the GPIO chip is gone", cause);
      }
      for (const edge of gpio.readEvents(this.#events.subarray(0, length))) onEdge(edge);
    }
  }

  #release(fd: number): void {
    if (this.#open.delete(fd)) closeSync(fd);
  }
}
