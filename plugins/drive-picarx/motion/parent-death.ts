import { dlopen } from "bun:ffi";

/** linux/prctl.h */
const PR_SET_PDEATHSIG = 1;
const SIGTERM = 15;

/**
 * Has the kernel send SIGTERM when the thread that started this process ends (prctl(2), PR_SET_PDEATHSIG): as soon as the runtime's
 * main thread is dead. Stdin ends only when its last thread is, which takes until each had the processor once more.
 */
export function endWithParent(): void {
  if (process.platform !== "linux") return;
  const { symbols, close } = dlopen("libc.so.6", { prctl: { args: ["i32", "u64"], returns: "i32" } });
  symbols.prctl(PR_SET_PDEATHSIG, SIGTERM);
  close();
}
