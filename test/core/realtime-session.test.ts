import { describe, expect } from "bun:test";
import { RawServer, until } from "../kit/raw-server.ts";
import {
  announce,
  arrived,
  begin,
  callItem,
  connected,
  endItem,
  finish,
  hear,
  SessionBench,
  settled,
  speak,
  tone,
  TEST_DIALECT,
} from "./realtime-kit.ts";
import { linkTest, TEST_WIRE } from "./realtime-wires.ts";

describe("the microphone", () => {
  linkTest("is heard by the server only after our configuration was acknowledged (C1)", async () => {
    await using server = await RawServer.listen();
    await using bench = new SessionBench(() => ({ url: server.url, apiKey: "sk-test-key-1" }));
    bench.session.start();
    const wire = await server.accept();
    bench.capture.frames(3, 100);
    wire.send({ type: "session.created", session: {} });
    await wire.next("session.update");
    bench.capture.frames(2, 200);
    await wire.settled();
    expect(wire.types()).toEqual(["session.update"]);
    wire.send({ type: "session.updated", session: {} });
    await bench.state("ready");
    bench.capture.frames(1, 300);
    await until(() => wire.frames.length === 7, "Not all frames came");
    const first = wire.all("input_audio_buffer.append").map((frame) => {
      const bytes = new Uint8Array(Buffer.from(String(frame["audio"]), "base64"));
      return new Int16Array(bytes.buffer)[479];
    });
    // Live sound has a wire of its own over WebRTC: it is another signal behind its codec, and may come first.
    const exact =
      TEST_WIRE === "websocket" ? first : first.filter((value) => value !== undefined && value >= 100);
    expect(exact).toEqual([100, 101, 102, 200, 201, ...(TEST_WIRE === "websocket" ? [300] : [])]);
    expect(wire.path).toBe("/v1/realtime?model=gpt-realtime-2.1");
    expect(wire.headers.authorization).toBe("Bearer sk-test-key-1");
    expect(wire.headers["openai-beta"]).toBe(TEST_DIALECT === "beta" ? "realtime=v1" : undefined);
    expect(wire.headers["sec-websocket-extensions"]).toBeUndefined();
  });

  linkTest("loses its oldest audio while the link is down, what was typed does not", async () => {
    await using server = await RawServer.listen();
    await using bench = new SessionBench(() => ({ url: server.url }), { restore: { utterance_s: 1 } });
    bench.session.start();
    bench.session.port.sendText("hello");
    bench.capture.frames(66, 100);
    const wire = await server.accept();
    await wire.configure();
    await wire.next("response.create");
    expect(wire.types()).toEqual([
      "session.update",
      "conversation.item.create",
      ...Array.from({ length: 50 }, () => "input_audio_buffer.append"),
      "response.create",
    ]);
    const first = Buffer.from(String(wire.all("input_audio_buffer.append")[0]?.["audio"]), "base64");
    expect(first.readInt16LE()).toBe(116);
    expect(bench.session.counters()).toMatchObject({
      connection: { outbox: { dropped_events: 0 } },
      continuity: { microphone: { dropped_frames: 16 } },
    });
  });

  linkTest("tells when the user spoke on the robot's own clock", async () => {
    await using link = await connected({
      turn_detection: { prefix_padding_ms: 100, silence_duration_ms: 200 },
    });
    const beforeMs = performance.now();
    link.bench.capture.frames(50);
    const afterMs = performance.now();
    link.wire.send({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 300 });
    link.wire.send({ type: "input_audio_buffer.speech_stopped", item_id: "u1", audio_end_ms: 900 });
    const started = await link.bench.event("user.speech_started");
    const stopped = await link.bench.event("user.speech_stopped");
    expect(started.source).toBe("server");
    // 1000 ms were appended, the last sample between the two readings of the clock.
    expect(started.speech_at_ms).toBeGreaterThanOrEqual(beforeMs - 600);
    expect(started.speech_at_ms).toBeLessThanOrEqual(afterMs - 600);
    expect(stopped.speech_at_ms).toBeGreaterThanOrEqual(beforeMs - 300);
    expect(stopped.speech_at_ms).toBeLessThanOrEqual(afterMs - 300);
  });
});

