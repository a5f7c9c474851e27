import { signal } from "@preact/signals";
import { INTENT_PERIOD_MS } from "../wire.ts";
import { latched, operates, stale, steering } from "./live.ts";
import { onLost, tell } from "./robot.ts";

/** Who holds the dead-man key: each source lets go of its own. */
export type Holder = "keys" | "stick" | "pad";

/** -1 to 1, forward and left positive. */
export interface Throw {
  speed: number;
  steer: number;
}

const REST: Throw = { speed: 0, steer: 0 };
/** Fine enough for a car: keys go at this share of the speed unless Ctrl is held. */
const KEY_SPEED = 0.7;

/** What is driven at the moment; undefined while no dead-man key is held. */
export const driving = signal<(Throw & { holder: Holder }) | undefined>(undefined);
/** Why driving ended though a key was held. */
export const drivingProblem = signal<string | undefined>(undefined);

let timer: ReturnType<typeof setInterval> | undefined;
/** A stop, a lost focus or a lost line: it takes a fresh press. */
const spent = new Set<Holder>();

/** The dead-man key is held, and this is where to. Call again when that changes. */
export function hold(holder: Holder, wanted: Throw): void {
  if (spent.has(holder)) return;
  const now = driving.value;
  if (now && now.holder !== holder) return;
  if (!now) {
    const problem = refusal();
    drivingProblem.value = problem;
    if (problem !== undefined) return void spent.add(holder);
    timer = setInterval(send, INTENT_PERIOD_MS);
  }
  driving.value = { ...wanted, holder };
  if (!now) send();
}

/** The dead-man key was let go. */
export function letGo(holder: Holder): void {
  spent.delete(holder);
  if (driving.value?.holder === holder) end();
}

/** Stops, and wants a fresh press: the page is hidden, blurred, or without a line. */
export function cutDriving(problem?: string): void {
  const { value } = driving;
  if (!value) return;
  spent.add(value.holder);
  if (problem !== undefined) drivingProblem.value = problem;
  end();
}

function end(): void {
  clearInterval(timer);
  driving.value = undefined;
  steering.value = undefined;
  tell({ type: "halt" });
}

function refusal(): string | undefined {
  if (!operates.value) return "a viewer may only look";
  if (latched.value !== undefined) return "stopped: release it first";
  if (stale.value) return "there is no connection to the robot";
  return undefined;
}

function send(): void {
  const { value } = driving;
  if (!value) return;
  if (latched.value !== undefined) return cutDriving("stopped: release it first");
  const { speed, steer } = value;
  const told = tell({ type: "drive", speed, steer, sent_at_ms: performance.now() });
  if (!told) cutDriving("the connection is too slow to drive by");
}

const KEYS: Readonly<Record<string, Throw>> = {
  KeyW: { speed: 1, steer: 0 },
  ArrowUp: { speed: 1, steer: 0 },
  KeyS: { speed: -1, steer: 0 },
  ArrowDown: { speed: -1, steer: 0 },
  KeyA: { speed: 0, steer: 1 },
  ArrowLeft: { speed: 0, steer: 1 },
  KeyD: { speed: 0, steer: -1 },
  ArrowRight: { speed: 0, steer: -1 },
};
const pressed = new Set<string>();
/** Shift is the dead-man key of the keyboard. */
let shift = false;

function fromKeys(fast: boolean): void {
  if (!shift) return letGo("keys");
  const sum = { ...REST };
  for (const code of pressed) {
    sum.speed += KEYS[code]!.speed;
    sum.steer += KEYS[code]!.steer;
  }
  const limit = (value: number) => Math.max(-1, Math.min(1, value));
  const speed = limit(sum.speed) * (fast ? 1 : KEY_SPEED);
  if (pressed.size > 0 || driving.value?.holder === "keys") hold("keys", { speed, steer: limit(sum.steer) });
}

/** Where letters are typed, letters are not driven. */
function typing(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null
  );
}

addEventListener("keydown", (event) => {
  if (event.key === "Shift") shift = !typing(event.target);
  if (!shift || !(event.code in KEYS) || event.altKey || event.metaKey) return;
  event.preventDefault();
  pressed.add(event.code);
  fromKeys(event.ctrlKey);
});
addEventListener("keyup", (event) => {
  if (event.key === "Shift") {
    shift = false;
    pressed.clear();
  }
  pressed.delete(event.code);
  fromKeys(event.ctrlKey);
});

function away(): void {
  shift = false;
  pressed.clear();
  cutDriving("the page was left");
  spent.clear();
}
addEventListener("blur", away);
addEventListener("pagehide", away);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && away());
onLost(() => cutDriving("the connection was lost"));
