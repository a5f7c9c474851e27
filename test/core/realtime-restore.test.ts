import { describe, expect, test } from "bun:test";
import { FRAME_SAMPLES } from "../../core/audio/port.ts";
import { Conversation } from "../../core/realtime/conversation.ts";
import { HeldSpeech } from "../../core/realtime/held-speech.ts";
import { until } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import {
  announce,
  begin,
  callItem,
  connected,
  endItem,
  finish,
  hear,
  hearAll,
  SessionBench,
  settled,
  speak,
} from "./realtime-kit.ts";
import { linkTest, TEST_WIRE } from "./realtime-wires.ts";

interface Item {
  id: string;
  type: string;
  role?: string;
  content?: { type: string; text?: string }[];
  call_id?: string;
}

const PATIENT = { restore: { ack_ms: 5000 } };

/** What the user said, as the server tells it. */
function say(wire: RawConnection, itemId: string, text: string): void {
  wire.send({ type: "input_audio_buffer.committed", item_id: itemId });
  wire.send({
    type: "conversation.item.input_audio_transcription.completed",
    item_id: itemId,
    content_index: 0,
    transcript: text,
  });
}

/** The items that a client told so far, in short. */
function told(wire: RawConnection): { item: Item; after: unknown; eventId: unknown }[] {
  return wire.all("conversation.item.create").map((frame) => ({
    item: frame["item"] as Item,
    after: frame["previous_item_id"],
    eventId: frame["event_id"],
  }));
}

function wordsOf({ item }: { item: Item }): string {
  const words = item.content?.map((part) => part.text ?? part.type).join() ?? item.call_id ?? "";
  return `${item.role ?? item.type}: ${words}`;
}

/** Takes a client's configuration and confirms each item it tells, until so many were told. */
async function welcome(wire: RawConnection, items: number): Promise<void> {
  await wire.configure();
  await until(
    () => told(wire).length >= items,
    () => `The client told ${told(wire).length} items, not ${items}`,
  );
  for (const { item } of told(wire)) wire.send({ type: "conversation.item.added", item });
}

/** A question and an answer that was heard. */
async function exchange(wire: RawConnection, bench: SessionBench, n: number): Promise<void> {
  say(wire, `u${n}`, `question ${n}`);
  begin(wire, `r${n}`);
  speak(wire, `r${n}`, `a${n}`, 40, `answer ${n}`);
  endItem(wire, `r${n}`, `a${n}`, `answer ${n}`);
  finish(wire, `r${n}`);
  await bench.event("response.finished", n);
  await hearAll(bench, `a${n}`);
}

