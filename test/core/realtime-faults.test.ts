import { describe, expect } from "bun:test";
import { FRAME_MS, FRAME_SAMPLES } from "../../core/audio/port.ts";
import type { ToolOutcome } from "../../core/realtime/port.ts";
import { until } from "../kit/raw-server.ts";
import { scriptBrain, ToneVoice } from "../kit/scripted-brain.ts";
import type { Fault, Remembered, ScriptedAnswer } from "../kit/scripted-brain.ts";
import { SessionBench } from "./realtime-kit.ts";
import { linkTest, TEST_WIRE } from "./realtime-wires.ts";

const COMMAND = "go";
const ANSWER = "Done now.";
const SEEDS = TEST_WIRE === "websocket" ? 200 : 24;
const LIMIT_MS = TEST_WIRE === "websocket" ? 60_000 : 480_000;
/** A call over WebRTC takes longer to make, and its codec longer to hear; its sound comes at the pace it is heard. */
const [SLOWER, FRAMES_PER_MS, TURNS_AT_ONCE] = TEST_WIRE === "websocket" ? [1, 8, 6] : [30, 0.5, 2];

/** What the model of these tests does: calls the tool until it knows a result, then says so. */
function answer(conversation: Remembered[]): ScriptedAnswer {
  const asked = conversation.findLastIndex((entry) => entry.kind === "user" && entry.text === COMMAND);
  const knows = conversation
    .slice(asked + 1)
    .some(
      (entry) => entry.kind === "result" || (entry.kind === "system" && entry.text.includes("has returned")),
    );
  if (asked < 0) return "Nobody asked.";
  return knows ? ANSWER : { calls: [{ name: "look", arguments: {} }] };
}

/** Silence, a word, silence. */
async function utterance(): Promise<Int16Array[]> {
  const word = await new ToneVoice().synthesize(`${COMMAND}!`);
  const pcm = new Int16Array(FRAME_SAMPLES * 15 + word.length + FRAME_SAMPLES * 15);
  pcm.set(word, FRAME_SAMPLES * 15);
  return Array.from({ length: Math.floor(pcm.length / FRAME_SAMPLES) }, (_, at) =>
    pcm.slice(at * FRAME_SAMPLES, (at + 1) * FRAME_SAMPLES),
  );
}

const SILENCE = new Int16Array(FRAME_SAMPLES);

interface Turn {
  /** Answers that were received and heard to their end. */
  answers: string[];
  heard: string[];
  calls: number;
  /** Items of the session that lives in the end. */
  items: { type: string; text: string }[];
  sent: number;
  received: number;
  /** Connections that were lost after they were ready, and attempts that failed. */
  losses: number;
  failures: number;
  /** Every frame that the server got. */
  frames: Record<string, unknown>[];
}

