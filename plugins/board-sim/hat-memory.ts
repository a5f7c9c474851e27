import { closeSync, constants, existsSync, ftruncateSync, openSync, statSync } from "node:fs";

/** Address of the HAT's controller on the I2C bus (robot-hat, pwm.py). */
export const HAT_ADDRESS = 0x14;
/** Registers 0x00 to 0x5F: PWM pulses from 0x20, prescalers from 0x40, periods from 0x44 (robot-hat, pwm.py). */
export const REGISTERS = 0x60;
/** Inputs A0 to A7; A4 is the battery behind its divider. */
export const ANALOG_INPUTS = 8;
/** BCM numbers 0 to 57 (Raspberry Pi 4). */
export const LINES = 58;

const JOURNAL_ENTRIES = 4096;
const MAGIC = 0x4d59_4e41;

/** Bytes of each part of the file. */
const HEADER_AT = 0;
const NUMBERS_AT = 64;
const REGISTERS_AT = 256;
const ANALOG_AT = REGISTERS_AT + 2 * REGISTERS;
const LEVELS_AT = ANALOG_AT + 2 * ANALOG_INPUTS;
const OWNERS_AT = 1024;
const JOURNAL_TIMES_AT = 2048;
const JOURNAL_WRITES_AT = JOURNAL_TIMES_AT + 8 * JOURNAL_ENTRIES;
const FILE_BYTES = JOURNAL_WRITES_AT + 8 * JOURNAL_ENTRIES;

/** Index in the header, which holds 32-bit numbers. */
const HEADER = {
  magic: 0,
  frameBytes: 1,
  frame: 2,
  analogBytes: 3,
  analogValue: 4,
  transactions: 5,
  failFrom: 6,
  failCount: 7,
  written: 8,
  resets: 9,
} as const;

/** Index in the numbers, which are 64-bit floats. */
const NUMBERS = { frameAtMs: 0, echoUs: 1 } as const;

/** One write to a register. */
export interface RegisterWrite {
  /** Unix time, milliseconds with fractions: comparable between processes. */
  atMs: number;
  /** {@link REGISTERS} and above: the reset line was pulled low. */
  register: number;
  value: number;
  pid: number;
}

/** `register` of a journal entry that stands for a reset. */
export const RESET_ENTRY = 0xff;

/** Milliseconds on a clock that all processes of this machine share. */
export function sharedNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/**
 * The simulated HAT as it lies in a file in memory: it outlives every process that has it mapped, as the real controller
 * outlives a program. Whoever writes to the bus runs the firmware on it.
 */
export class HatMemory {
  readonly path: string;
  readonly registers: Uint16Array;
  /** What the analog inputs would read, 0 to 4095. */
  readonly analog: Uint16Array;
  /** Levels of the lines by BCM number, 0 or 1. */
  readonly levels: Uint8Array;
  /** Process that holds each line; 0 for none. */
  readonly owners: Int32Array;
  readonly #header: Int32Array;
  readonly #numbers: Float64Array;
  readonly #journalTimes: Float64Array;
  readonly #journalWrites: Int32Array;

  private constructor(path: string) {
    this.path = path;
    const { buffer, byteOffset } = Bun.mmap(path, { shared: true });
    this.#header = new Int32Array(buffer, byteOffset + HEADER_AT, 16);
    this.#numbers = new Float64Array(buffer, byteOffset + NUMBERS_AT, 8);
    this.registers = new Uint16Array(buffer, byteOffset + REGISTERS_AT, REGISTERS);
    this.analog = new Uint16Array(buffer, byteOffset + ANALOG_AT, ANALOG_INPUTS);
    this.levels = new Uint8Array(buffer, byteOffset + LEVELS_AT, LINES);
    this.owners = new Int32Array(buffer, byteOffset + OWNERS_AT, LINES);
    this.#journalTimes = new Float64Array(buffer, byteOffset + JOURNAL_TIMES_AT, JOURNAL_ENTRIES);
    this.#journalWrites = new Int32Array(buffer, byteOffset + JOURNAL_WRITES_AT, 2 * JOURNAL_ENTRIES);
  }

