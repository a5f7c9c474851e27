import { describe, expect, test } from "bun:test";
import { heardText } from "../../core/realtime/assistant-speech.ts";
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
  settled,
  speak,
} from "./realtime-kit.ts";
import { linkTest, TEST_WIRE } from "./realtime-wires.ts";

interface Edit {
  type: string;
  response_id?: string;
  item_id?: string;
  content_index?: number;
  audio_end_ms?: number;
}

/** An answer that over WebRTC, where sound comes at its own pace, is still being sent when it is interrupted, however busy the machine. */
const LONG_MS = 4000;

/** What an interruption put on the wire. */
function edits(wire: RawConnection): Edit[] {
  return wire.frames
    .filter((frame) => /^response.cancel$|truncate$|delete$/.test(frame.type))
    .map(({ event_id: _, ...frame }) => frame);
}

/**
 * Over WebRTC the server cuts its queue by itself, by what it has sent, which is no less than what was heard; what was not
 * heard it has truncated, not deleted.
 */
function expectEdits(wire: RawConnection, expected: Edit[]): void {
  const seen = edits(wire);
  if (TEST_WIRE === "websocket") {
    expect(seen).toEqual(expected);
    return;
  }
  const kinds = (all: Edit[]) =>
    all
      .map((edit) => `${edit.type.replace("delete", "truncate")} ${edit.item_id ?? edit.response_id}`)
      .sort();
  expect(kinds(seen)).toEqual(kinds(expected));
  for (const { item_id, audio_end_ms } of expected)
    if (audio_end_ms !== undefined)
      expect(seen.find((edit) => edit.item_id === item_id)?.audio_end_ms).toBeGreaterThanOrEqual(
        audio_end_ms,
      );
}

function speechStarts(wire: RawConnection): void {
  wire.send({ type: "input_audio_buffer.speech_started", item_id: "u2", audio_start_ms: 0 });
}

describe("the user speaks over the answer", () => {
  linkTest(
    "and the item is truncated to whole played milliseconds; the server cancels by itself (C7)",
    async () => {
      await using link = await connected();
      const { wire, bench } = link;
      begin(wire, "r1");
      speak(
        wire,
        "r1",
        "a1",
        TEST_WIRE === "webrtc" ? LONG_MS : 1000,
        "One two three four five six seven eight nine ten.",
      );
      await hear(bench, "a1", 400.7);
      speechStarts(wire);
      await bench.event("assistant.interrupted");
      await settled(wire, bench);
      expectEdits(wire, [
        { type: "conversation.item.truncate", item_id: "a1", content_index: 0, audio_end_ms: 400 },
      ]);
      expect(bench.events("assistant.interrupted")).toEqual([{ item_id: "a1", played_ms: 400 }]);
      expect(bench.events("playback.stopped")).toEqual([
        { item_id: "a1", played_ms: 400, reason: "flushed" },
      ]);
      expect(bench.events("assistant.transcript").at(-1)).toEqual({
        item_id: "a1",
        // How long the sound will be is not known over WebRTC, and is taken from its words.
        text: TEST_WIRE === "websocket" ? "One two three four" : "One",
        final: true,
        interrupted: true,
      });
    },
  );

  linkTest("and nothing of it is heard any more, whatever comes late; the next answer is (C8)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", 100, "One two");
    await hear(bench, "a1", 50);
    speechStarts(wire);
    speak(wire, "r1", "a1", 100, " three");
    speak(wire, "r1", "a1b", 100, "another item");
    endItem(wire, "r1", "a1", "One two three");
    finish(wire, "r1", { status: "cancelled", status_details: { reason: "turn_detected" } });
    speak(wire, "r1", "a1", 100, " even later");
    wire.send({ type: "input_audio_buffer.speech_stopped", item_id: "u2", audio_end_ms: 500 });
    begin(wire, "r2");
    speak(wire, "r2", "a2", 60, "Yes?");
    endItem(wire, "r2", "a2", "Yes?");
    finish(wire, "r2");
    await until(() => bench.playback.writes.some(({ itemId }) => itemId === "a2"), "No next answer");
    await settled(wire, bench);
    const runs = bench.playback.writes.map(({ itemId }) => itemId);
    expect(runs.filter((itemId, at) => itemId !== runs[at - 1])).toEqual(["a1", "a2"]);
    await hearAll(bench, "a2");
    expect(bench.events("assistant.transcript").filter((event) => event.final)).toMatchObject([
      { item_id: "a1", interrupted: true },
      { item_id: "a2", text: "Yes?", interrupted: false },
    ]);
    expect(bench.events("response.finished").map((event) => event.status)).toEqual([
      "cancelled",
      "completed",
    ]);
    expect(bench.session.counters()).toMatchObject({ speech: { interruptions: 1 } });
    // Over WebRTC the server keeps it to itself.
    if (TEST_WIRE === "websocket")
      expect(bench.session.counters()).toMatchObject({ speech: { late_deltas: 3 } });
  });

  linkTest("before anything was heard: the item is deleted, not truncated to nothing (C7)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", LONG_MS, "Well");
    await hear(bench, "a1", 0);
    speechStarts(wire);
    await settled(wire, bench);
    expectEdits(wire, [{ type: "conversation.item.delete", item_id: "a1" }]);
    expect(bench.events("assistant.transcript").at(-1)).toMatchObject({
      text: "",
      final: true,
      interrupted: true,
    });
  });

  linkTest("after the server has finished it: it is truncated, and nothing is cancelled (C7)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", LONG_MS, "All of it.");
    endItem(wire, "r1", "a1", "All of it.");
    finish(wire, "r1");
    await bench.event("response.finished");
    await hear(bench, "a1", 300);
    bench.session.bargeIn();
    await settled(wire, bench);
    expectEdits(wire, [
      { type: "conversation.item.truncate", item_id: "a1", content_index: 0, audio_end_ms: 300 },
    ]);
  });

  linkTest("while two items wait: the heard one is truncated, the unheard one deleted (C7)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", LONG_MS, "First.");
    endItem(wire, "r1", "a1", "First.");
    speak(wire, "r1", "a2", 100, "Second.");
    if (TEST_WIRE === "websocket")
      await until(() => bench.playback.writes.length === 2, "The audio did not come");
    await hear(bench, "a1", 40);
    bench.session.port.interrupt();
    await settled(wire, bench);
    expectEdits(wire, [
      { type: "response.cancel", response_id: "r1" },
      { type: "conversation.item.truncate", item_id: "a1", content_index: 0, audio_end_ms: 40 },
      { type: "conversation.item.delete", item_id: "a2" },
    ]);
  });

  linkTest("after it was heard to the end: nothing is cut", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", 100, "Done.");
    endItem(wire, "r1", "a1", "Done.");
    finish(wire, "r1");
    await bench.event("response.finished");
    await hearAll(bench, "a1");
    speechStarts(wire);
    await settled(wire, bench);
    expectEdits(wire, []);
    expect(bench.events("assistant.interrupted")).toEqual([]);
    expect(bench.events("assistant.transcript").at(-1)).toMatchObject({ text: "Done.", interrupted: false });
  });
});