describe("after a drop a new session", () => {
  linkTest(
    "is told the conversation in order, then an anchor, and hears the microphone only then (C16)",
    async () => {
      await using link = await connected(PATIENT);
      const { bench, server } = link;
      await exchange(link.wire, bench, 1);
      await exchange(link.wire, bench, 2);
      link.wire.drop();
      const wire = await server.accept();
      bench.capture.frames(5, 100);
      await welcome(wire, 5);
      await bench.state("ready");
      bench.capture.frames(1, 500);
      await settled(wire, bench);
      const items = told(wire);
      expect(items.map(wordsOf)).toEqual([
        "user: question 1",
        "assistant: answer 1",
        "user: question 2",
        "assistant: answer 2",
        expect.stringMatching(/^system: .*do not greet/),
      ]);
      expect(items.map(({ after }) => after)).toEqual([
        undefined,
        ...items.slice(0, -1).map(({ item }) => item.id),
      ]);
      expect(items[1]?.item.content?.[0]?.type).toBe("output_text");
      const order = wire.types();
      expect(order[0]).toBe("session.update");
      expect(order.slice(1, 6)).toEqual(Array.from({ length: 5 }, () => "conversation.item.create"));
      expect(new Set(order.slice(6))).toEqual(new Set(["input_audio_buffer.append"]));
      // What was captured while there was no session is heard, up to the present.
      const last = wire.all("input_audio_buffer.append").slice(-6);
      const values = last.map((frame) => Buffer.from(String(frame["audio"]), "base64").readInt16LE());
      // Live sound has a wire of its own over WebRTC: it is another signal behind its codec, and may come first.
      const exact = TEST_WIRE === "websocket" ? values : values.filter((value) => value >= 100);
      expect(exact).toEqual([100, 101, 102, 103, 104, ...(TEST_WIRE === "websocket" ? [500] : [])]);
    },
  );

  linkTest("is sent nothing else, and is not ready, before it has confirmed (C1, C16)", async () => {
    await using link = await connected(PATIENT);
    await exchange(link.wire, link.bench, 1);
    link.wire.drop();
    const wire = await link.server.accept();
    await wire.configure();
    await until(() => told(wire).length === 3, "Nothing was told");
    link.bench.capture.frames(3);
    link.bench.session.port.sendText("typed meanwhile");
    await wire.settled();
    expect(link.bench.session.port.state()).toBe("connecting");
    expect(told(wire).length).toBe(3);
    expect(wire.all("input_audio_buffer.append")).toEqual([]);
    for (const { item } of told(wire)) wire.send({ type: "conversation.item.added", item });
    await wire.next("response.create");
    expect(told(wire).map(wordsOf).at(-1)).toBe("user: typed meanwhile");
    expect(told(wire).length).toBe(4);
  });

  linkTest("is told only what was heard of an answer (C22)", async () => {
    await using link = await connected(PATIENT);
    const { wire, bench } = link;
    say(wire, "u1", "tell me a story");
    begin(wire, "r1");
    speak(wire, "r1", "a1", 1000, "Once upon a time there was");
    await hear(bench, "a1", 400);
    bench.session.port.interrupt();
    finish(wire, "r1", { status: "cancelled" });
    await bench.event("response.finished");
    wire.drop();
    const next = await link.server.accept();
    await welcome(next, 3);
    await bench.state("ready");
    // How long the sound will be is not known over WebRTC, and is taken from its words.
    const heard = TEST_WIRE === "websocket" ? "Once upon" : "Once";
    expect(told(next).map(wordsOf).slice(0, 2)).toEqual(["user: tell me a story", `assistant: ${heard}`]);
    await settled(next, bench);
    expect(next.all("response.create")).toEqual([]);
  });

  linkTest("is told a call with its result as a pair", async () => {
    await using link = await connected(PATIENT);
    const { wire, bench } = link;
    say(wire, "u1", "look");
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    finish(wire, "r1");
    await until(() => bench.tools.calls.length === 1, "The tool was not called");
    bench.tools.calls[0]?.finish({ output: "a wall" });
    await wire.next("response.create");
    wire.drop();
    const next = await link.server.accept();
    await welcome(next, 4);
    await next.next("response.create");
    expect(told(next).map(({ item }) => [item.type, item.call_id])).toEqual([
      ["message", undefined],
      ["function_call", "c1"],
      ["function_call_output", "c1"],
      ["message", undefined],
    ]);
    expect(bench.tools.calls.length).toBe(1);
  });

  linkTest("that does not take a call is told it in a line, and all that follows (C22)", async () => {
    await using link = await connected(PATIENT);
    const { wire, bench } = link;
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    finish(wire, "r1");
    await until(() => bench.tools.calls.length === 1, "The tool was not called");
    bench.tools.calls[0]?.finish({ output: "a wall" });
    await wire.next("response.create");
    wire.drop();
    const next = await link.server.accept();
    await next.configure();
    await until(() => told(next).length === 3, "Nothing was told");
    const refuse = (event_id: unknown) =>
      next.send({
        type: "error",
        error: { type: "invalid_request_error", code: "invalid_value", message: "no", event_id },
      });
    for (const { eventId } of told(next)) refuse(eventId);
    await until(() => told(next).length === 5, "It was not told again");
    const again = told(next).slice(3);
    expect(again.map(wordsOf)).toEqual([
      "system: The tool look was called with {} and returned: a wall",
      expect.stringContaining("do not greet"),
    ]);
    expect(again[0]?.after).toBeUndefined();
    for (const { item } of again) next.send({ type: "conversation.item.added", item });
    await bench.state("ready");
    expect(bench.events("session.error")).toEqual([]);
  });

  linkTest("that is lost before it has confirmed leaves all of it for the next one (C22)", async () => {
    await using link = await connected(PATIENT);
    await exchange(link.wire, link.bench, 1);
    link.wire.drop();
    const second = await link.server.accept();
    await second.configure();
    await until(() => told(second).length === 3, "Nothing was told");
    second.send({ type: "conversation.item.added", item: told(second)[0]?.item });
    second.drop();
    const third = await link.server.accept();
    await welcome(third, 3);
    await link.bench.state("ready");
    expect(told(third).map(wordsOf)).toEqual(told(second).map(wordsOf));
    const ids = (wire: RawConnection) => told(wire).map(({ item }) => item.id);
    expect(ids(third).filter((id) => ids(second).includes(id))).toEqual([]);
    for (const id of ids(third)) expect(id.length).toBeLessThanOrEqual(32);
  });

  linkTest("that is lost before it has confirmed is not taken for the one that followed (C22)", async () => {
    const ackMs = TEST_WIRE === "websocket" ? 300 : 1500;
    await using link = await connected({ restore: { ack_ms: ackMs } });
    await exchange(link.wire, link.bench, 1);
    link.wire.drop();
    const second = await link.server.accept();
    await second.configure();
    await until(() => told(second).length === 3, "Nothing was told");
    second.drop();
    await welcome(await link.server.accept(), 3);
    await link.bench.state("ready");
    await Bun.sleep(ackMs + 100);
    expect(link.bench.session.counters()).toMatchObject({ continuity: { restored: 1, unconfirmed: 0 } });
  });

  linkTest("that never confirms is trusted after a while", async () => {
    await using link = await connected({ restore: { ack_ms: 30 } });
    await exchange(link.wire, link.bench, 1);
    link.wire.drop();
    const wire = await link.server.accept();
    await wire.configure();
    await link.bench.state("ready");
    expect(told(wire).length).toBe(3);
    expect(link.bench.session.counters()).toMatchObject({ continuity: { restored: 1, unconfirmed: 3 } });
  });

  linkTest("answers a question of which only the words had arrived, asked for once", async () => {
    await using link = await connected(PATIENT);
    say(link.wire, "u1", "what time is it");
    await link.bench.event("user.transcript");
    link.wire.drop();
    const wire = await link.server.accept();
    await welcome(wire, 2);
    const create = await wire.next("response.create");
    begin(wire, "r1", create);
    finish(wire, "r1");
    await settled(wire, link.bench);
    expect(wire.all("response.create").length).toBe(1);
    expect(link.bench.events("user.transcript").filter(({ final }) => final).length).toBe(1);
  });

  linkTest("goes on with an answer that was cut off, and is told so", async () => {
    await using link = await connected(PATIENT);
    say(link.wire, "u1", "tell me a story");
    begin(link.wire, "r1");
    speak(link.wire, "r1", "a1", 1000, "Once upon");
    await hear(link.bench, "a1", 700);
    link.wire.drop();
    const wire = await link.server.accept();
    await welcome(wire, 3);
    await wire.next("response.create");
    expect(told(wire).map(wordsOf)).toEqual([
      "user: tell me a story",
      "assistant: Once upon",
      expect.stringContaining("cut off"),
    ]);
  });

  linkTest("answers nothing of before a drop that was long", async () => {
    await using link = await connected({ restore: { stale_s: 0, ack_ms: 5000 } });
    const { wire, bench } = link;
    say(wire, "u1", "go forward");
    await bench.event("user.transcript");
    wire.send({ type: "input_audio_buffer.speech_started", item_id: "u2", audio_start_ms: 0 });
    await bench.event("user.speech_started");
    bench.capture.frames(10);
    wire.drop();
    const next = await link.server.accept();
    await welcome(next, 2);
    await bench.state("ready");
    await settled(next, bench);
    expect(next.all("response.create")).toEqual([]);
    expect(next.all("input_audio_buffer.append")).toEqual([]);
    expect(bench.session.counters()).toMatchObject({ continuity: { stale: 1 } });
  });

  linkTest("never hears of a voice again after its start, nor of a commit (C10, C18)", async () => {
    await using link = await connected(PATIENT);
    link.bench.capture.frames(20);
    await exchange(link.wire, link.bench, 1);
    link.bench.tools.change([]);
    await until(() => link.wire.all("session.update").length === 2, "No update");
    link.wire.drop();
    const wire = await link.server.accept();
    await welcome(wire, 3);
    await link.bench.state("ready");
    link.bench.tools.change([{ name: "other", description: "", parameters: { type: "object" } }]);
    await until(() => wire.all("session.update").length === 2, "No update");
    for (const { frames } of [link.wire, wire]) {
      const updates = frames.filter(({ type }) => type === "session.update").map((frame) => frame["session"]);
      expect(JSON.stringify(updates[0])).toContain('"voice"');
      expect(Object.keys(updates[1] as object).sort()).toEqual(["tools", "type"]);
      expect(frames.some(({ type }) => type === "input_audio_buffer.commit")).toBe(false);
    }
  });
});

