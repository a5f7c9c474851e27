import { dlopen, ptr } from "bun:ffi";

const CLOCK_MONOTONIC = process.platform === "darwin" ? 6 : 1;
const libc = dlopen(process.platform === "darwin" ? "libSystem.dylib" : "libc.so.6", {
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
});
const timespec = new BigInt64Array(2);

/** Milliseconds on the machine's monotonic clock, the same in every thread: Bun's own clocks begin anew with each. */
export function monotonicMs(): number {
  libc.symbols.clock_gettime(CLOCK_MONOTONIC, ptr(timespec));
  return Number(timespec[0]) * 1000 + Number(timespec[1]) / 1e6;
}
