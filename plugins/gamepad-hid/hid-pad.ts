import { readdirSync } from "node:fs";
import { MynaError } from "myna";
import { lightReport } from "./feedback.ts";
import type { Feedback } from "./feedback.ts";
import { LAYOUTS } from "./layouts.ts";
import type { Layout, Wire } from "./layouts.ts";
import type { Pad, PadEvents } from "./pad.ts";

/** The part of node-hid that is used. */
export interface HidLibrary {
  getHidapiVersion(): string;
  devicesAsync(): Promise<{ vendorId: number; productId: number; path?: string | undefined }[]>;
  HIDAsync: { open(path: string, options: { nonExclusive: boolean }): Promise<HidConnection> };
}

/** An open device of node-hid. */
export interface HidConnection {
  on(event: "data", handler: (report: Uint8Array) => void): unknown;
  on(event: "error", handler: (error: unknown) => void): unknown;
  getFeatureReport(id: number, length: number): Promise<Uint8Array>;
  write(report: Buffer): Promise<number>;
  close(): Promise<void>;
}

/** Sony pads give their long reports over Bluetooth after one of these was read: id and length. */
const WAKING_REPORTS = [
  [0x02, 37],
  [0x05, 41],
] as const;

/** False where the kernel shows no HID device at all: then node-hid, some 10 MB of memory, need not be loaded. */
export function anyHidDevice(folder = "/sys/class/hidraw"): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

/** node-hid; DEVICE_NOT_FOUND where its system libraries are not installed. */
export async function loadHid(load: () => Promise<unknown> = () => import("node-hid")): Promise<HidLibrary> {
  try {
    const hid = (await load()) as HidLibrary;
    // Its binary is loaded at the first call.
    hid.getHidapiVersion();
    return hid;
  } catch (cause) {
    const fix = "sudo apt install libusb-1.0-0 libudev1";
    throw new MynaError("DEVICE_NOT_FOUND", `node-hid cannot be loaded: ${fix}`, { cause });
  }
}

/** The first gamepad whose reports are known, opened; undefined where there is none. */
export async function openHidPad(hid: HidLibrary, events: PadEvents): Promise<Pad | undefined> {
  for (const { vendorId, productId, path } of await hid.devicesAsync()) {
    const layout = LAYOUTS.find((one) => one.vendorId === vendorId && one.productIds.includes(productId));
    if (!layout || path === undefined) continue;
    const connection = await hid.HIDAsync.open(path, { nonExclusive: true });
    return new HidPad(layout, connection, events);
  }
  return undefined;
}

class HidPad implements Pad {
  readonly name: string;
  readonly streams: boolean;
  readonly polled = false;
  readonly #layout: Layout;
  readonly #connection: HidConnection;
  #wire: Wire | undefined;
  #lights: Feedback | undefined;
  #closed = false;

  constructor(layout: Layout, connection: HidConnection, events: PadEvents) {
    this.name = layout.name;
    this.streams = layout.streams;
    this.#layout = layout;
    this.#connection = connection;
    connection.on("error", (error) => {
      if (!this.#closed) events.lost(Error.isError(error) ? error.message : String(error));
    });
    connection.on("data", (report) => {
      if (this.#closed) return;
      const parsed = layout.parse(report);
      if (parsed === "other") return;
      if (parsed === "garbage") return events.garbage();
      if (this.#wire !== parsed.wire) {
        this.#wire = parsed.wire;
        this.#write();
      }
      events.state(parsed.state);
    });
    if (layout.streams)
      for (const [id, length] of WAKING_REPORTS) connection.getFeatureReport(id, length).catch(() => {});
  }

  poll(): void {}

  show(feedback: Feedback): void {
    this.#lights = feedback;
    this.#write();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connection.close().catch(() => {});
  }

  /** Before the first report it is not known how the pad is connected. */
  #write(): void {
    if (!this.#wire || !this.#lights || this.#closed) return;
    const report = lightReport(this.#layout, this.#wire, this.#lights);
    if (report) this.#connection.write(Buffer.from(report)).catch(() => {});
  }
}
