import { describe, expect, spyOn, test } from "bun:test";
import { RawServer, until } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { begin, connected, endItem, finish, SessionBench, settled, speak } from "./realtime-kit.ts";

const QUICK = { timeouts: { response_ms: 150 }, restore: { ack_ms: 20 } };

/** The server hears an utterance and takes it into the conversation. */
function hear(wire: RawConnection, itemId: string): void {
  wire.send({ type: "input_audio_buffer.speech_started", item_id: itemId, audio_start_ms: 0 });
  wire.send({ type: "input_audio_buffer.speech_stopped", item_id: itemId, audio_end_ms: 500 });
  wire.send({ type: "input_audio_buffer.committed", item_id: itemId });
  wire.send({
    type: "conversation.item.input_audio_transcription.completed",
    item_id: itemId,
    content_index: 0,
    transcript: "what time is it",
  });
}

describe("a server that is there and does not answer", () => {
  test("what it heard is asked to, then called anew, and then left in peace", async () => {
    await using link = await connected(QUICK);
    const { wire, bench, server } = link;
    hear(wire, "u1");
    await wire.next("response.create");
    const again = await server.accept();
    await again.configure();
    await again.next("response.create");
    await bench.event("session.error", 2);
    await settled(again, bench);
    expect(JSON.stringify(again.all("conversation.item.create"))).toContain("what time is it");
    expect(server.connections.length).toBe(2);
    expect(bench.session.port.state()).toBe("ready");
  });

  test("but does later is asked no more than once for each answer", async () => {
    await using link = await connected(QUICK);
    const { wire, bench } = link;
    hear(wire, "u1");
    const create = await wire.next("response.create");
    begin(wire, "r1", create);
    finish(wire, "r1");
    await Bun.sleep(300);
    await settled(wire, bench);
    expect(wire.all("response.create").length).toBe(1);
  });

  test("a noise that it took for speech and dropped is not asked to", async () => {
    await using link = await connected(QUICK);
    const { wire, bench } = link;
    wire.send({ type: "input_audio_buffer.speech_started", item_id: "u1", audio_start_ms: 0 });
    wire.send({ type: "input_audio_buffer.speech_stopped", item_id: "u1", audio_end_ms: 500 });
    await bench.event("user.speech_stopped");
    await Bun.sleep(300);
    expect(wire.all("response.create")).toEqual([]);
  });

  test("to its end, in the middle of an answer, hands the rest to the next one", async () => {
    await using mute = await RawServer.listen();
    await using other = await RawServer.listen();
    const config = { timeouts: { stall_ms: 150 }, restore: { ack_ms: 20 } };
    await using bench = new SessionBench(() => ({ url: mute.url, name: "cloud" }), config, undefined, {
      fallbacks: [() => ({ url: other.url, name: "home" })],
    });
    bench.session.start();
    const wire = await mute.accept();
    await wire.configure();
    await bench.state("ready");
    bench.session.port.sendText("what time is it");
    begin(wire, "r1", await wire.next("response.create"));
    const next = await other.accept();
    await next.configure();
    await next.next("response.create");
    expect((await bench.event("session.endpoint_changed")).reason).toBe(
      "the server fell silent in its answer",
    );
  });

  test("hands the question to the next one", async () => {
    await using mute = await RawServer.listen();
    await using other = await RawServer.listen();
    await using bench = new SessionBench(() => ({ url: mute.url, name: "cloud" }), QUICK, undefined, {
      fallbacks: [() => ({ url: other.url, name: "home" })],
    });
    bench.session.start();
    await (await mute.accept()).configure();
    await bench.state("ready");
    bench.session.port.sendText("what time is it");
    const next = await other.accept();
    await next.configure();
    await next.next("response.create");
    expect(JSON.stringify(next.all("conversation.item.create"))).toContain("what time is it");
    expect(await bench.event("session.endpoint_changed")).toMatchObject({
      endpoint: "home",
      reason: "the server did not begin an answer that was asked for",
    });
  });
});

describe("a link that drops after a spoken word and before the call that was to follow", () => {
  /** A typed command, to which the robot says "Okay.", heard to its end. */
  async function okay(link: { wire: RawConnection; bench: SessionBench }): Promise<void> {
    const { wire, bench } = link;
    bench.session.port.sendText("drive to the door");
    begin(wire, "r1", await wire.next("response.create"));
    speak(wire, "r1", "a1", 100, "Okay.");
    endItem(wire, "r1", "a1", "Okay.");
    await settled(wire, bench);
    bench.playback.play(1000);
  }

  async function isAskedAgain(link: { server: RawServer }): Promise<void> {
    const again = await link.server.accept();
    await again.configure();
    await again.next("response.create");
    const told = JSON.stringify(again.all("conversation.item.create"));
    expect(told).toContain("drive to the door");
    expect(told).toContain("Okay.");
    expect(told).toContain("do not repeat it");
  }

  test("is asked to go on where the call was announced", async () => {
    await using link = await connected(QUICK);
    await okay(link);
    link.wire.send({
      type: "response.output_item.added",
      response_id: "r1",
      output_index: 1,
      item: { id: "fc1", type: "function_call", call_id: "c1", name: "look", status: "in_progress" },
    });
    await settled(link.wire, link.bench);
    link.wire.drop();
    await isAskedAgain(link);
    expect(await link.bench.event("response.finished")).toMatchObject({ status: "failed" });
  });

  test("is asked to go on where nothing came for a while", async () => {
    await using link = await connected(QUICK);
    await okay(link);
    await Bun.sleep(400);
    link.wire.drop();
    await isAskedAgain(link);
  });

  test("is not asked again where all of an answer is here but the word that it is over", async () => {
    await using link = await connected(QUICK);
    const { wire, bench } = link;
    bench.session.port.sendText("drive to the door");
    begin(wire, "r1", await wire.next("response.create"));
    {
      // The clock stands: the end of the words and that of the link come together, however busy the machine.
      using _ = spyOn(performance, "now").mockReturnValue(performance.now());
      speak(wire, "r1", "a1", 100, "Okay.");
      endItem(wire, "r1", "a1", "Okay.");
      wire.close(1011);
      while (bench.session.port.state() === "ready") await Bun.sleep(1);
    }
    const again = await link.server.accept();
    bench.playback.play(1000);
    await again.configure();
    await bench.state("ready");
    await Bun.sleep(100);
    expect(again.all("response.create")).toEqual([]);
    expect(await bench.event("response.finished")).toMatchObject({ status: "completed" });
    await until(() => bench.events("assistant.transcript").some(({ final }) => final), "Not said");
  });
});