describe("a loudspeaker that reports more than was received", () => {
  linkTest("truncates at what was received (C7)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", 100, "One two");
    await hear(bench, "a1", 0);
    bench.playback.flush = () => ({ itemId: "a1", playedMs: 120.7, receivedMs: 100 });
    bench.session.port.interrupt();
    await settled(wire, bench);
    expect(edits(wire)[1]).toEqual({
      type: "conversation.item.truncate",
      item_id: "a1",
      content_index: 0,
      audio_end_ms: 100,
    });
  });

  linkTest("cuts nothing of an item that is complete", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", 100, "One two");
    endItem(wire, "r1", "a1", "One two");
    finish(wire, "r1");
    await bench.event("response.finished");
    bench.playback.flush = () => ({ itemId: "a1", playedMs: 100, receivedMs: 100 });
    bench.session.port.interrupt();
    await settled(wire, bench);
    expectEdits(wire, []);
    expect(bench.events("assistant.transcript").at(-1)).toMatchObject({ final: true, interrupted: false });
  });
});

describe("an interruption that is noticed twice", () => {
  linkTest("by the robot's ears, then by the server, cancels and truncates once (C7)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", LONG_MS, "One two three");
    await hear(bench, "a1", 100);
    bench.session.bargeIn();
    expect(bench.playback.active).toBe(false);
    bench.session.bargeIn();
    speechStarts(wire);
    bench.session.port.interrupt();
    finish(wire, "r1", { status: "cancelled" });
    wire.send({ type: "error", error: { code: "response_cancel_not_active", event_id: null, message: "" } });
    await settled(wire, bench);
    expectEdits(wire, [
      { type: "response.cancel", response_id: "r1" },
      { type: "conversation.item.truncate", item_id: "a1", content_index: 0, audio_end_ms: 100 },
    ]);
    expect(bench.events("session.error")).toEqual([]);
  });

  linkTest("before the server's answer has begun cancels it when it does, unheard", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    bench.session.port.respond();
    const create = await wire.next("response.create");
    bench.session.port.interrupt();
    begin(wire, "r1", create);
    speak(wire, "r1", "a1", 100, "Too late");
    const cancel = await wire.next("response.cancel");
    expect(cancel["response_id"]).toBe("r1");
    await settled(wire, bench);
    expect(bench.playback.writes).toEqual([]);
  });

  linkTest("is cancelled by us where the server does not interrupt by itself", async () => {
    await using link = await connected({ turn_detection: { interrupt_response: false } });
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", LONG_MS, "One two three");
    await hear(bench, "a1", 20);
    speechStarts(wire);
    await settled(wire, bench);
    expect(edits(wire).map((frame) => frame["type"])).toEqual([
      "response.cancel",
      "conversation.item.truncate",
    ]);
  });
});

