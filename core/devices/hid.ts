import { readdirSync } from "node:fs";
import { MynaError } from "../errors.ts";

/** The part of the package node-hid that plugins use. */
export interface HidLibrary {
  getHidapiVersion(): string;
  devicesAsync(): Promise<HidDevice[]>;
  HIDAsync: { open(path: string, options: { nonExclusive: boolean }): Promise<HidConnection> };
}

/** A device as node-hid lists it: once for each top-level collection. */
export interface HidDevice {
  vendorId: number;
  productId: number;
  path?: string | undefined;
  product?: string | undefined;
  usagePage?: number | undefined;
}

/** An open device of node-hid; whoever opened it closes it. */
export interface HidConnection {
  /** A report with its number in front, where reports are numbered. */
  on(event: "data", handler: (report: Uint8Array) => void): unknown;
  /** Also when it is unplugged. */
  on(event: "error", handler: (error: unknown) => void): unknown;
  getFeatureReport(id: number, length: number): Promise<Uint8Array>;
  write(report: Buffer): Promise<number>;
  close(): Promise<void>;
}

/** False where the kernel shows no HID device at all: then node-hid, some 10 MB of memory, need not be loaded. */
export function anyHidDevice(folder = "/sys/class/hidraw"): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

/**
 * The package that `load` imports: `() => import("node-hid")`, which loads nothing before it is called. DEVICE_NOT_FOUND where its
 * system libraries are not installed.
 */
export async function loadHid(load: () => Promise<unknown>): Promise<HidLibrary> {
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