/** One spoken turn with a tool call, and what became of it, while these faults strike. */
async function turn(faults: Fault[]): Promise<Turn> {
  await using brain = await disposable(
    scriptBrain({ hears: Array.from({ length: 40 }, () => COMMAND), answers: answer, faults }),
  );
  await using bench = new SessionBench(() => ({ url: brain.url }), {
    reconnect: { initial_ms: 1, max_ms: 4, jitter: 0 },
    restore: { ack_ms: 500 },
    turn_detection: { silence_duration_ms: 200, prefix_padding_ms: 100 },
    timeouts: { response_ms: 1000 * SLOWER, stall_ms: 400 * SLOWER, connect_ms: 400 * SLOWER },
  });
  let calls = 0;
  bench.tools.call = async (): Promise<ToolOutcome> => {
    calls++;
    await Bun.sleep(2);
    return { ok: true, output: "seen", images: [] };
  };
  // The microphone never stops: an utterance, then the silence of the room, all of it faster than time. Over WebRTC, whose
  // codec costs ten times as much, the silence comes at its own pace.
  const frames = (await utterance()).values();
  let ticks = 0;
  const hearMore = setInterval(
    () => {
      ticks++;
      for (let left = Math.max(1, FRAMES_PER_MS); left > 0; left--) {
        const word = frames.next().value;
        if (word || FRAMES_PER_MS >= 1 || ticks % (FRAME_MS * FRAMES_PER_MS) === 0)
          void bench.capture.feed(word ?? SILENCE);
      }
      bench.playback.play(1000);
    },
    Math.max(1, 1 / FRAMES_PER_MS),
  );
  const answers = () =>
    bench.events("assistant.transcript").filter(({ final, interrupted }) => final && !interrupted);
  try {
    bench.session.start();
    await until(
      () => answers().length > 0,
      () =>
        `No answer; topics: ${bench.seen.map(({ topic, event }) => `${topic} ${JSON.stringify(event)}`).join("\n")}`,
    );
    // What was said last may still be underway, and so may a fault that strikes at the end.
    for (let quiet = 0; quiet < 6; quiet++) {
      await Bun.sleep(2);
      if (bench.session.port.state() !== "ready") quiet = 0;
    }
  } finally {
    clearInterval(hearMore);
  }
  await bench.state("ready");
  const counters = bench.session.counters()["connection"] as Record<string, number>;
  return {
    answers: answers().map(({ text }) => text),
    heard: bench
      .events("user.transcript")
      .filter(({ final, text }) => final && text !== "")
      .map(({ text }) => text),
    calls,
    items: (brain.sessions.at(-1)?.items ?? []).map((item) => ({
      type: item.type,
      text: item.type === "message" ? JSON.stringify(item.content) : item.call_id,
    })),
    sent: brain.received.length,
    received: counters["received"] ?? 0,
    losses: counters["lost"] ?? 0,
    frames: brain.received.map(({ event }) => event),
    failures: bench.events("session.state_changed").filter(({ state }) => state === "waiting").length,
  };
}

async function disposable<T extends { close(): Promise<void> }>(
  made: Promise<T>,
): Promise<T & AsyncDisposable> {
  const thing = await made;
  return Object.assign(thing, { [Symbol.asyncDispose]: () => thing.close() });
}

/** Numbers from 0 to 1 that a seed determines. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One to four faults: lost, closed, expired and stalled connections, refused attempts, and events that come twice. */
function schedule(random: () => number): Fault[] {
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  return Array.from({ length: 1 + Math.floor(random() * 4) }, (): Fault => {
    const kind = pick(["drop", "drop", "close", "stall", "repeat", "http", "garbage"] as const);
    const at = pick(["before:*", "after:*", "received:*"] as const);
    // Over WebRTC sound is no event: there are half as many to strike at.
    const nth = 1 + Math.floor(random() * (TEST_WIRE === "websocket" ? 60 : 30));
    if (kind === "http")
      return {
        at: "upgrade",
        nth: 2 + Math.floor(random() * 3),
        do: { kind, status: pick([429, 500, 503]) },
      };
    if (kind === "close") return { at, nth, do: { kind, code: pick([1001, 1006, 1011, 1012, 1013]) } };
    if (kind === "stall") return { at, nth, do: { kind, ms: Math.floor(random() * 80) } };
    if (kind === "garbage")
      return { at, nth, do: { kind: "inject", frame: pick(["{", "null", '{"type":"x"}']) } };
    if (kind === "repeat") return { at: pick(["before:*", "after:*"] as const), nth, do: { kind } };
    return { at, nth, do: { kind } };
  });
}

/** What went wrong in a turn; empty where all is well. */
function faultsOf({ answers, heard, calls, items }: Turn): string[] {
  const wrong: string[] = [];
  if (answers.length !== 1 || answers[0] !== ANSWER) wrong.push(`answers: ${JSON.stringify(answers)}`);
  if (calls !== 1) wrong.push(`the tool ran ${calls} times`);
  if (heard.length !== 1) wrong.push(`words: ${JSON.stringify(heard)}`);
  const said = items.filter(({ type, text }) => type === "message" && text.includes(`"${COMMAND}"`));
  if (said.length !== 1) wrong.push(`the command is there ${said.length} times: ${JSON.stringify(items)}`);
  for (const type of ["function_call", "function_call_output"]) {
    const ids = items.filter((item) => item.type === type).map(({ text }) => text);
    if (new Set(ids).size !== ids.length) wrong.push(`${type} twice: ${ids.join()}`);
  }
  return wrong;
}

