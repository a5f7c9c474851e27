import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** One value of a report, as a HID report descriptor describes it (Device Class Definition for HID 1.11, 6.2.2). */
export interface Field {
  kind: "input" | "output";
  /** 0 where the device numbers no reports. */
  reportId: number;
  /** From the first bit behind the report's number. */
  bitOffset: number;
  bitSize: number;
  /** Page in the upper 16 bits. A variable has one; an array gives which of them is on, counted from `logicalMin`. */
  usages: readonly number[];
  array: boolean;
  /** True for a key that tells presses, false for a switch that tells how it stands. */
  relative: boolean;
  logicalMin: number;
}

/** More bits than any report has: a descriptor that says so is damaged. */
const MOST_BITS = 8 * 4096;
const LONG_ITEM = 0xfe;

interface Globals {
  page: number;
  logicalMin: number;
  size: number;
  count: number;
  reportId: number;
}

/** The report descriptor of "/dev/hidraw…", which node-hid does not tell. */
export function descriptorOf(path: string, folder = "/sys/class/hidraw"): Uint8Array {
  return readFileSync(join(folder, basename(path), "device", "report_descriptor"));
}

/** The fields of a descriptor that is well formed; what follows a damaged place is left out. */
export function fieldsOf(descriptor: Uint8Array): Field[] {
  const fields: Field[] = [];
  const bits = new Map<string, number>();
  const stack: Globals[] = [];
  let globals: Globals = { page: 0, logicalMin: 0, size: 0, count: 0, reportId: 0 };
  let usages: number[] = [];
  let usageMin: number | undefined;

  const main = (kind: Field["kind"], flags: number): boolean => {
    const { size, count, reportId, logicalMin } = globals;
    const key = `${kind} ${reportId}`;
    const start = bits.get(key) ?? 0;
    if (start + size * count > MOST_BITS) return false;
    bits.set(key, start + size * count);
    const constant = (flags & 1) !== 0;
    const array = (flags & 2) === 0;
    if (constant || size === 0) return true;
    for (let index = 0; index < count; index++) {
      const usage = usages[Math.min(index, usages.length - 1)];
      if (usage === undefined) break;
      fields.push({
        ...{ kind, reportId, bitOffset: start + index * size, bitSize: size },
        usages: array ? [...usages] : [usage],
        ...{ array, relative: (flags & 4) !== 0, logicalMin },
      });
    }
    return true;
  };

  for (let at = 0; at < descriptor.length;) {
    const prefix = descriptor[at]!;
    if (prefix === LONG_ITEM) {
      at += 3 + (descriptor[at + 1] ?? 0);
      continue;
    }
    const length = [0, 1, 2, 4][prefix & 3]!;
    if (at + 1 + length > descriptor.length) break;
    const data = descriptor.subarray(at + 1, at + 1 + length);
    at += 1 + length;
    const value = unsigned(data);
    const item = prefix & 0xfc;
    switch (item) {
      case 0x04:
        globals.page = value;
        break;
      case 0x14:
        globals.logicalMin = signed(data);
        break;
      case 0x74:
        globals.size = value;
        break;
      case 0x84:
        globals.reportId = value;
        break;
      case 0x94:
        globals.count = value;
        break;
      case 0xa4:
        stack.push({ ...globals });
        break;
      case 0xb4:
        globals = stack.pop() ?? globals;
        break;
      case 0x08:
        usages.push(paged(value, length, globals.page));
        break;
      case 0x18:
        usageMin = paged(value, length, globals.page);
        break;
      case 0x28: {
        const last = paged(value, length, globals.page);
        if (usageMin !== undefined && last - usageMin < MOST_BITS)
          for (let usage = usageMin; usage <= last; usage++) usages.push(usage);
        usageMin = undefined;
        break;
      }
      case 0x80:
      case 0x90:
        if (!main(item === 0x80 ? "input" : "output", value)) return fields;
    }
    // Every main item forgets the usages before it.
    if ((item & 0x0c) === 0) {
      usages = [];
      usageMin = undefined;
    }
  }
  return fields;
}

/** The usages that are on in an input report (with its number in front, where reports are numbered). */
export function usagesIn(fields: readonly Field[], report: Uint8Array): Set<number> {
  const on = new Set<number>();
  for (const field of inputsOf(fields, report)) {
    const value = bitsOf(report, firstBit(field), field.bitSize);
    const usage = field.array
      ? field.usages[value - field.logicalMin]
      : value !== 0
        ? field.usages[0]
        : undefined;
    if (usage !== undefined) on.add(usage);
  }
  return on;
}

/** The fields that an input report tells of; none where it is too short. */
export function inputsOf(fields: readonly Field[], report: Uint8Array): Field[] {
  const numbered = fields.some(({ reportId }) => reportId !== 0);
  const reportId = numbered ? report[0] : 0;
  const told = fields.filter((field) => field.kind === "input" && field.reportId === reportId);
  return told.every((field) => firstBit(field) + field.bitSize <= report.length * 8) ? told : [];
}

/** The output reports in which one of `known` stands, with those of `on` set; the first byte is the report's number. */
export function outputReports(
  fields: readonly Field[],
  known: ReadonlySet<number>,
  on: ReadonlySet<number>,
): Uint8Array[] {
  const outputs = fields.filter(({ kind, array }) => kind === "output" && !array);
  const ids = new Set(outputs.filter(({ usages }) => known.has(usages[0]!)).map(({ reportId }) => reportId));
  return [...ids].map((reportId) => {
    const mine = outputs.filter((field) => field.reportId === reportId);
    const bits = Math.max(...mine.map(({ bitOffset, bitSize }) => bitOffset + bitSize));
    const report = new Uint8Array(1 + Math.ceil(bits / 8));
    report[0] = reportId;
    for (const { usages, bitOffset } of mine)
      if (on.has(usages[0]!)) report[1 + (bitOffset >> 3)]! |= 1 << (bitOffset & 7);
    return report;
  });
}

function firstBit({ reportId, bitOffset }: Field): number {
  return (reportId === 0 ? 0 : 8) + bitOffset;
}

function bitsOf(report: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let bit = Math.min(count, 31) - 1; bit >= 0; bit--) {
    const at = from + bit;
    value = value * 2 + ((report[at >> 3]! >> (at & 7)) & 1);
  }
  return value;
}

function paged(value: number, length: number, page: number): number {
  return length === 4 ? value : page * 0x10000 + value;
}

function unsigned(data: Uint8Array): number {
  return data.reduceRight((value, byte) => value * 256 + byte, 0);
}

function signed(data: Uint8Array): number {
  const value = unsigned(data);
  const limit = 256 ** data.length;
  return data.length > 0 && value >= limit / 2 ? value - limit : value;
}