describe("an answer", () => {
  linkTest("goes to the loudspeaker and to the topics, and is final once it was heard", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", 100, "Hello ");
    speak(wire, "r1", "a1", 60, "there.");
    endItem(wire, "r1", "a1", "Hello there.");
    finish(wire, "r1");
    await bench.event("response.finished");
    expect(bench.playback.writes.map(({ itemId, pcm }) => [itemId, pcm.length, pcm[0]])).toEqual([
      ["a1", 2400, 500],
      ["a1", 1440, 500],
    ]);
    expect(bench.events("response.first_audio")).toMatchObject([{ response_id: "r1", item_id: "a1" }]);
    bench.playback.play(159);
    expect(bench.events("assistant.transcript").map(({ text, final }) => [text, final])).toEqual([
      ["Hello ", false],
      ["Hello there.", false],
    ]);
    bench.playback.play(1);
    expect(bench.events("assistant.transcript").at(-1)).toEqual({
      item_id: "a1",
      text: "Hello there.",
      final: true,
      interrupted: false,
    });
    expect(bench.events("playback.stopped")).toEqual([{ item_id: "a1", played_ms: 160, reason: "finished" }]);
    expect(bench.events("response.finished")).toEqual([{ response_id: "r1", status: "completed" }]);
  });

  linkTest("in writing only is final without a loudspeaker", async () => {
    await using link = await connected();
    const place = { response_id: "r1", item_id: "a1", output_index: 0, content_index: 0 };
    begin(link.wire, "r1");
    link.wire.send({ type: "response.output_text.delta", ...place, delta: "Hi." });
    link.wire.send({ type: "response.output_text.done", ...place, text: "Hi." });
    finish(link.wire, "r1");
    await link.bench.event("response.finished");
    expect(link.bench.events("assistant.transcript")).toMatchObject([
      { text: "Hi.", final: false },
      { text: "Hi.", final: true, interrupted: false },
    ]);
  });

  linkTest("that fails says why, and the robot goes on", async () => {
    await using link = await connected();
    begin(link.wire, "r1");
    finish(link.wire, "r1", {
      status: "failed",
      status_details: { type: "failed", error: { code: "server_error", message: "slow down" } },
    });
    expect(await link.bench.event("response.finished")).toEqual({
      response_id: "r1",
      status: "failed",
      message: "slow down",
    });
    expect(await link.bench.event("session.error")).toEqual({
      code: "server_error",
      message: "slow down",
      fatal: false,
    });
    link.bench.session.port.respond();
    await link.wire.next("response.create");
  });

  linkTest("cut off by a lost link is played as far as it came, and counts as interrupted", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", 1000, "Once upon");
    await hear(bench, "a1", 450);
    await arrived(bench, "a1", 700);
    wire.drop();
    await bench.event("response.finished");
    expect(bench.events("response.finished")).toMatchObject([{ response_id: "r1", status: "failed" }]);
    expect(bench.playback.flushes).toBe(0);
    expect(bench.events("assistant.transcript").at(-1)?.final).toBe(false);
    bench.playback.play(1000);
    expect(bench.events("playback.stopped")).toMatchObject([{ item_id: "a1", reason: "finished" }]);
    expect(bench.events("assistant.transcript").at(-1)).toEqual({
      item_id: "a1",
      text: "Once upon",
      final: true,
      interrupted: true,
    });
    const again = await link.server.accept();
    await again.configure();
    await bench.state("ready");
    begin(again, "r2");
    speak(again, "r2", "a2", 20);
    await hear(bench, "a2", 20);
  });

  linkTest("of the old link that is interrupted is cut in the memory of the new one as well", async () => {
    await using link = await connected();
    begin(link.wire, "r1");
    speak(link.wire, "r1", "a1", 1000, "Once upon");
    await hear(link.bench, "a1", 450);
    await arrived(link.bench, "a1", 700);
    link.wire.drop();
    const again = await link.server.accept();
    await again.configure();
    await link.bench.state("ready");
    link.bench.session.port.interrupt();
    await settled(again, link.bench);
    expect(link.bench.playback.active).toBe(false);
    expect(again.types()).toEqual([
      "session.update",
      "conversation.item.create",
      "conversation.item.create",
      "response.create",
      "conversation.item.delete",
      "conversation.item.create",
    ]);
    const items = again.all("conversation.item.create").map((frame) => frame["item"] as { id: string });
    expect(items[0]).toMatchObject({
      role: "assistant",
      content: [{ type: "output_text", text: "Once upon" }],
    });
    expect(again.all("conversation.item.delete")).toMatchObject([{ item_id: items[0]?.id }]);
    expect(items[2]).toMatchObject({ role: "assistant", content: [{ type: "output_text", text: "Once" }] });
  });
});