/** All schedules of faults, a few at a time: what went wrong with which, and how many of them cost a connection. */
async function all(
  schedules: { name: string; faults: Fault[] }[],
): Promise<{ wrong: string[]; struck: number }> {
  const wrong: string[] = [];
  let struck = 0;
  const left = schedules.values();
  const work = async () => {
    for (const { name, faults } of left) {
      const found = await turn(faults).then(
        (seen) => {
          if (seen.losses + seen.failures > 0) struck++;
          return faultsOf(seen);
        },
        (error: unknown) => [String(error)],
      );
      if (found.length > 0) wrong.push(`${name}: ${found.join("; ")}`);
    }
  };
  await Promise.all(Array.from({ length: TURNS_AT_ONCE }, work));
  return { wrong, struck };
}

describe("what a client sends", () => {
  linkTest(
    "has ids within the server's limits, whole samples in base64, and frames within 15 MiB (C11)",
    async () => {
      const { frames } = await turn([{ at: "before:response.done", nth: 2, do: { kind: "drop" } }]);
      const ids: unknown[] = [];
      for (const frame of frames) {
        expect(JSON.stringify(frame).length).toBeLessThan(15 * 2 ** 20);
        if (frame["event_id"] !== undefined)
          expect(String(frame["event_id"]).length).toBeLessThanOrEqual(512);
        const item = frame["item"] as { id?: string; call_id?: string } | undefined;
        if (item) ids.push(item.id);
        for (const id of [item?.id, item?.call_id]) expect((id ?? "").length).toBeLessThanOrEqual(32);
        if (typeof frame["audio"] !== "string") continue;
        const bytes = Buffer.from(frame["audio"], "base64");
        expect(bytes.toString("base64")).toBe(frame["audio"]);
        expect(bytes.length % 2).toBe(0);
      }
      expect(ids.length).toBeGreaterThan(3);
      expect(new Set(ids).size).toBe(ids.length);
    },
  );
});

describe("a spoken turn with a tool call", () => {
  linkTest("is answered once without any fault", async () => {
    const clean = await turn([]);
    expect(faultsOf(clean)).toEqual([]);
    expect(clean.losses).toBe(0);
  });

  linkTest(
    "is answered exactly once wherever the link drops, and nothing is lost or doubled (C16)",
    async () => {
      const { sent, received } = await turn([]);
      const drops = (at: "before:*" | "after:*" | "received:*", count: number) =>
        Array.from({ length: count }, (_, position) => ({
          name: `drop ${at} ${position + 1}`,
          faults: [{ at, nth: position + 1, do: { kind: "drop" } } satisfies Fault],
        }));
      expect(received).toBeGreaterThan(25);
      // Over WebRTC, where a turn takes a second, each boundary once: before an event is after the one before it.
      const once = TEST_WIRE === "webrtc";
      const schedules = [
        ...drops("before:*", received),
        ...drops("after:*", received).slice(once ? -1 : 0),
        ...drops("received:*", Math.min(sent, 80)).filter((_, at) => !once || at % 4 === 0),
      ];
      const { wrong, struck } = await all(schedules);
      expect(wrong).toEqual([]);
      expect(struck).toBeGreaterThan(schedules.length * 0.9);
    },
    LIMIT_MS,
  );

  linkTest(
    "is answered exactly once through random schedules of faults",
    async () => {
      const seed = Number(Bun.env["MYNA_FAULT_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
      const random = mulberry(seed);
      const schedules = Array.from({ length: SEEDS }, (_, round) => {
        const faults = schedule(random);
        return { name: `MYNA_FAULT_SEED=${seed} schedule ${round} ${JSON.stringify(faults)}`, faults };
      });
      const { wrong, struck } = await all(schedules);
      expect(wrong).toEqual([]);
      expect(struck).toBeGreaterThan(SEEDS / 4);
    },
    LIMIT_MS,
  );
});
