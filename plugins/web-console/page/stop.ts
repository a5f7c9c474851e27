import { effect, signal } from "@preact/signals";
import { ask, tell } from "./robot.ts";
import { latched, values } from "./live.ts";

/** "asked": the robot has not confirmed it yet; "unreachable": it was told by no way so far; "stranger": it wants a log-in first. */
export type StopState = "idle" | "asked" | "unreachable" | "stranger" | "done";

const AGAIN_MS = 500;
const REQUEST_LIMIT_MS = 3000;
const UNAUTHORIZED = 401;

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
    const stopped = await post();
    const { has, ready } = values.robot.value ?? {};
    // A robot that is starting has no wheels yet; one that has started without them has nothing to stop.
    if (stopped === "yes" || (stopped === "nothing" && ready && !has?.drive && !has?.body)) {
      wanted = false;
      // Where the body cannot latch, nothing is left to release.
      stopState.value = has?.body === false ? "idle" : "done";
      return;
    }
    if (wanted) stopState.value = stopped === "nothing" ? "asked" : stopped;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** Whether the robot has stopped something, or why it was not told. */
async function post(): Promise<"yes" | "nothing" | "unreachable" | "stranger"> {
  try {
    const signal = AbortSignal.timeout(REQUEST_LIMIT_MS);
    const response = await fetch("/stop", { method: "POST", keepalive: true, signal });
    if (response.status === UNAUTHORIZED) return "stranger";
    if (!response.ok) return "unreachable";
    return ((await response.json()) as { stopped?: unknown }).stopped === true ? "yes" : "nothing";
  } catch {
    return "unreachable";
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