describe("the memory of a conversation", () => {
  const limits = { items: 3, characters: 20 };

  test("keeps the newest items within its bounds", () => {
    const conversation = new Conversation(limits);
    for (const n of [1, 2, 3, 4]) conversation.add("user", `u${n}`, `w${n}`);
    expect(conversation.retell().map(({ entryId }) => entryId)).toEqual(["u2", "u3", "u4"]);
    conversation.say("u3", "x".repeat(17));
    expect(conversation.retell().map(({ entryId }) => entryId)).toEqual(["u3", "u4"]);
    expect(conversation.counters()).toMatchObject({ characters: 19, forgotten: 2 });
  });

  test("leaves out what has no words, no result, or waits in the outbox", () => {
    const conversation = new Conversation({ items: 10, characters: 100 });
    conversation.add("user", "u1");
    conversation.call("c1", "look", "{}");
    conversation.add("user", "u2", "typed");
    conversation.queue("u2");
    expect(conversation.retell()).toEqual([]);
    expect(conversation.running()).toMatchObject([{ name: "look" }]);
    conversation.sent();
    conversation.result("c1", "seen");
    expect(conversation.retell().map(({ item }) => item.kind)).toEqual([
      "tool_call",
      "tool_output",
      "user_text",
    ]);
  });

  test("keeps the newest pictures only", () => {
    const conversation = new Conversation({ items: 10, characters: 100 });
    conversation.images("i1", [new Uint8Array(1)], undefined);
    conversation.images("i2", [new Uint8Array(1)], undefined);
    expect(conversation.retell().map(({ entryId }) => entryId)).toEqual(["i2"]);
  });
});

