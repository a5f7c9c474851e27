import { effect, signal } from "@preact/signals";
import { ask, tell } from "./robot.ts";
import { latched, values } from "./live.ts";

/** "asked": the robot has not confirmed it yet; "unreachable": it was told by no way so far. */
export type StopState = "idle" | "asked" | "unreachable" | "done";

const AGAIN_MS = 500;

export const stopState = signal<StopState>("idle");
export const releaseProblem = signal<string | undefined>(undefined);
let wanted = false;

/** Everything stops: by the socket and by a plain request, again and again until one of them is confirmed. */
export function stopEverything(): void {
  stopState.value = "asked";
  if (wanted) return;
  wanted = true;
  void insist();
}

/** The operator gives up on a robot that cannot be reached. */
export function giveUpStopping(): void {
  wanted = false;
  stopState.value = "idle";
}

export async function release(): Promise<void> {
  releaseProblem.value = undefined;
  try {
    await ask({ type: "release" });
    stopState.value = "idle";
  } catch (error) {
    releaseProblem.value = (error as Error).message;
  }
}

async function insist(): Promise<void> {
  while (wanted) {
    tell({ type: "stop" });
    if (await post()) {
      wanted = false;
      // Where the body cannot latch, nothing is left to release.
      stopState.value = values.robot.value?.has.body === false ? "idle" : "done";
      return;
    }
    if (wanted) stopState.value = "unreachable";
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

async function post(): Promise<boolean> {
  try {
    const { ok } = await fetch("/stop", {
      method: "POST",
      keepalive: true,
      signal: AbortSignal.timeout(3000),
    });
    return ok;
  } catch {
    return false;
  }
}

effect(() => {
  if (latched.value === undefined && stopState.peek() === "done") stopState.value = "idle";
});

addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || event.repeat) return;
    event.preventDefault();
    stopEverything();
  },
  { capture: true },
);
