import { closeSync, openSync, read, readSync, writeSync } from "node:fs";

/** Event types of linux/uhid.h. */
const UHID_DESTROY = 1;
const UHID_OUTPUT = 6;
const UHID_GET_REPORT = 9;
const UHID_GET_REPORT_REPLY = 10;
const UHID_CREATE2 = 11;
const UHID_INPUT2 = 12;
const UHID_SET_REPORT = 13;
const UHID_SET_REPORT_REPLY = 14;
const EVENT_BYTES = 4380;
const BUS_USB = 3;

/** What a HID device that runs in user space answers. */
export interface HidDevice {
  name: string;
  vendor: number;
  product: number;
  descriptor: Uint8Array;
  /** An output report, its number first. */
  output(report: Uint8Array): void;
  /** A feature report that is read, its number first in the answer; undefined is refused. */
  get(number: number): Uint8Array | undefined;
  /** A feature report that is written, its number first. */
  set(report: Uint8Array): void;
}

/** A device on /dev/uhid: to the kernel it is plugged in by USB. Its process must not use it itself, or it waits for ever. */
export class Uhid {
  readonly #fd: number;
  readonly #device: HidDevice;
  #closed = false;

  constructor(device: HidDevice) {
    this.#device = device;
    this.#fd = openSync("/dev/uhid", "r+");
    const create = Buffer.alloc(EVENT_BYTES);
    create.writeUInt32LE(UHID_CREATE2, 0);
    create.write(device.name, 4);
    create.writeUInt16LE(device.descriptor.length, 260);
    create.writeUInt16LE(BUS_USB, 262);
    create.writeUInt32LE(device.vendor, 264);
    create.writeUInt32LE(device.product, 268);
    create.set(device.descriptor, 280);
    writeSync(this.#fd, create);
  }

  /** Answers the kernel beside whatever else this process does. */
  listen(): void {
    this.#read();
  }

  /** Answers the kernel and does nothing else, for ever: no event loop and no memory to be collected is in its way. */
  serve(): never {
    const event = Buffer.alloc(EVENT_BYTES);
    for (;;) {
      readSync(this.#fd, event);
      this.#take(event);
    }
  }

  /** An input report, its number first. */
  input(report: Uint8Array): void {
    const event = Buffer.alloc(6 + report.length);
    event.writeUInt32LE(UHID_INPUT2, 0);
    event.writeUInt16LE(report.length, 4);
    event.set(report, 6);
    writeSync(this.#fd, event);
  }

  /** Unplugs it. */
  close(): void {
    this.#closed = true;
    const event = Buffer.alloc(4);
    event.writeUInt32LE(UHID_DESTROY, 0);
    writeSync(this.#fd, event);
    closeSync(this.#fd);
  }

  #read(): void {
    const event = Buffer.alloc(EVENT_BYTES);
    read(this.#fd, event, 0, EVENT_BYTES, null, (error) => {
      if (this.#closed) return;
      if (!error) this.#take(event);
      this.#read();
    });
  }

  #take(event: Buffer): void {
    switch (event.readUInt32LE(0)) {
      case UHID_OUTPUT:
        return this.#device.output(event.subarray(4, 4 + event.readUInt16LE(4100)));
      case UHID_GET_REPORT: {
        const answer = this.#device.get(event[8]!);
        const reply = Buffer.alloc(12 + (answer?.length ?? 0));
        reply.writeUInt32LE(UHID_GET_REPORT_REPLY, 0);
        event.copy(reply, 4, 4, 8);
        reply.writeUInt16LE(answer ? 0 : 5, 8);
        reply.writeUInt16LE(answer?.length ?? 0, 10);
        if (answer) reply.set(answer, 12);
        writeSync(this.#fd, reply);
        return;
      }
      case UHID_SET_REPORT: {
        this.#device.set(event.subarray(12, 12 + event.readUInt16LE(10)));
        const reply = Buffer.alloc(10);
        reply.writeUInt32LE(UHID_SET_REPORT_REPLY, 0);
        event.copy(reply, 4, 4, 8);
        writeSync(this.#fd, reply);
      }
    }
  }
}
