import type { I2cBus } from "myna";
import { giveBytes, takeBytes } from "./firmware.ts";
import { HAT_ADDRESS, HatMemory } from "./hat-memory.ts";

/** The bus of the simulated board whose HAT lies in the file `hat`. */
export function openI2c({ hat: path }: { hat: string }): I2cBus {
  const hat = HatMemory.open(path);
  const transact = (address: number, what: string) => {
    const failed = hat.transact();
    if (!failed && address === HAT_ADDRESS) return;
    const error = new Error(`I2C: 0x${address.toString(16)} does not answer (${what}: EREMOTEIO)`);
    throw Object.assign(error, { code: "DEVICE_FAILED" });
  };
  return {
    write(address, bytes) {
      transact(address, "write");
      takeBytes(hat, bytes);
    },
    read(address, into) {
      transact(address, "read");
      giveBytes(hat, into);
    },
    close() {},
  };
}
