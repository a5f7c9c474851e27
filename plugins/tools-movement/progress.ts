import type { ToolCall } from "myna";

/** Progress is told this often. */
const PERIOD_MS = 500;

/** Tells how far a motion has come, seldom enough to be read. */
export function progressOf(call: ToolCall): (way: { movedM: number; turnedDeg: number }) => void {
  let toldMs = performance.now();
  return ({ movedM, turnedDeg }) => {
    const nowMs = performance.now();
    if (nowMs - toldMs < PERIOD_MS) return;
    toldMs = nowMs;
    call.progress({ moved_m: Number(movedM.toFixed(2)), turned_deg: Math.round(turnedDeg) });
  };
}
