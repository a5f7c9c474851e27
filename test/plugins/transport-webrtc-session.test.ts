import { describe, expect, test } from "bun:test";
import { RealtimeClient } from "../../core/realtime/client.ts";
import { until } from "../kit/raw-server.ts";
import { announce, begin, callItem, endItem, finish } from "../core/realtime-kit.ts";
import { appended, joined, purity, sine, speakTone, talk, written } from "./transport-webrtc-kit.ts";

const SECOND = 24_000;

test("an answer whose sound is lost with the link is gone on with from what was heard of it", async () => {
  await using line = await talk("webrtc");
  const wire = await line.next();
  const { bench } = line;
  const words = "One two three four five six seven eight nine ten.";
  begin(wire, "r1");
  speakTone(wire, "r1", "a1", 3000, words);
  endItem(wire, "r1", "a1", words);
  finish(wire, "r1");
  await bench.event("response.finished");
  await until(() => written(bench, "a1").length >= 500 * 24, "The answer is not heard");
  wire.drop();
  const again = await line.next();
  await again.next("response.create");
  const told = again
    .all("conversation.item.create")
    .map((frame) => (frame["item"] as { content: { text: string }[] }).content[0]?.text ?? "");
  expect(told.length).toBe(2);
  expect(words).toStartWith(told[0] ?? "none");
  expect(told[0]).toStartWith("One");
  expect(told[0]?.length).toBeLessThan(words.length / 2);
  expect(told[1]).toContain("cut off");
  bench.playback.play(5000);
  expect(bench.events("assistant.transcript").at(-1)).toEqual({
    item_id: "a1",
    text: told[0] ?? "",
    final: true,
    interrupted: true,
  });
});

test("while the sound of an answer is on its way there is no pause, however little of it waits at the loudspeaker", async () => {
  await using line = await talk("webrtc", { idle: { hang_up_s: 0.2 } });
  const wire = await line.next();
  const { bench } = line;
  begin(wire, "r1");
  speakTone(wire, "r1", "a1", 1500, "One two three.");
  endItem(wire, "r1", "a1", "One two three.");
  finish(wire, "r1");
  await bench.event("response.finished");
  const playing = setInterval(() => bench.playback.play(1000), 1);
  try {
    await bench.event("session.hung_up");
  } finally {
    clearInterval(playing);
  }
  expect(written(bench, "a1").length).toBeGreaterThanOrEqual(1480 * 24);
  expect(bench.events("assistant.transcript").at(-1)).toMatchObject({ final: true, interrupted: false });
});

