import { readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { MynaError } from "myna";

/** The part of node-hid that is used. */
export interface HidLibrary {
  getHidapiVersion(): string;
  devicesAsync(): Promise<HidDevice[]>;
  HIDAsync: { open(path: string, options: { nonExclusive: boolean }): Promise<HidConnection> };
}

/** A device as node-hid lists it: once for each top-level collection. */
export interface HidDevice {
  path?: string | undefined;
  product?: string | undefined;
  usagePage?: number | undefined;
}

/** An open device of node-hid. */
export interface HidConnection {
  on(event: "data", handler: (report: Uint8Array) => void): unknown;
  on(event: "error", handler: (error: unknown) => void): unknown;
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

/** The report descriptor of "/dev/hidraw…", which node-hid does not tell. */
export function descriptorOf(path: string, folder = "/sys/class/hidraw"): Uint8Array {
  return readFileSync(join(folder, basename(path), "device", "report_descriptor"));
}
