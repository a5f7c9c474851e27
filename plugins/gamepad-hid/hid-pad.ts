import type { HidConnection, HidLibrary } from "myna";
import { lightReport } from "./feedback.ts";
import type { Feedback } from "./feedback.ts";
import { LAYOUTS } from "./layouts.ts";
import type { Layout, Wire } from "./layouts.ts";
import type { Pad, PadEvents } from "./pad.ts";

/** Sony pads give their long reports over Bluetooth after one of these was read: id and length. */
const WAKING_REPORTS = [
  [0x02, 37],
  [0x05, 41],
] as const;

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