  /** Makes the file where there is none, or a shorter one; its controller is then as after power-on. */
  static open(path: string): HatMemory {
    if (!existsSync(path) || statSync(path).size < FILE_BYTES) {
      const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
      ftruncateSync(file, 0);
      ftruncateSync(file, FILE_BYTES);
      closeSync(file);
    }
    const memory = new HatMemory(path);
    if (memory.#header[HEADER.magic] !== MAGIC) {
      memory.#header[HEADER.magic] = MAGIC;
      memory.#numbers[NUMBERS.echoUs] = -1;
    }
    return memory;
  }

  /** Bytes of an unfinished frame, 0 to 2, and what they are, first byte highest. */
  get frameBytes(): number {
    return this.#header[HEADER.frameBytes]!;
  }
  get frame(): number {
    return this.#header[HEADER.frame]!;
  }
  /** When the last byte of a frame came, {@link sharedNowMs}. */
  get frameAtMs(): number {
    return this.#numbers[NUMBERS.frameAtMs]!;
  }

  keepFrame(bytes: number, frame: number, atMs: number = sharedNowMs()): void {
    this.#header[HEADER.frameBytes] = bytes;
    this.#header[HEADER.frame] = frame;
    this.#numbers[NUMBERS.frameAtMs] = atMs;
  }

  /** Bytes of a conversion that were not read yet, 0 to 2. */
  get analogBytes(): number {
    return this.#header[HEADER.analogBytes]!;
  }

  /** The conversion whose bytes are read next. */
  get analogValue(): number {
    return this.#header[HEADER.analogValue]!;
  }

  keepAnalog(bytes: number, value: number): void {
    this.#header[HEADER.analogBytes] = bytes;
    this.#header[HEADER.analogValue] = value;
  }

  /** Length of the echo that the next ping brings, microseconds; negative for none. */
  get echoUs(): number {
    return this.#numbers[NUMBERS.echoUs]!;
  }
  set echoUs(us: number) {
    this.#numbers[NUMBERS.echoUs] = us;
  }

  /** Transactions on the bus so far, those that failed included. */
  get transactions(): number {
    return this.#header[HEADER.transactions]!;
  }

  get resets(): number {
    return this.#header[HEADER.resets]!;
  }

  /** The transactions number `from` to `from + count - 1`, counted from now as 0, fail as a chip that does not answer. */
  failTransactions(from: number, count: number): void {
    this.#header[HEADER.failFrom] = this.transactions + from;
    this.#header[HEADER.failCount] = count;
  }

  /** Counts a transaction; says whether it fails. */
  transact(): boolean {
    const number = this.#header[HEADER.transactions]!;
    this.#header[HEADER.transactions] = number + 1;
    const from = this.#header[HEADER.failFrom]!;
    return number >= from && number < from + this.#header[HEADER.failCount]!;
  }

  writeRegister(register: number, value: number): void {
    this.registers[register] = value;
    this.#log(register, value);
  }

  /** As after power-on; analog inputs, lines and the journal are not the controller's. */
  reset(): void {
    this.registers.fill(0);
    this.keepFrame(0, 0);
    this.keepAnalog(0, 0);
    this.#header[HEADER.resets]!++;
    this.#log(RESET_ENTRY, 0);
  }

  /** Writes to registers so far. */
  get written(): number {
    return this.#header[HEADER.written]!;
  }

  /** The writes since write number `from`, oldest first; of many only the last 4,096. */
  journal(from = 0): RegisterWrite[] {
    const end = this.written;
    const writes: RegisterWrite[] = [];
    for (let at = Math.max(from, end - JOURNAL_ENTRIES); at < end; at++) {
      const slot = at % JOURNAL_ENTRIES;
      const packed = this.#journalWrites[2 * slot]!;
      writes.push({
        atMs: this.#journalTimes[slot]!,
        register: packed >>> 16,
        value: packed & 0xffff,
        pid: this.#journalWrites[2 * slot + 1]!,
      });
    }
    return writes;
  }

  #log(register: number, value: number): void {
    const slot = this.#header[HEADER.written]! % JOURNAL_ENTRIES;
    this.#journalTimes[slot] = sharedNowMs();
    this.#journalWrites[2 * slot] = (register << 16) | value;
    this.#journalWrites[2 * slot + 1] = process.pid;
    this.#header[HEADER.written]!++;
  }
}