describe("where the robot decides later whether it is interrupted", () => {
  for (const interruption of [{ mode: "duck" }, { min_speech_ms: 300 }, { warm_up_ms: 500 }]) {
    linkTest(
      `(${Object.keys(interruption)[0]}) speech that the server hears changes nothing until it has`,
      async () => {
        await using link = await connected({ interruption });
        const { wire, bench } = link;
        expect(JSON.stringify(wire.frames)).toContain('"interrupt_response":false');
        begin(wire, "r1");
        speak(wire, "r1", "a1", LONG_MS, "One two three");
        await hear(bench, "a1", 20);
        speechStarts(wire);
        await bench.event("user.speech_started");
        await settled(wire, bench);
        // Over WebRTC the rest of it comes at the pace at which it is heard.
        await until(() => bench.playback.active, "The answer does not go on");
        expectEdits(wire, []);
        bench.session.bargeIn();
        expect(bench.playback.active).toBe(false);
        await settled(wire, bench);
        expectEdits(wire, [
          { type: "response.cancel", response_id: "r1" },
          { type: "conversation.item.truncate", item_id: "a1", content_index: 0, audio_end_ms: 20 },
        ]);
      },
    );
  }

  linkTest(
    "a server that cannot answer the user for the answer that runs is asked to behind it",
    async () => {
      await using link = await connected({ interruption: { mode: "duck" } });
      const { wire, bench } = link;
      begin(wire, "r1");
      speechStarts(wire);
      wire.send({ type: "input_audio_buffer.speech_stopped", item_id: "u2", audio_end_ms: 500 });
      wire.send({ type: "input_audio_buffer.committed", item_id: "u2" });
      const code = "conversation_already_has_active_response";
      wire.send({
        type: "error",
        error: { type: "invalid_request_error", code, event_id: null, message: "" },
      });
      await settled(wire, bench);
      expect(wire.frames.some(({ type }) => type === "response.create")).toBe(false);
      finish(wire, "r1");
      await wire.next("response.create");
      expect(bench.events("session.error")).toEqual([]);
    },
  );
});

describe("what was said before a stop", () => {
  for (const when of ["speaks", "has spoken", "is in the conversation"]) {
    linkTest(`is not done when the stop comes while it ${when}`, async () => {
      await using link = await connected();
      const { wire, bench } = link;
      bench.capture.frames(20, 100);
      const stop = () => bench.session.port.dismiss();
      wire.send({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 });
      await bench.event("user.speech_started");
      if (when === "speaks") stop();
      wire.send({ type: "input_audio_buffer.speech_stopped", item_id: "u1", audio_end_ms: 400 });
      await bench.event("user.speech_stopped");
      if (when === "has spoken") stop();
      wire.send({ type: "input_audio_buffer.committed", item_id: "u1" });
      await bench.event("user.committed");
      if (when === "is in the conversation") stop();
      begin(wire, "r1");
      announce(wire, "r1", callItem("c1"));
      finish(wire, "r1");
      const cancel = await wire.next("response.cancel");
      expect(cancel["response_id"]).toBe("r1");
      await bench.event("response.finished");
      await settled(wire, bench);
      expect(bench.tools.calls).toEqual([]);
      // What the user says next is done.
      wire.send({ type: "input_audio_buffer.speech_started", item_id: "u2" });
      await bench.event("user.speech_started", 2);
      wire.send({ type: "input_audio_buffer.speech_stopped", item_id: "u2" });
      wire.send({ type: "input_audio_buffer.committed", item_id: "u2" });
      begin(wire, "r2");
      announce(wire, "r2", callItem("c2"));
      finish(wire, "r2");
      await until(() => bench.tools.calls.length === 1, "The next sentence was not done");
      bench.tools.calls[0]?.finish({});
    });
  }
});

describe("barge_in = false", () => {
  linkTest("lets the robot finish when it is spoken over; interrupt() still silences it", async () => {
    await using link = await connected({ barge_in: false });
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", LONG_MS, "One two three");
    await hear(bench, "a1", 20);
    bench.session.bargeIn();
    speechStarts(wire);
    await settled(wire, bench);
    await until(() => bench.playback.active, "The robot does not finish");
    expectEdits(wire, []);
    bench.session.port.interrupt();
    expect(bench.playback.active).toBe(false);
  });
});

describe("the words that were heard", () => {
  test.each([
    ["One two three four", 0, 1000, ""],
    ["One two three four", 500, 1000, "One two"],
    ["One two three four", 390, 1000, "One two"],
    ["One two three four", 380, 1000, "One"],
    ["One two three four", 1000, 1000, "One two three four"],
    ["One two three four", 2000, 1000, "One two three four"],
    ["Donaudampfschifffahrt", 500, 1000, ""],
    ["", 500, 1000, ""],
  ])("of %j at %d of %d ms are %j", (text, playedMs, receivedMs, heard) => {
    expect(heardText(text, playedMs, receivedMs)).toBe(heard);
  });
});
