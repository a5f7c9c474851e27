import { closeSync, openSync, readSync, writeSync } from "node:fs";
import type { I2cBus } from "myna";
import { coded, errnoOf, ioctlNumber } from "./libc.ts";

/** linux/i2c-dev.h; the argument is the address. */
const I2C_SLAVE = 0x703;

/** The bus behind a character device of i2c-dev, as "/dev/i2c-1". */
export function openI2c({ device }: { device: string }): I2cBus {
  const fd = open(device);
  let current = -1;
  const select = (address: number) => {
    if (address === current) return;
    current = -1;
    ioctlNumber(fd, I2C_SLAVE, address, "I2C_SLAVE");
    current = address;
  };
  const transact = (address: number, what: string, length: number, run: () => number) => {
    let done: number;
    try {
      select(address);
      done = run();
    } catch (cause) {
      throw failure(device, address, what, cause);
    }
    if (done !== length)
      throw coded(
        "DEVICE_FAILED",
        `${device}: 0x${address.toString(16)} took ${done} of ${length} bytes (${what})`,
      );
  };
  return {
    write: (address, bytes) => transact(address, "write", bytes.length, () => writeSync(fd, bytes)),
    read: (address, into) => transact(address, "read", into.length, () => readSync(fd, into)),
    close: () => closeSync(fd),
  };
}

function open(device: string): number {
  try {
    return openSync(device, "r+");
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "ENOENT")
      throw coded(
        "DEVICE_NOT_FOUND",
        `there is no ${device}: switch I2C on (sudo raspi-config nonint do_i2c 0)`,
        cause,
      );
    const fix = errno === "EACCES" ? ": add the user to the group i2c" : "";
    throw coded("DEVICE_FAILED", `${device} cannot be opened (${errno})${fix}`, cause);
  }
}

/** EREMOTEIO (Raspberry Pi), ENXIO and ETIMEDOUT (others) mean that nobody answered. */
function failure(device: string, address: number, what: string, cause: unknown): Error {
  const errno = errnoOf(cause) ?? String(cause);
  const chip = `0x${address.toString(16)}`;
  if (errno === "EBUSY") return coded("DEVICE_BUSY", `${device}: a kernel driver holds ${chip}`, cause);
  return coded("DEVICE_FAILED", `${device}: ${chip} does not answer (${what}: ${errno})`, cause);
}