describe.each(["websocket", "webrtc"] as const)("a session over %s", (transport) => {
  test("answers what was typed in writing", async () => {
    await using line = await talk(transport);
    const wire = await line.next();
    line.bench.session.port.sendText("hello");
    const item = await wire.next("conversation.item.create");
    expect(item["item"]).toMatchObject({ role: "user", content: [{ type: "input_text", text: "hello" }] });
    begin(wire, "r1", await wire.next("response.create"));
    const place = { response_id: "r1", item_id: "a1", output_index: 0, content_index: 0 };
    wire.send({ type: "response.output_text.delta", ...place, delta: "Hi." });
    wire.send({ type: "response.output_text.done", ...place, text: "Hi." });
    finish(wire, "r1");
    expect(await line.bench.event("response.finished")).toMatchObject({ status: "completed" });
    expect(line.bench.events("assistant.transcript").at(-1)).toMatchObject({ text: "Hi.", final: true });
  });

  test("carries speech both ways and says when it was heard", async () => {
    await using line = await talk(transport);
    const wire = await line.next();
    const { bench } = line;
    await bench.capture.feed(sine(1000));
    await until(() => appended(wire).length >= SECOND * 0.98, "The microphone is not heard");
    expect(appended(wire).length).toBeLessThanOrEqual(SECOND);
    expect(purity(appended(wire).subarray(4800))).toBeGreaterThan(0.95);
    begin(wire, "r1");
    speakTone(wire, "r1", "a1", 600, "Hello there.");
    endItem(wire, "r1", "a1", "Hello there.");
    finish(wire, "r1");
    await until(() => written(bench, "a1").length >= 600 * 24, "The answer is not heard");
    expect(purity(written(bench, "a1").subarray(2400, 12_000))).toBeGreaterThan(0.95);
    expect(bench.events("assistant.transcript").at(-1)).toMatchObject({ final: false });
    await until(() => {
      bench.playback.play(1000);
      return bench.events("playback.stopped").length > 0;
    }, "The answer does not end");
    expect(written(bench, "a1").length).toBeLessThan(900 * 24);
    expect(bench.events("playback.stopped")).toMatchObject([{ item_id: "a1", reason: "finished" }]);
    expect(bench.events("assistant.transcript").at(-1)).toEqual({
      item_id: "a1",
      text: "Hello there.",
      final: true,
      interrupted: false,
    });
    expect(bench.events("response.first_audio")).toMatchObject([{ response_id: "r1", item_id: "a1" }]);
  });

  test("runs a tool once and hands its result back", async () => {
    await using line = await talk(transport);
    const wire = await line.next();
    const { bench } = line;
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1", "look", '{"at":"wall"}'));
    finish(wire, "r1", { output: [callItem("c1", "look", '{"at":"wall"}')] });
    await until(() => bench.tools.calls.length === 1, "The tool was not called");
    bench.tools.calls[0]?.finish({ output: "a wall" });
    const result = await wire.next("conversation.item.create");
    expect(result["item"]).toMatchObject({ type: "function_call_output", call_id: "c1", output: "a wall" });
    begin(wire, "r2", await wire.next("response.create"));
    finish(wire, "r2");
    await bench.event("response.finished", 2);
    expect(bench.tools.calls.length).toBe(1);
  });

  test("falls silent at once when it is interrupted, and the server forgets what was not heard", async () => {
    await using line = await talk(transport);
    const wire = await line.next();
    const { bench } = line;
    begin(wire, "r1");
    speakTone(wire, "r1", "a1", 3000, "One two three four five six seven eight nine ten.");
    await until(() => written(bench, "a1").length >= 300 * 24, "The answer is not heard");
    bench.playback.play(300);
    bench.session.bargeIn();
    expect(bench.playback.active).toBe(false);
    expect(bench.events("assistant.interrupted")).toEqual([{ item_id: "a1", played_ms: 300 }]);
    const heard = bench.events("assistant.transcript").at(-1);
    expect(heard).toMatchObject({ item_id: "a1", final: true, interrupted: true });
    expect("One two three four five six seven eight nine ten.").toStartWith(heard?.text ?? "none");
    expect(heard?.text.length).toBeLessThan(12);
    expect(await wire.next("response.cancel")).toMatchObject({ response_id: "r1" });
    const cut = await wire.next("conversation.item.truncate");
    expect(cut).toMatchObject({ item_id: "a1", content_index: 0 });
    expect(cut["audio_end_ms"]).toBeGreaterThanOrEqual(300);
    expect(cut["audio_end_ms"]).toBeLessThan(3000);
    const before = bench.playback.writes.length;
    finish(wire, "r1", { status: "cancelled", status_details: { reason: "client_cancelled" } });
    begin(wire, "r2");
    speakTone(wire, "r2", "a2", 200, "Yes?");
    endItem(wire, "r2", "a2", "Yes?");
    finish(wire, "r2");
    await until(() => written(bench, "a2").length >= 200 * 24, "The next answer is not heard");
    expect(bench.playback.writes.slice(before).every((write) => write.itemId === "a2")).toBe(true);
    expect(wire.all("conversation.item.truncate").length).toBe(1);
    expect(wire.all("response.cancel").length).toBe(1);
  });

  test("leaves the cancelling to a server that hears the user first", async () => {
    await using line = await talk(transport);
    const wire = await line.next();
    const { bench } = line;
    begin(wire, "r1");
    speakTone(wire, "r1", "a1", 3000, "One two three four five six seven eight nine ten.");
    await until(() => written(bench, "a1").length >= 200 * 24, "The answer is not heard");
    bench.playback.play(200);
    wire.send({ type: "input_audio_buffer.speech_started", item_id: "u2", audio_start_ms: 0 });
    await bench.event("assistant.interrupted");
    expect(bench.playback.active).toBe(false);
    finish(wire, "r1", { status: "cancelled", status_details: { reason: "turn_detected" } });
    expect(await wire.next("conversation.item.truncate")).toMatchObject({ item_id: "a1" });
    await bench.event("response.finished");
    await wire.settled();
    expect(wire.all("response.cancel")).toEqual([]);
    expect(wire.all("conversation.item.truncate").length).toBe(1);
  });

  test("comes back by itself when the link drops in the middle of an answer", async () => {
    await using line = await talk(transport);
    const wire = await line.next();
    const { bench } = line;
    begin(wire, "r1");
    speakTone(wire, "r1", "a1", 1000, "Once upon a time");
    await until(() => written(bench, "a1").length >= 100 * 24, "The answer is not heard");
    wire.drop();
    expect(await bench.event("response.finished")).toMatchObject({ response_id: "r1", status: "failed" });
    expect(bench.events("session.state_changed").map((event) => event.state)).toContain("waiting");
    bench.playback.play(3000);
    expect(bench.events("assistant.transcript").at(-1)).toMatchObject({ item_id: "a1", final: true });
    const again = await line.next();
    begin(again, "r2");
    speakTone(again, "r2", "a2", 100);
    await until(() => written(bench, "a2").length >= 100 * 24, "The next answer is not heard");
  });

  test("is renewed before its session expires, and hears and speaks on the new one", async () => {
    await using line = await talk(transport, { renewal: { before_s: 3600 } });
    const { bench, server } = line;
    const wire = await server.accept();
    wire.send({ type: "session.created", session: { id: "s1", expires_at: Date.now() / 1000 + 1 } });
    await wire.next("session.update");
    wire.send({ type: "session.updated", session: {} });
    await bench.state("ready");
    const second = await server.accept();
    await second.configure();
    await Promise.race([wire.closed, Bun.sleep(3000)]);
    bench.capture.frames(20);
    await until(() => appended(second).length >= 18 * 480, "The new session does not hear");
    begin(second, "r2");
    speakTone(second, "r2", "a2", 200);
    await until(() => written(bench, "a2").length >= 200 * 24, "The new session is not heard");
    expect(bench.events("session.state_changed").map((event) => event.state)).not.toContain("waiting");
  });

  test("serves a program of its own as well as a robot", async () => {
    await using line = await talk(transport);
    await using client = new RealtimeClient({
      url: line.url,
      connect: line.connect,
      turn_detection: { type: "none" },
    });
    const heard: Int16Array[] = [];
    client.on("audio", ({ pcm }) => void heard.push(pcm.slice()));
    await line.next();
    const connecting = client.connect();
    const wire = await line.server.accept();
    await wire.configure();
    await connecting;
    client.appendInputAudio(sine(500));
    await until(() => appended(wire).length >= 480 * 24, "The server does not hear the program");
    expect(purity(appended(wire).subarray(2400, 11_000))).toBeGreaterThan(0.95);
    begin(wire, "r1");
    speakTone(wire, "r1", "a1", 200);
    finish(wire, "r1");
    const loud = () => heard.filter((pcm) => purity(pcm) > 0.9);
    await until(() => joined(loud()).length >= 180 * 24, "The program does not hear the server");
  });
});
