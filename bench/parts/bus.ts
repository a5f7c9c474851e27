import type { Bus } from "../../core/bus.ts";
import type { TopicName } from "../../core/topics.ts";
import type { Part } from "../part.ts";
import { nsPerTurn } from "../stopwatch.ts";

const HANDLERS = 4;

/** Names rotate as they do in a running robot; one name alone lets the compiler look the handlers up once. */
const NAMES = [
  "runtime.ready",
  "runtime.stopping",
  "plugin.state_changed",
  "plugin.reloaded",
  "session.state_changed",
  "session.error",
  "user.speech_started",
  "user.speech_stopped",
  "user.committed",
  "user.transcript",
  "response.started",
  "response.first_audio",
  "response.finished",
  "assistant.transcript",
  "assistant.interrupted",
  "playback.started",
  "playback.stopped",
  "audio.listening_changed",
  "turn.latency",
  "tool.started",
  "tool.finished",
  "body.pose",
  "motion.started",
  "motion.stopped",
] as const satisfies readonly TopicName[];

interface Payload {
  value: number;
}
type Handler = (event: Payload) => void;

const EVENTS: readonly Payload[] = Array.from({ length: 64 }, (_, value) => ({ value }));
/** Topic after topic: a regular order, kind to the branch predictor, so that dispatch and not prediction is compared. */
const ORDER: readonly number[] = Array.from({ length: 240 }, (_, i) => i % NAMES.length);

const LAST = ORDER.length - 1;

const sums = new Int32Array(8);
/** Eight bodies, so that a call site cannot be compiled for a single one; small, so that they do not hide the dispatch. */
const BODIES: readonly (() => Handler)[] = [
  () => (event) => void (sums[0]! += event.value),
  () => (event) => void (sums[1]! -= event.value),
  () => (event) => void (sums[2]! ^= event.value),
  () => (event) => void (sums[3]! += event.value + 3),
  () => (event) => void (sums[4]! |= event.value),
  () => (event) => void (sums[5]! += event.value & 7),
  () => (event) => void (sums[6]! += event.value << 1),
  () => (event) => void (sums[7]! -= event.value >> 1),
];

/** Calls `subscribe` for each handler of each topic, in an order that all cases share. */
function subscribeAll(subscribe: (name: (typeof NAMES)[number], handler: Handler) => void): void {
  for (const [i, name] of NAMES.entries()) {
    for (let h = 0; h < HANDLERS; h++) subscribe(name, BODIES[(i + h) % BODIES.length]!());
  }
}

interface Emitter {
  on(name: string, handler: Handler): unknown;
  emit(name: string, event: Payload): unknown;
}

function measureEmitter(emitter: Emitter) {
  subscribeAll((name, handler) => emitter.on(name, handler));
  return nsPerTurn((turns) => {
    for (let i = 0, at = 0; i < turns; i++, at = at === LAST ? 0 : at + 1)
      emitter.emit(NAMES[ORDER[at]!]!, EVENTS[i & 63]!);
    return sums[0]!;
  });
}

function measureArrays() {
  const lists = new Map<string, Handler[]>(NAMES.map((name) => [name, []]));
  subscribeAll((name, handler) => lists.get(name)!.push(handler));
  const byIndex = NAMES.map((name) => lists.get(name)!);
  return nsPerTurn((turns) => {
    for (let i = 0, at = 0; i < turns; i++, at = at === LAST ? 0 : at + 1) {
      const list = byIndex[ORDER[at]!]!;
      const event = EVENTS[i & 63]!;
      for (let h = 0; h < list.length; h++) list[h]!(event);
    }
    return sums[0]!;
  });
}

function measureBus(bus: Bus) {
  subscribeAll((name, handler) => bus.on(name, handler as unknown as Parameters<typeof bus.on>[1]));
  const publish = bus.publish.bind(bus) as unknown as (name: string, event: Payload) => void;
  return nsPerTurn((turns) => {
    for (let i = 0, at = 0; i < turns; i++, at = at === LAST ? 0 : at + 1)
      publish(NAMES[ORDER[at]!]!, EVENTS[i & 63]!);
    return sums[0]!;
  });
}

/** The limit is a loop over an array of functions whose index is known: no look-up by name, no isolation. */
export const part: Part = {
  rounds: 5,
  rows: [
    {
      name: "bus",
      title: "one event to 4 isolated handlers, 24 topics in rotation",
      unit: "ns",
      metric: "ns",
      limit: "function arrays",
      peers: ["tseep", "eventemitter3", "node:events"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "times_limit", most: 1.8 }],
    },
  ],
  cases: {
    "function arrays": measureArrays,
    tseep: async () => measureEmitter(new (await import("tseep")).EventEmitter() as unknown as Emitter),
    eventemitter3: async () => measureEmitter(new (await import("eventemitter3")).EventEmitter()),
    "node:events": async () => measureEmitter(new (await import("node:events")).EventEmitter()),
    myna: async () => measureBus(new (await import("../../core/bus.ts")).Bus()),
  },
};
