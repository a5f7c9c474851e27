import { dlopen } from "bun:ffi";

/** As PipeWire asks for its data thread where real-time scheduling is not granted. */
const NICE = -11;
const PRIO_PROCESS = 0;

/**
 * Lets the calling thread run before others that want the processor (setpriority(2); on Linux it counts for the thread alone).
 * Without the right to it (root, or LimitNICE= of systemd) nothing changes; returns whether it did.
 */
export function raisePriority(): boolean {
  try {
    const { symbols, close } = dlopen("libc.so.6", {
      setpriority: { args: ["i32", "u32", "i32"], returns: "i32" },
    });
    const granted = symbols.setpriority(PRIO_PROCESS, 0, NICE) === 0;
    close();
    return granted;
  } catch {
    return false;
  }
}