describe("held speech", () => {
  const frame = (value: number) => new Int16Array(FRAME_SAMPLES).fill(value);
  const hear = (held: HeldSpeech, from: number, to: number) => {
    for (let value = from; value < to; value++) held.frame(frame(value));
  };
  const replay = (held: HeldSpeech, pauseMs = 100) => {
    const heard: number[] = [];
    const { speech } = held.replay(0, pauseMs, (pcm) => heard.push(pcm[0] ?? -1));
    return { heard, speech };
  };

  test("begins a moment before an utterance that goes on, and ends with the present", () => {
    const held = new HeldSpeech(10);
    hear(held, 0, 100);
    held.alive();
    held.started("u", 1000);
    hear(held, 100, 120);
    held.linkLost(true);
    hear(held, 120, 130);
    const { heard, speech } = replay(held);
    expect([heard[0], heard.at(-1), heard.length, speech]).toEqual([40, 129, 90, true]);
  });

  test("is heard again in a session of its own time: positions count from its first frame", () => {
    const held = new HeldSpeech(10);
    hear(held, 0, 100);
    held.started("u", 1000);
    held.linkLost(true);
    replay(held);
    hear(held, 100, 150);
    // 200 ms of lead: what began at frame 50 begins 200 ms into the new session.
    held.started("v", 200);
    held.linkLost(true);
    expect(replay(held).heard[0]).toBe(40);
  });

  test("leaves out what was answered, and what is told in writing", () => {
    const held = new HeldSpeech(10);
    hear(held, 0, 200);
    held.started("u", 1000);
    held.stopped("u", 2000);
    held.committed("u");
    held.answerBegan("r");
    held.answered("r");
    held.started("v", 2500);
    held.stopped("v", 3000);
    held.worded("v");
    expect(held.linkLost(true)).toBe(true);
    const { heard, speech } = replay(held);
    expect([heard[0], speech]).toEqual([150, false]);
  });

  test("keeps the beginning of an utterance through a drop that is longer than its memory", () => {
    const held = new HeldSpeech(1);
    hear(held, 0, 40);
    held.started("u", 400);
    held.linkLost(true);
    hear(held, 40, 400);
    const { heard, speech } = replay(held, 60);
    expect(heard.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, at) => at + 10));
    // A pause stands for what did not fit.
    expect(heard.slice(50)).toEqual([0, 0, 0]);
    expect(speech).toBe(true);
    expect(held.counters()).toMatchObject({ dropped_frames: 340 });
  });

  test("of a quiet room is its last second before the server was heard of last, at most", () => {
    const held = new HeldSpeech(10);
    hear(held, 0, 200);
    held.alive();
    hear(held, 200, 210);
    held.linkLost(true);
    hear(held, 210, 220);
    expect([replay(held).heard[0], held.open]).toEqual([150, false]);
  });
});

