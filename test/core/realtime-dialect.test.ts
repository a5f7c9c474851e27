import { describe, expect, test } from "bun:test";
import { sessionConfig } from "../../core/realtime/config.ts";
import { BetaDialect } from "../../core/realtime/dialect-beta.ts";
import { GaDialect } from "../../core/realtime/dialect-ga.ts";
import type { ServerEvent } from "../../core/realtime/events.ts";

/** Numbers from a seed, 0 to 1: a failure can be repeated. */
function random(seed: number): () => number {
  return () => {
    seed = (seed * 1664525 + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

interface Heard {
  responseId: string;
  itemId: string;
  pcm: number[];
}

function heard(event: ServerEvent | null): Heard | null {
  if (event?.type !== "audio") return null;
  return { responseId: event.responseId, itemId: event.itemId, pcm: [...event.pcm] };
}

/** What `JSON.parse` and a plain decoder make of a frame. */
function reference(frame: string): Heard | null {
  const event = JSON.parse(frame) as Record<string, unknown>;
  const { type, delta, item_id, response_id } = event;
  if (type !== "response.output_audio.delta" || typeof delta !== "string" || typeof item_id !== "string")
    return null;
  if (item_id === "" || delta.length % 4 !== 0) return null;
  const bytes = Buffer.from(delta, "base64");
  const padding = /=*$/.exec(delta)?.[0].length ?? 0;
  if (bytes.length !== (delta.length / 4) * 3 - padding || bytes.length % 2 !== 0) return null;
  const samples = new Int16Array(new Uint8Array(bytes).buffer);
  return {
    responseId: typeof response_id === "string" ? response_id : "",
    itemId: item_id,
    pcm: [...samples],
  };
}

function audioFrame(pick: () => number): string {
  const samples = Int16Array.from({ length: Math.floor(pick() * 60) }, () => pick() * 65535 - 32768);
  const bytes = Buffer.from(samples.buffer).subarray(
    0,
    pick() < 0.1 ? Math.max(0, samples.length * 2 - 1) : undefined,
  );
  const id = (prefix: string) => (pick() < 0.1 ? `${prefix}"\\é\n` : `${prefix}_${Math.floor(pick() * 3)}`);
  const fields: [string, unknown][] = [
    ["type", "response.output_audio.delta"],
    ["event_id", id("event")],
    ["response_id", id("resp")],
    ["item_id", id("item")],
    ["output_index", Math.floor(pick() * 3)],
    ["content_index", 0],
    ["delta", bytes.toString("base64")],
  ];
  if (pick() < 0.2) fields.sort(() => pick() - 0.5);
  if (pick() < 0.1) fields.splice(Math.floor(pick() * fields.length), 1);
  if (pick() < 0.1) fields.push(["obfuscation", 'x"delta":"AAAA"']);
  if (pick() < 0.05) fields.push(["delta", pick() < 0.5 ? "????" : 7]);
  if (pick() < 0.05) fields.push(["nested", { delta: "AAAA", item_id: "other" }]);
  const gap = pick() < 0.1 ? " " : "";
  const body = fields.map(([key, value]) => `"${key}":${gap}${JSON.stringify(value)}`).join(`,${gap}`);
  return pick() < 0.05 ? `{${body.replaceAll("/", "\\/")}}` : `{${body}}`;
}

describe("audio deltas", () => {
  test("are what JSON.parse and a base64 decoder make of them, on 30,000 frames of all shapes", () => {
    const pick = random(20261121);
    const dialect = new GaDialect();
    for (let i = 0; i < 30_000; i++) {
      const frame = audioFrame(pick);
      expect({ frame, heard: heard(dialect.decode(frame)) }).toEqual({ frame, heard: reference(frame) });
    }
    expect(dialect.counters()["audio_fast"]).toBeGreaterThan(10_000);
    expect(dialect.counters()["audio_parsed"]).toBeGreaterThan(1000);
    expect(dialect.counters()["bad_audio"]).toBeGreaterThan(500);
  });

  test("that were damaged on the way never throw and never bring samples that are not theirs", () => {
    const pick = random(7);
    const dialect = new GaDialect();
    for (let i = 0; i < 20_000; i++) {
      const frame = audioFrame(pick);
      const at = Math.floor(pick() * frame.length);
      const damaged =
        pick() < 0.5
          ? frame.slice(0, at)
          : frame.slice(0, at) + String.fromCharCode(32 + Math.floor(pick() * 95)) + frame.slice(at + 1);
      const result = heard(dialect.decode(damaged));
      let expected: Heard | null;
      try {
        expected = reference(damaged);
      } catch {
        // Not JSON: ignored, or what it was before the damage, where that left ids and samples alone.
        expected = result === null ? null : reference(frame);
      }
      expect({ damaged, result }).toEqual({ damaged, result: expected });
    }
  });

  test("of two items that take turns keep their own ids", () => {
    const dialect = new GaDialect();
    const frame = (item: string, gap: string) =>
      `{"type":"response.output_audio.delta",${gap}"event_id":"e","response_id":"r","item_id":"${item}","delta":"AQA="}`;
    const items = ["a", "b", "a", "a", "b"].map(
      (item, i) => heard(dialect.decode(frame(item, i % 2 ? " " : "")))?.itemId,
    );
    expect(items).toEqual(["a", "b", "a", "a", "b"]);
  });

  test("that end in the middle of their last key are no events", () => {
    const dialect = new GaDialect();
    const head =
      '{"type":"response.output_audio.delta","event_id":"e","response_id":"r","item_id":"i","delta":"';
    expect(heard(dialect.decode(head + 'AQA="}'))?.pcm).toEqual([1]);
    expect(heard(dialect.decode(head + '"}'))?.pcm).toEqual([]);
    expect(dialect.decode(head + "}")).toBeNull();
  });

  test("larger than any before are taken whole", () => {
    const pcm = new Int16Array(200_000).map((_, i) => i);
    const delta = Buffer.from(pcm.buffer).toString("base64");
    const frame = JSON.stringify({
      type: "response.output_audio.delta",
      event_id: "e",
      response_id: "r",
      item_id: "i",
      output_index: 0,
      content_index: 0,
      delta,
    });
    const event = new GaDialect().decode(frame);
    expect(
      event?.type === "audio" &&
        Buffer.from(event.pcm.buffer, 0, pcm.byteLength).equals(Buffer.from(pcm.buffer)),
    ).toBe(true);
  });
});

describe.each([GaDialect, BetaDialect])("events of the server in %p", (ServerDialect) => {
  test("of unknown types and with missing fields are ignored and counted (C12)", () => {
    const dialect = new ServerDialect();
    const frames = [
      "",
      "null",
      "[]",
      "7",
      '"text"',
      "{}",
      '{"type":7}',
      '{"type":"nobody.knows","x":{"y":[1]}}',
      '{"type":"response.created"}',
      '{"type":"response.created","response":"r"}',
      '{"type":"response.done","response":{"id":9}}',
      '{"type":"response.output_audio.delta","response_id":"r","item_id":"i"}',
      '{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":{}}',
      '{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AQ=="}',
      '{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"ü!!!"}',
      '{"type":"conversation.item.added","item":null}',
      '{"type":"conversation.item.input_audio_transcription.completed"}',
      `{"type":"deep","x":${"[".repeat(5000)}${"]".repeat(5000)}}`,
    ];
    expect(frames.map((frame) => dialect.decode(frame))).toEqual(frames.map(() => null));
    const { bad_json, bad_audio, incomplete_events, ignored_events } = dialect.counters();
    expect({ bad_json, bad_audio, incomplete_events, ignored_events }).toEqual({
      bad_json: 7,
      bad_audio: 2,
      incomplete_events: 7,
      ignored_events: 2,
    });
  });

  test("are understood with null usage, with details that are a text, and without event_id (C12)", () => {
    const dialect = new ServerDialect();
    const done = (response: Record<string, unknown>) =>
      dialect.decode(JSON.stringify({ type: "response.done", response: { id: "r", ...response } }));
    expect(done({ status: "cancelled", status_details: "turn_detected", usage: null, output: null })).toEqual(
      {
        type: "response_done",
        responseId: "r",
        clientEventId: undefined,
        status: "cancelled",
        fault: undefined,
        calls: [],
        usage: undefined,
      },
    );
    expect(done({ status: "melted" })).toMatchObject({ status: "incomplete" });
    expect(
      done({ status: "failed", status_details: { error: { code: "server_error", message: "m" } } }),
    ).toMatchObject({
      fault: { code: "server_error", message: "m" },
    });
    expect(dialect.decode('{"type":"error"}')).toMatchObject({ fault: { code: "", eventId: undefined } });
    expect(
      dialect.decode('{"type":"error","error":{"code":null,"message":"m","event_id":null}}'),
    ).toMatchObject({
      fault: { code: "", message: "m", eventId: undefined },
    });
  });
});

describe("events of the client", () => {
  const dialect = new GaDialect();
  const encode = (event: Parameters<GaDialect["encode"]>[0]) => JSON.parse(dialect.encode(event)) as unknown;

  test("configure the session as the GA reference has it, without model and temperature", () => {
    const config = sessionConfig.parse({ instructions: "Be kind.", language: "de", max_output_tokens: 200 });
    const tools = [{ name: "look", description: "Looks.", parameters: { type: "object" } }];
    expect(encode({ type: "configure", eventId: "e1", config, tools })).toEqual({
      type: "session.update",
      event_id: "e1",
      session: {
        type: "realtime",
        output_modalities: ["audio"],
        instructions: "Be kind.",
        tools: [{ type: "function", name: "look", description: "Looks.", parameters: { type: "object" } }],
        tool_choice: "auto",
        max_output_tokens: 200,
        audio: {
          input: {
            format: { type: "audio/pcm", rate: 24000 },
            transcription: { model: "gpt-live-transcribe", language: "de" },
            turn_detection: {
              type: "server_vad",
              prefix_padding_ms: 300,
              silence_duration_ms: 500,
              create_response: true,
              interrupt_response: true,
            },
          },
          output: { format: { type: "audio/pcm", rate: 24000 }, voice: "marin" },
        },
      },
    });
  });

  test("leave out what the turn detection does not know", () => {
    const turn = (turn_detection: Record<string, unknown>, rest: Record<string, unknown> = {}) => {
      const config = sessionConfig.parse({ turn_detection, transcription_model: "", ...rest });
      const sent = encode({ type: "configure", eventId: "e", config, tools: [] }) as {
        session: { audio: { input: Record<string, unknown> } };
      };
      return sent.session.audio.input;
    };
    expect(turn({ type: "none" })).toMatchObject({ turn_detection: null, transcription: null });
    expect(turn({ type: "semantic_vad", eagerness: "low" })["turn_detection"]).toEqual({
      type: "semantic_vad",
      eagerness: "low",
      create_response: true,
      interrupt_response: true,
    });
    expect(turn({ type: "server_vad", threshold: 0.7 }, { barge_in: false })["turn_detection"]).toMatchObject(
      {
        threshold: 0.7,
        interrupt_response: false,
      },
    );
  });

  test("ask the server not to interrupt by itself where the robot decides later, and the profile has the last word", () => {
    const interrupts = (config: Record<string, unknown>) => {
      const configure = { type: "configure", eventId: "e", config: sessionConfig.parse(config), tools: [] };
      const sent = encode(configure as Parameters<typeof encode>[0]) as {
        session: { audio: { input: { turn_detection: { interrupt_response: boolean } } } };
      };
      return sent.session.audio.input.turn_detection.interrupt_response;
    };
    for (const type of ["server_vad", "semantic_vad"]) {
      expect(interrupts({ turn_detection: { type } })).toBe(true);
      for (const interruption of [{ mode: "duck" }, { min_speech_ms: 200 }, { warm_up_ms: 500 }]) {
        expect(interrupts({ turn_detection: { type }, interruption })).toBe(false);
        const turn_detection = { type, interrupt_response: true };
        expect(interrupts({ turn_detection, interruption })).toBe(true);
      }
    }
  });

  test("carry samples as base64 that comes back the same", () => {
    for (const length of [480, 480, 1, 0, 481]) {
      const pcm = new Int16Array(length + 3).map((_, i) => i * 77 - 20_000).subarray(3);
      const event = JSON.parse(dialect.append(pcm)) as { type: string; audio: string };
      expect(event.type).toBe("input_audio_buffer.append");
      expect([...new Int16Array(new Uint8Array(Buffer.from(event.audio, "base64")).buffer)]).toEqual([
        ...pcm,
      ]);
    }
    const same = new Int16Array(480);
    const first = dialect.append(same);
    same.fill(9);
    expect(dialect.append(same)).not.toBe(first);
  });

  test("carry pictures as data URIs and results as text", () => {
    const jpegs = [new Uint8Array([0xff, 0xd8])];
    expect(
      encode({
        type: "add_item",
        eventId: "e",
        item: { kind: "user_images", id: "i", jpegs, caption: "a cat" },
      }),
    ).toEqual({
      type: "conversation.item.create",
      event_id: "e",
      item: {
        id: "i",
        type: "message",
        role: "user",
        content: [
          { type: "input_image", image_url: "data:image/jpeg;base64,/9g=" },
          { type: "input_text", text: "a cat" },
        ],
      },
    });
    expect(
      encode({
        type: "add_item",
        eventId: "e",
        item: { kind: "tool_output", id: "i", callId: "c", output: "ok" },
      }),
    ).toMatchObject({
      item: { type: "function_call_output", call_id: "c", output: "ok" },
    });
  });

  test("go to the server with its model in the URL and the key in a header, and without a beta header", () => {
    expect(dialect.request("wss://host/v1/realtime?x=1", "gpt realtime", "sk-1")).toEqual({
      url: "wss://host/v1/realtime?x=1&model=gpt+realtime",
      headers: { Authorization: "Bearer sk-1" },
    });
    expect(dialect.request("ws://host", "m", undefined).headers).toEqual({});
  });
});

describe("the [session] table", () => {
  const problem = (table: Record<string, unknown>) => sessionConfig.safeParse(table).error?.issues[0];

  test("has defaults that talk to OpenAI", () => {
    const config = sessionConfig.parse(undefined);
    expect(config).toMatchObject({
      url: "wss://api.openai.com/v1/realtime",
      model: "gpt-realtime-2.1",
      voice: "marin",
      transcription_model: "gpt-live-transcribe",
      barge_in: true,
      reconnect: { initial_ms: 1000, factor: 2, max_ms: 30_000, attempts: 0 },
    });
    expect(config.service).toBeUndefined();
  });

  test("takes a URL or a service, not both, and an overlay may take the service back", () => {
    expect(problem({ url: "ws://h/", service: "brain" })?.path).toEqual(["service"]);
    expect(sessionConfig.parse({ url: "ws://h/", service: "" }).service).toBeUndefined();
    expect(sessionConfig.parse({ service: "brain" }).service).toBe("brain");
  });

  test("refuses other protocols, unknown keys and wrong types by name", () => {
    expect(problem({ url: "https://h/" })?.message).toContain("ws:// or wss://");
    expect(problem({ api_key: "x" })).toMatchObject({ code: "unrecognized_keys", keys: ["api_key"] });
    expect(problem({ turn_detection: { type: "loud" } })?.path).toEqual(["turn_detection", "type"]);
    expect(problem({ reconnect: { factor: 0.5 } })?.path).toEqual(["reconnect", "factor"]);
  });
});
