/**
 * What real servers other than OpenAI's were seen to do, replayed frame by frame. A client that needs the order of the
 * guide to the letter loses a turn, an answer or itself at one of these.
 */
import { describe, expect, test } from "bun:test";
import { RealtimeClient } from "myna/realtime";
import {
  begin,
  callItem,
  connected,
  endItem,
  finish,
  hearAll,
  SessionBench,
  settled,
  speak,
  tone,
} from "../core/realtime-kit.ts";
import { RawServer, until } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { linkTest } from "../core/realtime-wires.ts";

const place = (responseId: string, itemId: string) => ({
  response_id: responseId,
  item_id: itemId,
  output_index: 0,
  content_index: 0,
});

/** Final words of the robot so far. */
const said = (bench: SessionBench): string[] =>
  bench
    .events("assistant.transcript")
    .filter((event) => event.final)
    .map((event) => event.text);

/** A whole spoken answer. */
function answer(wire: RawConnection, responseId: string, itemId: string, words: string): void {
  begin(wire, responseId);
  speak(wire, responseId, itemId, 40);
  endItem(wire, responseId, itemId, words);
  finish(wire, responseId);
}

/** After all that, a turn in writing is answered: nothing is stuck. */
async function stillAnswers(wire: RawConnection, bench: SessionBench): Promise<void> {
  await settled(wire, bench);
  const before = wire.all("response.create").length;
  bench.session.port.sendText("are you there");
  await until(() => wire.all("response.create").length > before, "no answer was asked for");
  const id = `resp_last_${before}`;
  begin(wire, id, wire.all("response.create").at(-1));
  wire.send({ type: "response.output_text.done", ...place(id, `${id}_item`), text: "Yes." });
  wire.send({
    type: "response.output_item.done",
    response_id: id,
    item: { id: `${id}_item`, type: "message", role: "assistant", status: "completed" },
  });
  finish(wire, id);
  await until(
    () => said(bench).includes("Yes."),
    () => JSON.stringify(bench.seen.slice(-10)),
  );
  expect(bench.session.port.state()).toBe("ready");
}

