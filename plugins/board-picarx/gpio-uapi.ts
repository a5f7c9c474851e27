import type { LinePull } from "myna";

/**
 * Requests and structures of the GPIO character device, version 2 (linux/gpio.h), little endian; the same on x86-64 and
 * arm64. Lengths are part of the request numbers.
 */
export const GPIO_GET_CHIPINFO = 0x8044b401;
export const GPIO_V2_GET_LINEINFO = 0xc100b405;
export const GPIO_V2_GET_LINE = 0xc250b407;
export const GPIO_V2_LINE_GET_VALUES = 0xc010b40e;
export const GPIO_V2_LINE_SET_VALUES = 0xc010b40f;

/** struct gpio_v2_line_event, as a line's descriptor gives them. */
export const LINE_EVENT_BYTES = 48;

const CHIPINFO_BYTES = 68;
const LINEINFO_BYTES = 256;
const LINE_REQUEST_BYTES = 592;
const LINE_VALUES_BYTES = 16;
const NAME_BYTES = 32;

const FLAG_USED = 1n;
const FLAG_ACTIVE_LOW = 2;
const FLAG_INPUT = 4;
const FLAG_OUTPUT = 8;
const FLAG_EDGE_RISING = 0x10;
const FLAG_EDGE_FALLING = 0x20;
const BIAS_FLAGS: Record<LinePull, number> = { up: 0x100, down: 0x200, none: 0x400 };

const ATTRIBUTE_OUTPUT_VALUES = 2;
const ATTRIBUTE_DEBOUNCE = 3;

/** Memory for {@link GPIO_GET_CHIPINFO}. */
export function chipInfo(): Uint8Array {
  return new Uint8Array(CHIPINFO_BYTES);
}

/** What the kernel wrote into {@link chipInfo}. */
export function readChipInfo(info: Uint8Array): { name: string; label: string; lines: number } {
  return { name: text(info, 0), label: text(info, NAME_BYTES), lines: view(info).getUint32(64, true) };
}

/** Asks for what is known of a line. */
export function lineInfo(line: number): Uint8Array {
  const info = new Uint8Array(LINEINFO_BYTES);
  view(info).setUint32(64, line, true);
  return info;
}

/** Who holds the line, by the name it gave; "" where nobody said. */
export function readConsumer(info: Uint8Array): string {
  return text(info, NAME_BYTES);
}

/** True where somebody holds the line, the kernel's own drivers included. */
export function readUsed(info: Uint8Array): boolean {
  return (view(info).getBigUint64(72, true) & FLAG_USED) !== 0n;
}

/** Asks for a line as an output with its first level. */
export function outputRequest(line: number, consumer: string, high: boolean): Uint8Array {
  const request = lineRequest(line, consumer, FLAG_OUTPUT);
  attribute(request, ATTRIBUTE_OUTPUT_VALUES, high ? 1 : 0);
  return request;
}

/** Asks for a line as an input; with `edges` its descriptor gives events of both. */
export function inputRequest(
  line: number,
  consumer: string,
  options: { pull: LinePull; activeLow: boolean; edges: boolean; debounceUs?: number | undefined },
): Uint8Array {
  let flags = FLAG_INPUT | BIAS_FLAGS[options.pull];
  if (options.activeLow) flags |= FLAG_ACTIVE_LOW;
  if (options.edges) flags |= FLAG_EDGE_RISING | FLAG_EDGE_FALLING;
  const request = lineRequest(line, consumer, flags);
  if (options.debounceUs) attribute(request, ATTRIBUTE_DEBOUNCE, options.debounceUs);
  return request;
}

/** The line's descriptor, after {@link GPIO_V2_GET_LINE}. */
export function requestedFd(request: Uint8Array): number {
  return view(request).getInt32(588, true);
}

/** Memory for the value of a request's only line. */
export function lineValues(high = false): Uint8Array {
  const values = new Uint8Array(LINE_VALUES_BYTES);
  values[0] = high ? 1 : 0;
  values[8] = 1;
  return values;
}

/** The events in `bytes`, oldest first. The kernel counts edges in active levels: active-low lines rise when they fall. */
export function readEvents(bytes: Uint8Array): { active: boolean; timestampNs: bigint }[] {
  const data = view(bytes);
  const events = [];
  for (let at = 0; at + LINE_EVENT_BYTES <= bytes.length; at += LINE_EVENT_BYTES)
    events.push({ active: data.getUint32(at + 8, true) === 1, timestampNs: data.getBigUint64(at, true) });
  return events;
}

function lineRequest(line: number, consumer: string, flags: number): Uint8Array {
  const request = new Uint8Array(LINE_REQUEST_BYTES);
  const data = view(request);
  data.setUint32(0, line, true);
  // The last byte stays zero.
  request.set(new TextEncoder().encode(consumer).subarray(0, NAME_BYTES - 1), 256);
  data.setBigUint64(288, BigInt(flags), true);
  data.setUint32(560, 1, true);
  return request;
}

function attribute(request: Uint8Array, id: number, value: number): void {
  const data = view(request);
  data.setUint32(296, 1, true);
  data.setUint32(320, id, true);
  data.setBigUint64(328, BigInt(value), true);
  data.setBigUint64(336, 1n, true);
}

function text(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return new TextDecoder().decode(
    bytes.subarray(at, end < 0 ? at + NAME_BYTES : Math.min(end, at + NAME_BYTES)),
  );
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
