import { REGISTERS, sharedNowMs } from "./hat-memory.ts";
import type { HatMemory } from "./hat-memory.ts";

const FRAME_BYTES = 3;
/** An unfinished frame is forgotten after so long. The documentation says that there is such a time, not which. */
const FRAME_TIMEOUT_MS = 1000;
/** Commands 0x10 to 0x17 convert input 7 to 0: the order is reversed (robot-hat, adc.py). */
const CONVERT = 0x10;
const CONVERT_LAST = 0x17;
const FIRST_WRITABLE = 0x20;

/**
 * Takes bytes as the HAT's controller does: fixed frames of [register, high, low], put together across transactions. A
 * program that dies in the middle of a frame leaves the next one offset by what it sent.
 */
export function takeBytes(hat: HatMemory, bytes: Uint8Array): void {
  let count = hat.frameBytes;
  let frame = hat.frame;
  if (count > 0 && sharedNowMs() - hat.frameAtMs > FRAME_TIMEOUT_MS) count = frame = 0;
  for (const byte of bytes) {
    frame = (frame << 8) | byte;
    if (++count < FRAME_BYTES) continue;
    obey(hat, frame >>> 16, frame & 0xffff);
    count = frame = 0;
  }
  hat.keepFrame(count, frame);
}

/** Gives the bytes of the last conversion, high one first; then zeros. */
export function giveBytes(hat: HatMemory, into: Uint8Array): void {
  for (let i = 0; i < into.length; i++) {
    const left = hat.analogBytes;
    into[i] = left === 2 ? hat.analogValue >>> 8 : left === 1 ? hat.analogValue & 0xff : 0;
    if (left > 0) hat.keepAnalog(left - 1, hat.analogValue);
  }
}

function obey(hat: HatMemory, register: number, value: number): void {
  if (register >= CONVERT && register <= CONVERT_LAST) {
    hat.keepAnalog(2, hat.analog[CONVERT_LAST - register]! & 0x0fff);
  } else if (register >= FIRST_WRITABLE && register < REGISTERS) {
    hat.writeRegister(register, value);
  }
}