describe("our session survives a server", () => {
  linkTest("that ends the answer before it says that the user began to speak", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    begin(wire, "r1");
    speak(wire, "r1", "i1", 200, "One two three four");
    await until(() => bench.playback.writes.length > 0, "nothing to play");
    finish(wire, "r1", {
      status: "cancelled",
      status_details: { type: "cancelled", reason: "turn_detected" },
    });
    wire.send({ type: "input_audio_buffer.speech_started", audio_start_ms: 100, item_id: "u1" });
    await bench.event("user.speech_started");
    expect(bench.playback.flushes).toBeGreaterThan(0);
    wire.send({ type: "input_audio_buffer.speech_stopped", audio_end_ms: 900, item_id: "u1" });
    wire.send({ type: "input_audio_buffer.committed", item_id: "u1" });
    answer(wire, "r2", "i2", "Second.");
    await bench.event("response.finished", 2);
    await stillAnswers(wire, bench);
  });

  linkTest("that never announces an answer it gives by itself", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    speak(wire, "r1", "i1", 40);
    endItem(wire, "r1", "i1", "Unannounced.");
    finish(wire, "r1");
    await bench.event("response.finished");
    await hearAll(bench, "i1");
    await until(
      () => said(bench).includes("Unannounced."),
      () => JSON.stringify(bench.seen),
    );
    expect(bench.playback.writes.length).toBeGreaterThan(0);
    await stillAnswers(wire, bench);
  });

  linkTest("that names a tool on the item only, announces no item, and repeats itself", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    begin(wire, "r1");
    wire.send({
      type: "response.function_call_arguments.done",
      response_id: "r1",
      call_id: "c1",
      arguments: "{}",
    });
    finish(wire, "r1", { output: [callItem("c1")] });
    finish(wire, "r1", { output: [callItem("c1")] });
    await until(() => bench.tools.calls.length === 1, "the tool was not called");
    bench.tools.calls[0]?.finish({ output: "a cat" });
    await wire.next("conversation.item.create");
    await until(() => wire.all("response.create").length === 1, "no answer to the result was asked for");
    await settled(wire, bench);
    expect(bench.tools.calls).toHaveLength(1);
    expect(wire.all("conversation.item.create")).toHaveLength(1);
  });

  linkTest("that acknowledges items only at the end of the answer", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    bench.session.port.sendText("hello");
    const create = await wire.next("response.create");
    const item = wire.all("conversation.item.create")[0]?.["item"] as { id: string };
    begin(wire, "r1", create);
    speak(wire, "r1", "i1", 40);
    endItem(wire, "r1", "i1", "Late papers.");
    finish(wire, "r1");
    wire.send({
      type: "conversation.item.added",
      previous_item_id: null,
      item: { ...item, type: "message", role: "user" },
    });
    wire.send({
      type: "conversation.item.added",
      previous_item_id: item.id,
      item: { id: "i1", type: "message", role: "assistant" },
    });
    await bench.event("response.finished");
    await stillAnswers(wire, bench);
    expect(
      bench
        .events("user.transcript")
        .filter((event) => event.final)
        .map((event) => event.text),
    ).toEqual(["hello", "are you there"]);
  });

  linkTest("that gives two answers the same id", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    answer(wire, "same", "i1", "First.");
    await bench.event("response.finished");
    await hearAll(bench, "i1");
    answer(wire, "same", "i2", "Second.");
    await bench.event("response.finished", 2);
    await hearAll(bench, "i2");
    await until(
      () => said(bench).length === 2,
      () => JSON.stringify(bench.seen.slice(-10)),
    );
    expect(said(bench)).toEqual(["First.", "Second."]);
    await stillAnswers(wire, bench);
  });

  linkTest("that takes a truncation without a word and completes what was cancelled", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    bench.session.port.sendText("tell me");
    begin(wire, "r1", await wire.next("response.create"));
    speak(wire, "r1", "i1", 400, "One two three four five six");
    await until(() => bench.playback.writes.length > 0, "nothing to play");
    bench.playback.play(100);
    bench.session.port.interrupt();
    await wire.next("response.cancel");
    await wire.next("conversation.item.truncate");
    const written = bench.playback.writes.length;
    speak(wire, "r1", "i1", 200, " seven eight");
    endItem(wire, "r1", "i1", "One two three four five six seven eight");
    finish(wire, "r1", { status: "completed" });
    await bench.event("response.finished");
    expect(bench.playback.writes).toHaveLength(written);
    expect(said(bench).join("|")).not.toContain("eight");
    await stillAnswers(wire, bench);
  });

  linkTest("that names no item it committed, and echoes no metadata", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    wire.send({ type: "input_audio_buffer.committed" });
    bench.session.port.sendText("hello");
    await wire.next("response.create");
    // Nothing tells whose answer it is.
    begin(wire, "r1");
    wire.send({ type: "response.output_text.done", ...place("r1", "i1"), text: "Hi." });
    finish(wire, "r1", { metadata: null });
    await bench.event("response.finished");
    await settled(wire, bench);
    expect(wire.all("response.create")).toHaveLength(1);
    expect(said(bench)).toEqual(["Hi."]);
    await stillAnswers(wire, bench);
  });

  linkTest("that says an event which does not exist for a cancelled answer, late", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    bench.session.port.sendText("tell me");
    begin(wire, "r1", await wire.next("response.create"));
    await bench.event("response.started");
    bench.session.port.interrupt();
    await wire.next("response.cancel");
    wire.send({ type: "response.output_text.done", ...place("r1", "i1"), text: "All of it." });
    finish(wire, "r1");
    wire.send({ type: "response.cancelled", response: { id: "r1" } });
    await bench.event("response.finished");
    expect(said(bench).join("|")).not.toContain("All of it.");
    await stillAnswers(wire, bench);
  });

  linkTest("that objects to an item it does not know", async () => {
    await using kit = await connected();
    const { wire, bench } = kit;
    for (const code of [
      "item_retrieve_invalid_item_id",
      "item_truncate_invalid_item_id",
      "item_delete_invalid_item_id",
    ])
      wire.send({ type: "error", error: { type: "invalid_request_error", code, message: "no such item" } });
    await stillAnswers(wire, bench);
    expect(bench.events("session.error")).toEqual([]);
  });

  linkTest("that does not answer at all", async () => {
    await using kit = await connected({ timeouts: { response_ms: 300 } });
    const { wire, bench, server } = kit;
    bench.session.port.sendText("hello");
    await wire.next("response.create");
    expect(await bench.event("session.error")).toMatchObject({ code: "LINK_TIMEOUT", fatal: false });
    // It is called anew and asked once more, in vain.
    const again = await server.accept();
    await again.configure();
    await again.next("response.create");
    await bench.event("session.error", 2);
    await stillAnswers(again, bench);
  });

  for (const code of [4000, 1008]) {
    linkTest(`that closes with ${code}: it says so and stays away`, async () => {
      await using kit = await connected();
      const { wire, bench, server } = kit;
      wire.close(code, "invalid_request_error.of_some_kind");
      await bench.state("closed");
      expect(await bench.event("session.error")).toMatchObject({ code: "LINK_FATAL", fatal: true });
      expect(server.connections).toHaveLength(1);
    });
  }

  linkTest("that dies without a word: it is back at once", async () => {
    await using kit = await connected();
    const { wire, bench, server } = kit;
    wire.drop();
    const next = await server.accept();
    await next.configure();
    await bench.state("ready");
    await stillAnswers(next, bench);
  });
});

