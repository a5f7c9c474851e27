import { dlopen, ptr } from "bun:ffi";
import { readdirSync } from "node:fs";
import { giveBytes, takeBytes } from "../../../plugins/board-sim/firmware.ts";
import { HAT_ADDRESS, HatMemory } from "../../../plugins/board-sim/hat-memory.ts";
import { Uhid } from "./uhid.ts";

/**
 * A Silicon Labs CP2112, a bridge from USB to I2C and eight GPIO lines, with the simulated Robot HAT behind it. The kernel's
 * own driver makes a real /dev/i2c-N and a real gpiochip of it. Report numbers and layouts: data sheet AN495. Runs as a
 * process of its own: `bun cp2112.ts FILE`, FILE being the HAT's memory.
 */

const REPORT_BYTES = 64;
const GPIO_CONFIG = 0x02;
const GPIO_GET = 0x03;
const GPIO_SET = 0x04;
const VERSION = 0x05;
const SMBUS_CONFIG = 0x06;
const READ = 0x10;
const WRITE_READ = 0x11;
const FORCE_SEND = 0x12;
const READ_RESPONSE = 0x13;
const WRITE = 0x14;
const STATUS = 0x15;
const STATUS_RESPONSE = 0x16;
const CANCEL = 0x17;
const STRINGS = [0x22, 0x23, 0x24];
const MOST_READ = 61;

/** Line 0 is the HAT's reset line. */
export const RESET_LINE = 0;

/** A collection of the vendor's page with one entry for each report: [kind, number, bytes]. */
function descriptor(): Uint8Array {
  const FEATURE = 0xb1;
  const OUTPUT = 0x91;
  const INPUT = 0x81;
  const reports: [number, number, number][] = [
    [FEATURE, 0x01, 1],
    [FEATURE, GPIO_CONFIG, 4],
    [FEATURE, GPIO_GET, 1],
    [FEATURE, GPIO_SET, 2],
    [FEATURE, VERSION, 2],
    [FEATURE, SMBUS_CONFIG, 13],
    [OUTPUT, READ, 62],
    [OUTPUT, WRITE_READ, 62],
    [OUTPUT, FORCE_SEND, 62],
    [INPUT, READ_RESPONSE, 62],
    [OUTPUT, WRITE, 62],
    [OUTPUT, STATUS, 62],
    [INPUT, STATUS_RESPONSE, 62],
    [OUTPUT, CANCEL, 62],
    [FEATURE, 0x20, 1],
    [FEATURE, 0x21, 8],
    ...STRINGS.map((number): [number, number, number] => [FEATURE, number, 61]),
  ];
  const bytes = [0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08];
  for (const [kind, number, count] of reports) bytes.push(0x85, number, 0x95, count, 0x09, 0x01, kind, 0x02);
  bytes.push(0xc0);
  return Uint8Array.from(bytes);
}

/**
 * A chip does not wait for programs, and the kernel gives it 50 ms to answer (hid-cp2112.c): all of its threads, and those that they
 * start, run before any other program (sched_setscheduler(2)).
 */
function runBeforeAll(): void {
  const SCHED_RR = 2;
  const { symbols } = dlopen("libc.so.6", {
    sched_setscheduler: { args: ["i32", "i32", "ptr"], returns: "i32" },
  });
  const priority = Int32Array.of(50);
  for (const thread of readdirSync("/proc/self/task"))
    if (symbols.sched_setscheduler(Number(thread), SCHED_RR, ptr(priority)) !== 0)
      throw new Error("the bridge may not run before other programs");
}

const hat = HatMemory.open(process.argv[2]!);
let direction = 0;
let latch = 0;
let acknowledged = true;
let answer = new Uint8Array(0);

function padded(...bytes: number[]): Uint8Array {
  const report = new Uint8Array(REPORT_BYTES - 1);
  report.set(bytes);
  return report;
}

function transact(address: number, run: () => void): void {
  const failed = hat.transact();
  acknowledged = address === HAT_ADDRESS && !failed;
  if (acknowledged) run();
}

/** What is set at a line shows while it is an output. */
function drive(newDirection: number, newLatch: number): void {
  const before = latch & direction;
  [direction, latch] = [newDirection, newLatch];
  for (let line = 0; line < 8; line++) if ((direction >> line) & 1) hat.levels[line] = (latch >> line) & 1;
  if (((before & ~latch) >> RESET_LINE) & 1) hat.reset();
}

const device = new Uhid({
  name: "CP2112 HID USB-to-SMBus Bridge",
  vendor: 0x10c4,
  product: 0xea90,
  descriptor: descriptor(),
  get(number) {
    if (number === GPIO_CONFIG) return Uint8Array.of(number, direction, 0xff, 0, 0);
    if (number === GPIO_GET) {
      let outside = 0;
      for (let line = 0; line < 8; line++) outside |= hat.levels[line]! << line;
      return Uint8Array.of(number, (latch & direction) | (outside & ~direction));
    }
    if (number === VERSION) return Uint8Array.of(number, 0x0c, 0x02);
    if (number === SMBUS_CONFIG)
      return Uint8Array.of(number, 0, 1, 0x86, 0xa0, 0x02, 0, 0, 0xff, 0, 0xff, 1, 0, 0x0f);
    if (number === 0x21) return Uint8Array.of(number, 0xc4, 0x10, 0x90, 0xea, 0x32, 0, 1, 0);
    if (STRINGS.includes(number)) return Uint8Array.of(number, 4, 3, 0x4d, 0, ...new Uint8Array(57));
    return Uint8Array.of(number, 0);
  },
  set(report) {
    const [number, first = 0, mask = 0] = report;
    if (number === GPIO_CONFIG) drive(first, latch);
    else if (number === GPIO_SET) drive(direction, (latch & ~mask) | (first & mask));
  },
  output(report) {
    const [number, addressByte = 0, second = 0, third = 0, fourth = 0] = report;
    switch (number) {
      case WRITE:
        return transact(addressByte >> 1, () => takeBytes(hat, report.slice(3, 3 + second)));
      case READ:
        answer = new Uint8Array((second << 8) | third);
        return transact(addressByte >> 1, () => giveBytes(hat, answer));
      case WRITE_READ:
        answer = new Uint8Array((second << 8) | third);
        return transact(addressByte >> 1, () => {
          takeBytes(hat, report.slice(5, 5 + fourth));
          giveBytes(hat, answer);
        });
      case STATUS:
        return device.input(
          acknowledged
            ? padded(STATUS_RESPONSE, 2, 5, 0, 1, answer.length >> 8, answer.length & 0xff)
            : padded(STATUS_RESPONSE, 3, 0, 0, 0, 0, 0),
        );
      case FORCE_SEND: {
        const part = answer.slice(0, MOST_READ);
        answer = answer.slice(MOST_READ);
        return device.input(padded(READ_RESPONSE, 2, part.length, ...part));
      }
    }
  },
});
runBeforeAll();
device.serve();