describe("a connection that was left", () => {
  linkTest("changes nothing by what it still says (C14)", async () => {
    await using first = await RawServer.listen();
    await using second = await RawServer.listen();
    let { url } = first;
    await using bench = new SessionBench(() => ({ url }));
    bench.session.start();
    const old = await first.accept();
    await old.configure();
    await bench.state("ready");
    url = second.url;
    bench.session.endpointChanged();
    begin(old, "r_old");
    speak(old, "r_old", "a_old", 40, "From the past.");
    old.send({ type: "error", error: { code: "invalid_api_key", message: "too late" } });
    const wire = await second.accept();
    begin(old, "r_old2");
    await wire.configure();
    await bench.state("ready");
    begin(wire, "r1");
    speak(wire, "r1", "a1", 40, "From now.");
    await hear(bench, "a1", 20);
    await settled(wire, bench);
    expect(bench.events("response.started").map(({ response_id }) => response_id)).toEqual(["r1"]);
    expect(new Set(bench.playback.writes.map(({ itemId }) => itemId))).toEqual(new Set(["a1"]));
    expect(bench.events("session.error")).toEqual([]);
    expect(bench.session.port.state()).toBe("ready");
  });

  linkTest("is closed once and sent nothing after, however often it is closed (C20)", async () => {
    await using link = await connected();
    const { wire, bench, server } = link;
    bench.session.port.respond();
    await wire.next("response.create");
    await Promise.all([bench.session.close(), bench.session.close()]);
    await bench.session.close();
    expect((await wire.closed).code).toBe(1000);
    const sent = wire.frames.length;
    bench.session.port.sendText("too late");
    bench.capture.frames(5);
    bench.session.bargeIn();
    await Bun.sleep(50);
    expect(wire.frames.length).toBe(sent);
    expect(server.connections.length).toBe(1);
    expect(bench.session.port.state()).toBe("closed");
  });
});

describe("ctx.session", () => {
  linkTest("sends what was typed, once, and asks for one answer", async () => {
    await using link = await connected();
    link.bench.session.port.sendText("hello");
    const item = await link.wire.next("conversation.item.create");
    expect(item["item"]).toMatchObject({ role: "user", content: [{ type: "input_text", text: "hello" }] });
    const create = await link.wire.next("response.create");
    expect(link.bench.events("user.transcript")).toMatchObject([{ text: "hello", final: true }]);
    begin(link.wire, "r1", create);
    finish(link.wire, "r1");
    await settled(link.wire, link.bench);
    expect(link.wire.all("response.create").length).toBe(1);
  });

  linkTest("adds notes and pictures without asking for an answer", async () => {
    await using link = await connected();
    link.bench.session.port.note("The battery is low.");
    link.bench.session.port.addImage(new Uint8Array([0xff, 0xd8]), "the view");
    await settled(link.wire, link.bench);
    expect(link.wire.all("conversation.item.create").map((frame) => frame["item"])).toMatchObject([
      { role: "system", content: [{ text: "The battery is low." }] },
      { role: "user", content: [{ image_url: "data:image/jpeg;base64,/9g=" }, { text: "the view" }] },
    ]);
    expect(link.wire.all("response.create")).toEqual([]);
  });

  linkTest("adds its instructions for one answer to those of the session", async () => {
    await using link = await connected({ instructions: "Be kind." });
    link.bench.session.port.respond("Say hello.");
    const create = await link.wire.next("response.create");
    expect(create["response"]).toMatchObject({ instructions: "Be kind.\n\nSay hello." });
  });

  linkTest("ids have at most 32 characters (C11)", async () => {
    await using link = await connected();
    for (let i = 0; i < 3; i++) link.bench.session.port.note("x");
    await settled(link.wire, link.bench);
    const ids = link.wire
      .all("conversation.item.create")
      .map((frame) => String((frame["item"] as { id: string }).id));
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id.length).toBeLessThanOrEqual(32);
  });
});

