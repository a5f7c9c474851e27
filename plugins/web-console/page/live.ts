import { computed, signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import type { Lists, Own, Steering, TapEvent, Update, Values } from "../wire.ts";
import { KEPT } from "../wire.ts";

/** An entry of a list, with what keeps it in its place. */
export interface Kept<Value> {
  key: string;
  order: number;
  value: Value;
}

/** How the page stands to the robot. */
export type Reach = "connecting" | "open" | "lost" | "login";

/** Silence after which what is shown counts as old. */
const STALE_MS = 1500;
const TAPPED = 300;

/** Everything that the robot has told, as it was when it was last told. */
export const values: { readonly [V in keyof Values]: Signal<Values[V] | undefined> } = {
  robot: signal(undefined),
  pulse: signal(undefined),
  link: signal(undefined),
  cost: signal(undefined),
  ears: signal(undefined),
  levels: signal(undefined),
  audio: signal(undefined),
  body: signal(undefined),
  truth: signal(undefined),
  room: signal(undefined),
};
export const own: Signal<Own> = signal({ role: "viewer", driven: false, mine: false });
export const lists: { readonly [L in keyof Lists]: Signal<readonly Kept<Lists[L]>[]> } = {
  talk: signal([]),
  turns: signal([]),
  plugins: signal([]),
  log: signal([]),
  path: signal([]),
};
export const tapped: Signal<{ events: readonly TapEvent[]; skipped: number }> = signal({
  events: [],
  skipped: 0,
});
export const steering: Signal<Steering | undefined> = signal(undefined);

export const reach: Signal<Reach> = signal<Reach>("connecting");
/** When it will be tried again, on the page's clock. */
export const retryAtMs: Signal<number | undefined> = signal(undefined);
export const roundTripMs: Signal<number | undefined> = signal(undefined);
/** The page's clock, four times a second. */
export const pageNow: Signal<number> = signal(performance.now());
const heardAtMs = signal<number | undefined>(undefined);
/** The robot's clock minus the page's. */
let clockOffsetMs = 0;

/** How long ago the robot was last heard of; undefined before it ever was. */
export const silentMs = computed(() =>
  heardAtMs.value === undefined ? undefined : Math.max(0, pageNow.value - heardAtMs.value),
);
/** What is shown may not be so any more. */
export const stale = computed(() => reach.value !== "open" || (silentMs.value ?? Infinity) > STALE_MS);
export const operates = computed(() => own.value.role === "operator");
/** Why nothing moves; undefined while the robot is free to. */
export const latched = computed(() => values.body.value?.latched ?? undefined);

/** The robot's clock now. */
export function robotNow(): number {
  return pageNow.value + clockOffsetMs;
}

/** When something happened, by the robot's clock, as a clock on the wall shows it. */
export function wallTime(atMs: number): string {
  const age = performance.now() + clockOffsetMs - atMs;
  return new Date(Date.now() - age).toLocaleTimeString();
}

/** How long ago something happened, by the robot's clock. */
export function ageMs(atMs: number | null | undefined): number | undefined {
  return atMs === null || atMs === undefined ? undefined : Math.max(0, robotNow() - atMs);
}

/** A source that is silent for so long is not live any more. */
const SILENT_MS = 2000;

/** True where the body (or, in the simulator, the world) has not been heard of for a while, though the robot has. */
export const bodySilent = computed(() => silent(values.pulse.value?.body));
export const worldSilent = computed(() =>
  silent(values.truth.value ? values.pulse.value?.world : values.pulse.value?.body),
);

function silent(atMs: number | null | undefined): boolean {
  const age = ageMs(atMs);
  return !stale.value && age !== undefined && age > SILENT_MS;
}

const watchers = new Set<(update: Update) => void>();

/** Told of every update after it was taken in; for plots and the 3D room, which draw by themselves. */
export function onUpdate(watch: (update: Update) => void): () => void {
  watchers.add(watch);
  return () => void watchers.delete(watch);
}

/** Counts connections. */
export const connections = signal(0);

/** A new connection tells everything anew: entries of another run of the robot go. */
export function forget(): void {
  connections.value++;
  for (const name of Object.keys(lists) as (keyof Lists)[]) lists[name].value = [];
}

export function take(update: Update): void {
  const now = performance.now();
  heardAtMs.value = now;
  clockOffsetMs = update.now - now;
  if (update.own) own.value = update.own;
  for (const [name, value] of Object.entries(update.set ?? {}))
    (values as Record<string, Signal<unknown>>)[name]!.value = value;
  for (const [list, changed] of Object.entries(update.put ?? {}) as [keyof Lists, Kept<never>[]][]) {
    const entries = new Map((lists[list].value as readonly Kept<never>[]).map((one) => [one.key, one]));
    for (const one of changed) entries.set(one.key, one);
    const sorted = [...entries.values()].sort((a, b) => a.order - b.order).slice(-KEPT[list]);
    (lists[list] as Signal<readonly Kept<never>[]>).value = sorted;
  }
  if (update.tap) {
    const { events, skipped } = tapped.value;
    tapped.value = {
      events: [...events, ...update.tap].slice(-TAPPED),
      skipped: skipped + (update.tapSkipped ?? 0),
    };
  }
  for (const watch of watchers) watch(update);
}

setInterval(() => void (pageNow.value = performance.now()), 250);
