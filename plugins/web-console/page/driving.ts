import { effect, signal } from "@preact/signals";
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
/** Fine enough for a car: keys go at this share of the speed unless {@link FAST} is held. */
const KEY_SPEED = 0.7;
/** Not Ctrl: with Ctrl and Shift, browsers close windows (W), quit or save. */
const FAST = "KeyF";
const STOPPED = "stopped: release it first";
const NO_LINE = "there is no connection to the robot";
const LET_GO = "let go first";

/** What is driven at the moment; undefined while no dead-man key is held. */
export const driving = signal<(Throw & { holder: Holder }) | undefined>(undefined);
/** Why driving ended though a key was held. */
export const drivingProblem = signal<string | undefined>(undefined);

let timer: ReturnType<typeof setInterval> | undefined;
/** Dead-man keys that are held, whichever of them drives. */
const held = new Set<Holder>();
/** Those of them that a stop, a lost focus or a lost line has cut off: they take a fresh press. */
const spent = new Set<Holder>();
/** Reads anew what a holder wants; see {@link readBeforeIntents}. */
const readers = new Map<Holder, () => void>();

/** `read` is called before each intent of that holder and calls {@link hold} or {@link letGo}: what it reads sends no event. */
export function readBeforeIntents(holder: Holder, read: () => void): void {
  readers.set(holder, read);
}

/** The dead-man key is held, and this is where to. Call again when that changes. */
export function hold(holder: Holder, wanted: Throw): void {
  held.add(holder);
  if (spent.has(holder)) return;
  const now = driving.value;
  if (now && now.holder !== holder) return;
  if (!now) {
    const problem = refusal(holder);
    drivingProblem.value = problem;
    if (problem !== undefined) return void spent.add(holder);
    timer = setInterval(send, INTENT_PERIOD_MS);
  }
  driving.value = { ...wanted, holder };
  if (!now) tellIntent(wanted);
}

/** The dead-man key was let go. */
export function letGo(holder: Holder): void {
  held.delete(holder);
  spent.delete(holder);
  if (spent.size === 0 && drivingProblem.peek() === LET_GO) drivingProblem.value = undefined;
  if (driving.value?.holder === holder) end();
}

/** Stops, and all that is held wants a fresh press: the page is hidden, blurred, or without a line. */
export function cutDriving(problem?: string): void {
  for (const holder of held) spent.add(holder);
  if (!driving.value) return;
  if (problem !== undefined) drivingProblem.value = problem;
  end();
}

function end(): void {
  clearInterval(timer);
  driving.value = undefined;
  steering.value = undefined;
  tell({ type: "halt" });
}

function refusal(holder: Holder): string | undefined {
  if (!operates.value) return "a viewer may only look";
  if (latched.value !== undefined) return STOPPED;
  if (stale.value) return NO_LINE;
  // A pad is told to every page in sight; keys and fingers only to the one that is meant.
  if (holder === "pad" && !document.hasFocus()) return "the page has not got the focus";
  return undefined;
}

function send(): void {
  const before = driving.value;
  if (before) readers.get(before.holder)?.();
  const { value } = driving;
  if (value) tellIntent(value);
}

function tellIntent({ speed, steer }: Throw): void {
  if (latched.value !== undefined) return cutDriving(STOPPED);
  const told = tell({ type: "drive", speed, steer, sent_at_ms: performance.now() });
  if (!told) cutDriving("the connection is too slow to drive by");
}

/** What is no longer so is not said any longer. */
effect(() => {
  const over = new Set<string | undefined>();
  if (latched.value === undefined) over.add(STOPPED);
  if (!stale.value) over.add(NO_LINE);
  if (over.has(drivingProblem.peek())) drivingProblem.value = spent.size > 0 ? LET_GO : undefined;
});

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
let fast = false;

function fromKeys(): void {
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

/** As if no key were held: driving by keys takes a fresh Shift. */
function forgetKeys(): void {
  shift = fast = false;
  pressed.clear();
}

addEventListener("keydown", (event) => {
  if (typing(event.target)) return;
  if (event.key === "Shift" && !event.repeat) {
    letGo("keys");
    shift = true;
  }
  if (!shift || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.code === FAST) fast = true;
  else if (event.code in KEYS) pressed.add(event.code);
  else return;
  event.preventDefault();
  fromKeys();
});
addEventListener("keyup", (event) => {
  if (event.key === "Shift") forgetKeys();
  if (event.code === FAST) fast = false;
  pressed.delete(event.code);
  fromKeys();
});
addEventListener("focusin", ({ target }) => {
  if (!typing(target)) return;
  forgetKeys();
  letGo("keys");
});

function away(): void {
  forgetKeys();
  cutDriving("the page was left");
}
addEventListener("blur", away);
addEventListener("pagehide", away);
document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && away());
onLost(() => cutDriving("the connection was lost"));