describe("transcripts of the user", () => {
  const done = (item_id: string, transcript: string) => ({
    type: "conversation.item.input_audio_transcription.completed",
    item_id,
    content_index: 0,
    transcript,
  });
  const turn = (n: number, previous: string | null) => [
    { type: "input_audio_buffer.committed", item_id: `u${n}`, previous_item_id: previous },
    { type: "conversation.item.added", item: { id: `u${n}`, role: "user" }, previous_item_id: previous },
    { type: "response.created", response: { id: `r${n}`, status: "in_progress" } },
    { type: "response.output_text.delta", response_id: `r${n}`, item_id: `a${n}`, delta: `answer ${n}` },
    { type: "response.done", response: { id: `r${n}`, status: "completed", output: [] } },
  ];
  const events = [...turn(1, null), ...turn(2, "a1")];
  // Each at every place after its commit, the two in either order.
  const places = events.flatMap((_, first) => events.map((_, second) => [first, second] as const));
  const possible = places.filter(([first, second]) => second >= 5 && first >= 0);

  linkTest("may come anywhere after their commit: told in order, remembered in order (C13)", async () => {
    await using link = await connected({ restore: { ack_ms: 5000 } });
    let wire = link.wire;
    const { bench, server } = link;
    let rounds = 0;
    for (const [first, second] of possible) {
      const id = (event: object): Record<string, unknown> =>
        JSON.parse(JSON.stringify(event).replace(/"([uar])(\d)"/g, `"$1$2_${rounds}"`));
      for (const [at, event] of events.entries()) {
        wire.send(id(event));
        if (at === second) wire.send(id(done("u2", "second")));
        if (at === first) wire.send(id(done("u1", "first")));
      }
      rounds++;
    }
    await bench.event("user.transcript", rounds * 2);
    const finals = bench.events("user.transcript").filter(({ final }) => final);
    expect(finals.map(({ text }) => text)).toEqual(possible.flatMap(() => ["first", "second"]));
    await bench.event("response.finished", rounds * 2);
    wire.drop();
    wire = await server.accept();
    await welcome(wire, 41);
    await bench.state("ready");
    const one = ["user: first", "assistant: answer 1", "user: second", "assistant: answer 2"];
    expect(told(wire).map(wordsOf).slice(0, 40)).toEqual(Array.from({ length: 10 }, () => one).flat());
    expect(bench.events("session.error")).toEqual([]);
  });
});