/** The same frames for the bare client: it hands them out as they come and keeps its state. */
const QUIRKS: Record<string, Record<string, unknown>[]> = {
  "the end of an answer before the speech that ended it": [
    { type: "response.done", response: { id: "r1", status: "cancelled", status_details: "turn_detected" } },
    { type: "input_audio_buffer.speech_started", audio_start_ms: 1, item_id: "u1" },
  ],
  "an answer that was never announced": [
    { type: "response.output_audio.delta", ...place("r1", "i1"), delta: tone(20) },
    { type: "response.output_audio.done", ...place("r1", "i1") },
    { type: "response.done", response: { id: "r1", status: "completed" } },
  ],
  "arguments without a name, and no item": [
    { type: "response.function_call_arguments.done", response_id: "r1", call_id: "c1", arguments: "{}" },
    { type: "response.output_item.done", response_id: "r1", item: callItem("c1") },
  ],
  "papers that come after the answer": [
    { type: "response.done", response: { id: "r1", status: "completed", usage: null } },
    { type: "conversation.item.created", item: { id: "i1" } },
  ],
  "two answers of one id": ["a", "b"].flatMap((text) => [
    { type: "response.created", response: { id: "same" } },
    { type: "response.output_text.done", ...place("same", text), text },
    { type: "response.done", response: { id: "same", status: "completed" } },
  ]),
  "a completed answer after the cancel": [
    { type: "response.done", response: { id: "r1", status: "cancelled" } },
    { type: "response.done", response: { id: "r1", status: "completed" } },
    { type: "response.cancelled", response: { id: "r1" } },
  ],
};

describe("our client hands out, and keeps its state at,", () => {
  for (const [name, frames] of Object.entries(QUIRKS)) {
    test(name, async () => {
      await using server = await RawServer.listen();
      await using client = new RealtimeClient({ url: server.url });
      const opened = client.connect();
      const wire = await server.accept();
      await wire.configure();
      await opened;
      const got: string[] = [];
      client.on("server_event", ({ type }) => got.push(type));
      for (const frame of frames) wire.send(frame);
      wire.send({ type: "the.end" });
      await until(
        () => got.includes("the.end"),
        () => got.join(", "),
      );
      expect(got.slice(0, -1)).toEqual(frames.map((frame) => String(frame["type"])));
      expect(client.getState()).toBe("ready");
      expect(client.getMetrics()).toMatchObject({ serverErrors: 0, listenerErrors: 0, malformed: 0 });
    });
  }

  test("a server that says nothing: it waits as long as it was told", async () => {
    await using server = await RawServer.listen();
    await using client = new RealtimeClient({
      url: server.url,
      timeouts: { connect_ms: 40 },
      reconnect: { initial_ms: 5, attempts: 1 },
    });
    expect(await client.connect().catch((error: unknown) => error)).toMatchObject({ code: "LINK_TIMEOUT" });
    expect(client.getMetrics()).toMatchObject({ attempts: 2, state: "closed" });
  });
});
