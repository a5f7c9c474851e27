import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { sessionConfig } from "../../core/realtime/config.ts";
import { BetaDialect } from "../../core/realtime/dialect-beta.ts";
import { RawServer, until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { connected, SessionBench, tone } from "./realtime-kit.ts";
import { BETA_FILES } from "./realtime-wires.ts";

function wire(event: Parameters<BetaDialect["encode"]>[0]): Record<string, unknown> {
  return JSON.parse(new BetaDialect().encode(event)) as Record<string, unknown>;
}

describe("in the beta dialect", () => {
  test("the configuration is flat, with formats by name and the temperature", () => {
    const config = sessionConfig.parse({
      instructions: "Be brief.",
      voice: "sage",
      temperature: 0.7,
      max_output_tokens: 300,
      language: "en",
    });
    const tools = [{ name: "look", description: "Looks.", parameters: { type: "object" } }];
    expect(wire({ type: "configure", eventId: "e1", config, tools })).toEqual({
      type: "session.update",
      event_id: "e1",
      session: {
        modalities: ["text", "audio"],
        instructions: "Be brief.",
        tools: [{ type: "function", ...tools[0] }],
        tool_choice: "auto",
        max_response_output_tokens: 300,
        input_audio_format: "pcm16",
        output_audio_format: "pcm16",
        input_audio_transcription: { model: "gpt-live-transcribe", language: "en" },
        turn_detection: {
          type: "server_vad",
          prefix_padding_ms: 300,
          silence_duration_ms: 500,
          create_response: true,
          interrupt_response: true,
        },
        voice: "sage",
        temperature: 0.7,
      },
    });
    const patient = sessionConfig.parse({
      turn_detection: { type: "semantic_vad", eagerness: "high" },
      interruption: { mode: "duck" },
    });
    expect(wire({ type: "configure", eventId: "e", config: patient, tools: [] })["session"]).toMatchObject({
      turn_detection: { type: "semantic_vad", eagerness: "high", interrupt_response: false },
    });
    const quiet = sessionConfig.parse({ transcription_model: "", turn_detection: { type: "none" } });
    expect(wire({ type: "configure", eventId: "e", config: quiet, tools: [] })["session"]).toMatchObject({
      input_audio_transcription: null,
      turn_detection: null,
    });
  });

  test("new tools are all that an update of the tools says", () => {
    const session = wire({ type: "set_tools", eventId: "e", tools: [] })["session"];
    expect(session).toEqual({ tools: [] });
  });

  test("what the robot said before is put back as text", () => {
    const item = { kind: "assistant_text", id: "item_1", text: "Hello." } as const;
    expect(wire({ type: "add_item", eventId: "e", item })["item"]).toMatchObject({
      role: "assistant",
      content: [{ type: "text", text: "Hello." }],
    });
  });

  test("a connection is asked for by the beta header, and the key is in no URL", () => {
    expect(new BetaDialect().request("wss://host/v1/realtime", "m", "sk-1")).toEqual({
      url: "wss://host/v1/realtime?model=m",
      headers: { Authorization: "Bearer sk-1", "OpenAI-Beta": "realtime=v1" },
    });
  });

  test("speech is read without parsing, as in GA", () => {
    const dialect = new BetaDialect();
    const frame =
      '{"type":"response.audio.delta","event_id":"e","response_id":"r","item_id":"i","delta":"AQA="}';
    const event = dialect.decode(frame);
    expect(event).toMatchObject({ type: "audio", responseId: "r", itemId: "i" });
    expect(event?.type === "audio" && [...event.pcm]).toEqual([1]);
    expect(dialect.counters()["audio_fast"]).toBe(1);
    expect(dialect.decode(frame.replace("response.audio", "response.output_audio"))).toMatchObject({
      type: "audio",
    });
  });

  test("events of words and items mean the same under their own names", () => {
    const dialect = new BetaDialect();
    const decode = (event: Record<string, unknown>) => dialect.decode(JSON.stringify(event));
    const place = { response_id: "r", item_id: "i" };
    expect(decode({ type: "response.audio_transcript.delta", ...place, delta: "Hel" })).toMatchObject({
      type: "text_delta",
      delta: "Hel",
    });
    expect(decode({ type: "response.text.done", ...place, text: "Hello." })).toMatchObject({
      type: "text_done",
      text: "Hello.",
    });
    expect(decode({ type: "response.audio.done", ...place })).toMatchObject({ type: "audio_done" });
    const item = { id: "i", type: "message", role: "user" };
    expect(decode({ type: "conversation.item.created", item, previous_item_id: "h" })).toMatchObject({
      type: "item_added",
      itemId: "i",
      previousItemId: "h",
    });
  });
});

describe("a server that speaks beta only", () => {
  test("is recognised by its first word, called again in beta within the same attempt, and this is said once", async () => {
    const brain = await scriptBrain({
      dialect: "beta",
      answers: [{ say: "Looking.", calls: [{ name: "look", arguments: {} }] }, "A cat."],
    });
    try {
      await using bench = new SessionBench(() => ({ url: brain.url, dialect: "auto" }));
      bench.session.start();
      await bench.state("ready");
      bench.session.port.sendText("look around");
      await until(() => bench.tools.calls.length === 1, "The tool was not called");
      bench.tools.calls[0]?.finish({ output: "a cat" });
      await brain.waitFor("response.create", 2);
      await bench.event("response.finished", 2);
      bench.playback.play(60_000);
      await until(
        () => bench.events("assistant.transcript").some(({ text, final }) => final && text === "A cat."),
        "The answer was not heard",
      );
      const states = () => bench.events("session.state_changed").map(({ state }) => state);
      expect(states()).toEqual(["connecting", "ready"]);
      for (const session of brain.sessions) session.drop();
      await bench.event("session.state_changed", 5);
      await bench.state("ready");
      const said = bench.logged.filter((line) => line.includes("speaks the beta dialect"));
      expect(said).toHaveLength(1);
      const updates = brain.received.filter(({ type }) => type === "session.update");
      const shapes = updates.map(({ event }) => "type" in (event["session"] as object));
      expect(shapes.at(-1)).toBe(false);
    } finally {
      await brain.close();
    }
  });

  test("is recognised by its refusal of our settings where its first word says nothing", async () => {
    await using server = await RawServer.listen();
    await using bench = new SessionBench(() => ({ url: server.url, dialect: "auto" }));
    bench.session.start();
    const first = await server.accept();
    first.send({ type: "session.created", session: { id: "s" } });
    await first.next("session.update");
    const error = { type: "invalid_request_error", code: "unknown_parameter", param: "session.type" };
    first.send({ type: "error", error });
    const second = await server.accept();
    expect(second.headers["openai-beta"]).toBe("realtime=v1");
    await second.configure();
    await bench.state("ready");
  });

  test("is recognised by its refusal of a connection without the beta header", async () => {
    await using server = await RawServer.listen();
    server.refuseOnce(400, { error: { message: "You must provide the OpenAI-Beta header." } });
    await using bench = new SessionBench(() => ({ url: server.url, dialect: "auto" }));
    bench.session.start();
    const wire = await server.accept();
    expect(server.refused).toBe(1);
    expect(wire.headers["openai-beta"]).toBe("realtime=v1");
  });

  test("is not taken for one where a setting of ours alone is wrong", async () => {
    await using server = await RawServer.listen();
    await using bench = new SessionBench(() => ({ url: server.url, dialect: "auto" }));
    bench.session.start();
    const wire = await server.accept();
    wire.send({ type: "session.created", session: { type: "realtime", id: "s" } });
    await wire.next("session.update");
    const error = { type: "invalid_request_error", code: "invalid_value", param: "session.audio" };
    wire.send({ type: "error", error: { ...error, message: "no such voice" } });
    await bench.state("closed");
    expect(bench.events("session.state_changed").at(-1)?.message).toContain("no such voice");
    expect(server.connections).toHaveLength(1);
  });
});

describe("a server that no longer speaks beta", () => {
  test("is called in GA from then on, where the dialect is auto", async () => {
    await using server = await RawServer.listen();
    await using bench = new SessionBench(() => ({ url: server.url, dialect: "auto" }));
    bench.session.start();
    const ga = await server.accept();
    ga.send({ type: "session.created", session: { id: "s", modalities: ["text", "audio"] } });
    const beta = await server.accept();
    await beta.configure();
    await bench.state("ready");
    beta.drop();
    const refused = await server.accept();
    expect(refused.headers["openai-beta"]).toBe("realtime=v1");
    refused.send({
      type: "error",
      error: { type: "invalid_request_error", code: "beta_api_shape_disabled" },
    });
    refused.close(4000, "invalid_request_error.beta_api_shape_disabled");
    const again = await server.accept();
    expect(again.headers["openai-beta"]).toBeUndefined();
    await again.configure();
    await bench.state("ready");
  });

  test("is the end where beta was asked for: nothing is tried behind the user's back", async () => {
    const brain = await scriptBrain();
    try {
      await using bench = new SessionBench(() => ({ url: brain.url, dialect: "beta" }));
      bench.session.start();
      await bench.state("closed");
      const last = bench.events("session.state_changed").at(-1);
      expect(last?.message).toContain("beta_api_shape_disabled");
    } finally {
      await brain.close();
    }
  });
});

describe("a temperature", () => {
  test("is said to be ignored, once, where the server speaks GA", async () => {
    await using kit = await connected({ dialect: "ga", temperature: 0.7 });
    expect(JSON.stringify(kit.wire.frames[0])).not.toContain("temperature");
    kit.wire.drop();
    await (await kit.server.accept()).configure();
    await kit.bench.event("session.state_changed", 5);
    expect(kit.bench.logged.filter((line) => line.includes("temperature is ignored"))).toHaveLength(1);
  });
});

test("speech sent to a beta server arrives", async () => {
  await using kit = await connected({ dialect: "beta" });
  kit.bench.capture.frames(1, 500);
  expect(kit.wire.headers["openai-beta"]).toBe("realtime=v1");
  const append = await kit.wire.next("input_audio_buffer.append");
  expect(append["audio"]).toBe(tone(20, 500));
});

test.each(BETA_FILES)(
  "all that is true of the %s in GA is true in beta",
  async (name) => {
    const child = Bun.spawn({
      cmd: [process.execPath, "test", "--timeout", "60000", `./test/core/realtime-${name}.test.ts`],
      cwd: join(import.meta.dir, "../.."),
      env: { ...process.env, MYNA_TEST_DIALECT: "beta" },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    const failed = `${out}${err}`.split("\n").filter((line) => line.startsWith("(fail)"));
    expect({ failed, exitCode }).toEqual({ failed: [], exitCode: 0 });
    expect(Number(/(\d+) pass/.exec(err + out)?.[1])).toBeGreaterThan(0);
  },
  240_000,
);
