import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { InputLine, LineChip, LineEdge, OutputLine } from "myna";
import type { Gpio } from "onoff";
import { coded, errnoOf } from "./libc.ts";

const CHIPS = "/sys/class/gpio";

/**
 * The lines of the chip with one of `labels`, through sysfs by onoff: for kernels whose character device is older than version 2.
 * Undefined where the kernel has no sysfs GPIO. It cannot do all that the character device does: pulls are those of the boot
 * configuration, edges carry the time of their arrival here, and a line that another program exported is not refused.
 */
export async function openSysfsLines(labels: readonly string[]): Promise<LineChip | undefined> {
  const base = chipBase(labels, CHIPS);
  if (base === undefined) return undefined;
  const onoff = await import("onoff");
  return onoff.Gpio.accessible ? new SysfsChip(base, onoff.Gpio) : undefined;
}

/** Number of the first line of the chip; it differs between kernels (0, 458, 512, 571 … are in use). */
export function chipBase(labels: readonly string[], folder: string): number | undefined {
  let chips: string[];
  try {
    chips = readdirSync(folder).filter((name) => name.startsWith("gpiochip"));
  } catch {
    return undefined;
  }
  const chip = chips.find((name) =>
    labels.includes(readFileSync(join(folder, name, "label"), "utf8").trim()),
  );
  return chip === undefined ? undefined : Number(readFileSync(join(folder, chip, "base"), "utf8"));
}

class SysfsChip implements LineChip {
  readonly #base: number;
  readonly #Gpio: typeof Gpio;
  readonly #open = new Map<number, Gpio>();

  constructor(base: number, gpio: typeof Gpio) {
    this.#base = base;
    this.#Gpio = gpio;
  }

  output(line: number, { consumer, high }: { consumer: string; high: boolean }): OutputLine {
    const gpio = this.#claim(line, consumer, (number) => new this.#Gpio(number, high ? "high" : "low"));
    return { set: (level) => gpio.writeSync(level ? 1 : 0), close: () => this.#release(line) };
  }

  input(
    line: number,
    { consumer, activeLow = false, debounceUs = 0 }: Parameters<LineChip["input"]>[1],
    onEdge?: (edge: LineEdge) => void,
  ): InputLine {
    const options = { activeLow, ...(debounceUs > 0 && { debounceTimeout: Math.ceil(debounceUs / 1000) }) };
    const gpio = this.#claim(
      line,
      consumer,
      (number) => new this.#Gpio(number, "in", onEdge ? "both" : "none", options),
    );
    if (onEdge)
      gpio.watch((_error, value) => onEdge({ active: value === 1, timestampNs: process.hrtime.bigint() }));
    return { get: () => gpio.readSync() === 1, close: () => this.#release(line) };
  }

  close(): void {
    for (const line of [...this.#open.keys()]) this.#release(line);
  }

  #claim(line: number, consumer: string, open: (number: number) => Gpio): Gpio {
    if (this.#open.has(line))
      throw coded("DEVICE_BUSY", `line ${line} (${consumer}) is held by this process`);
    try {
      const gpio = open(this.#base + line);
      this.#open.set(line, gpio);
      return gpio;
    } catch (cause) {
      const errno = errnoOf(cause);
      if (errno === "EBUSY")
        throw coded("DEVICE_BUSY", `line ${line} (${consumer}) is held by another program`, cause);
      if (errno === "EINVAL")
        throw coded("DEVICE_NOT_FOUND", `the chip has no line ${line} (${consumer})`, cause);
      throw coded("DEVICE_FAILED", `line ${line} (${consumer}): ${errno ?? String(cause)}`, cause);
    }
  }

  #release(line: number): void {
    const gpio = this.#open.get(line);
    this.#open.delete(line);
    gpio?.unexport();
  }
}