describe("errors of the server", () => {
  linkTest("that come of races are nobody's business (C23)", async () => {
    await using link = await connected();
    for (const [code, message] of [
      ["response_cancel_not_active", ""],
      ["conversation_already_has_active_response", ""],
      ["item_truncate_invalid_item_id", ""],
      ["invalid_value", "Audio content of 100ms is already shorter than 200ms"],
    ]) {
      link.wire.send({
        type: "error",
        error: { type: "invalid_request_error", code, message, event_id: null },
      });
    }
    await settled(link.wire, link.bench);
    expect(link.bench.events("session.error")).toEqual([]);
    expect(link.bench.session.port.state()).toBe("ready");
    expect(link.bench.session.counters()).toMatchObject({ benign_errors: 4, server_errors: 0 });
  });

  linkTest("unknown events and missing fields neither throw nor change the state (C12)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    const states = bench.events("session.state_changed").length;
    for (const frame of [
      '{"type":"nobody.knows","x":{"y":[1]}}',
      '{"type":"response.created"}',
      '{"type":"response.done","response":{"id":"r0","status":"cancelled","status_details":"turn_detected","usage":null}}',
      '{"type":"conversation.item.added","item":null}',
      '{"type":"conversation.item.input_audio_transcription.completed"}',
      '{"type":7}',
    ])
      wire.sendRaw(frame);
    begin(wire, "r1");
    finish(wire, "r1", { usage: null, status_details: "none" });
    await bench.event("response.finished");
    await settled(wire, bench);
    expect(bench.events("session.state_changed").length).toBe(states);
    expect(bench.events("session.error")).toEqual([]);
    expect(bench.events("response.finished").at(-1)).toMatchObject({
      response_id: "r1",
      status: "completed",
    });
  });

  linkTest("of any other kind are published and thrown at nobody (C23)", async () => {
    await using link = await connected();
    link.wire.send({
      type: "error",
      error: { type: "invalid_request_error", code: "unknown_parameter", message: "sk-abcdefghij" },
    });
    link.wire.send({ type: "error" });
    await settled(link.wire, link.bench);
    expect(link.bench.events("session.error")).toMatchObject([
      { code: "unknown_parameter", message: "[secret]", fatal: false },
      { code: "SERVER_ERROR", fatal: false },
    ]);
    expect(link.bench.session.port.state()).toBe("ready");
  });
});

describe("responses and wishes on the wire", () => {
  linkTest("a typed sentence that raced a spoken one is answered after it, once (C2, C3)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    bench.session.port.sendText("typed");
    const create = await wire.next("response.create");
    begin(wire, "vad");
    wire.send({
      type: "error",
      error: {
        type: "invalid_request_error",
        code: "conversation_already_has_active_response",
        event_id: null,
        message: "",
      },
    });
    await settled(wire, bench);
    expect(wire.all("response.create").length).toBe(1);
    finish(wire, "vad");
    const retry = await wire.next("response.create");
    expect(retry["event_id"]).not.toBe(create["event_id"]);
    begin(wire, "r2", retry);
    finish(wire, "r2");
    await settled(wire, bench);
    expect(wire.all("response.create").length).toBe(2);
    expect(bench.events("session.error")).toEqual([]);
  });

  linkTest("several wishes during an answer become one (C2)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "vad");
    await bench.event("response.started");
    bench.session.port.sendText("one");
    bench.session.port.sendText("two");
    bench.session.port.respond();
    finish(wire, "vad");
    const create = await wire.next("response.create");
    begin(wire, "r2", create);
    finish(wire, "r2");
    await settled(wire, bench);
    expect(wire.all("response.create").length).toBe(1);
  });

  linkTest(
    "a server that never begins an answer is reported and called anew once, and the next wish goes out (C21)",
    async () => {
      await using link = await connected({ timeouts: { response_ms: 20 } });
      link.bench.session.port.respond();
      expect(await link.bench.event("session.error")).toMatchObject({ code: "LINK_TIMEOUT", fatal: false });
      const again = await link.server.accept();
      await again.configure();
      await link.bench.event("session.error", 2);
      link.bench.session.port.respond();
      await until(() => again.all("response.create").length === 2, "No second wish");
    },
  );
});

describe("the user's words", () => {
  linkTest("are published in the order of the conversation, not of their arrival (C13)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    wire.send({ type: "input_audio_buffer.committed", item_id: "u1", previous_item_id: null });
    wire.send({ type: "input_audio_buffer.committed", item_id: "u2", previous_item_id: "u1" });
    const done = (item_id: string, transcript: string) =>
      wire.send({
        type: "conversation.item.input_audio_transcription.completed",
        item_id,
        content_index: 0,
        transcript,
      });
    done("u2", "second");
    wire.send({ type: "conversation.item.input_audio_transcription.delta", item_id: "u1", delta: "fir" });
    done("u1", "first");
    await settled(wire, bench);
    expect(bench.events("user.transcript")).toEqual([
      { item_id: "u1", text: "fir", final: false },
      { item_id: "u1", text: "first", final: true },
      { item_id: "u2", text: "second", final: true },
    ]);
  });

  linkTest("that could not be recognised are final and empty, and the reason is published", async () => {
    await using link = await connected();
    link.wire.send({ type: "input_audio_buffer.committed", item_id: "u1" });
    link.wire.send({
      type: "conversation.item.input_audio_transcription.failed",
      item_id: "u1",
      error: { message: "too quiet" },
    });
    expect(await link.bench.event("user.transcript")).toEqual({ item_id: "u1", text: "", final: true });
    expect(await link.bench.event("session.error")).toMatchObject({ code: "SERVER_ERROR", fatal: false });
  });
});

describe("tools of the session", () => {
  linkTest("are told to the server anew when they change, once for several changes", async () => {
    await using link = await connected();
    const { bench, wire } = link;
    const tool = (name: string) => ({ name, description: name, parameters: { type: "object" } });
    bench.tools.change([tool("one")]);
    bench.tools.change([tool("one"), tool("two")]);
    await settled(wire, bench);
    const updates = wire.all("session.update");
    expect(updates.length).toBe(2);
    expect(updates[1]?.["session"]).toEqual({
      type: "realtime",
      tools: [
        { type: "function", ...tool("one") },
        { type: "function", ...tool("two") },
      ],
    });
  });

  linkTest("that changed while the link came up are told when it is ready", async () => {
    await using server = await RawServer.listen();
    await using bench = new SessionBench(() => ({ url: server.url }));
    bench.session.start();
    const wire = await server.accept();
    await wire.next("session.update");
    bench.tools.change([]);
    wire.send({ type: "session.updated", session: {} });
    const update = await wire.next("session.update");
    expect(update["session"]).toEqual({ type: "realtime", tools: [] });
  });

  linkTest("are run by a call that arrives in the middle of an answer", async () => {
    await using link = await connected();
    begin(link.wire, "r1");
    speak(link.wire, "r1", "a1", 20, "Let me see.");
    announce(link.wire, "r1", callItem("c1", "look", '{"at":"wall"}'));
    await until(() => link.bench.tools.calls.length === 1, "The tool was not called");
    expect(link.bench.tools.calls[0]).toMatchObject({
      callId: "c1",
      name: "look",
      argumentsJson: '{"at":"wall"}',
    });
    expect(tone(20).length).toBe(1280);
  });
});
