import { afterEach, describe, expect, test } from "bun:test";
import { RawClient, type ServerFrame } from "../kit/raw-client.ts";
import {
  type BrainScriptOptions,
  scriptBrain,
  type ScriptedBrain,
  ToneVoice,
} from "../kit/scripted-brain.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const BETA = { headers: { "OpenAI-Beta": "realtime=v1" } };

async function start(options: BrainScriptOptions, connect = {}): Promise<[RawClient, ScriptedBrain]> {
  const brain = await scriptBrain(options);
  open.push(brain);
  const client = await RawClient.connect(`${brain.url}?model=test`, connect);
  open.push(client);
  return [client, brain];
}

function errorOf(event: ServerFrame): { code: string; param: unknown; event_id: unknown } {
  return event.error as { code: string; param: unknown; event_id: unknown };
}

/** The names of the beta dialect, written down once more: reference §1.2 and §9. */
const RENAMED: Record<string, string> = {
  "conversation.item.added": "conversation.item.created",
  "response.output_text.delta": "response.text.delta",
  "response.output_text.done": "response.text.done",
  "response.output_audio.delta": "response.audio.delta",
  "response.output_audio.done": "response.audio.done",
  "response.output_audio_transcript.delta": "response.audio_transcript.delta",
  "response.output_audio_transcript.done": "response.audio_transcript.done",
};

const TOOL = { type: "function", name: "look", description: "Looks.", parameters: { type: "object" } };
const SESSIONS = {
  ga: {
    type: "realtime",
    instructions: "Be brief.",
    tools: [TOOL],
    max_output_tokens: 500,
    audio: {
      input: { transcription: { model: "m" }, turn_detection: null },
      output: { voice: "tone" },
    },
  },
  beta: {
    modalities: ["text", "audio"],
    instructions: "Be brief.",
    tools: [TOOL],
    max_response_output_tokens: 500,
    voice: "tone",
    input_audio_format: "pcm16",
    output_audio_format: "pcm16",
    input_audio_transcription: { model: "m" },
    turn_detection: null,
    temperature: 0.7,
  },
};

/** A spoken turn with a call, its result, and an answer: everything that the server sent. */
async function conversation(dialect: "ga" | "beta"): Promise<ServerFrame[]> {
  const [client] = await start(
    {
      dialect: "both",
      hears: ["look around"],
      answers: [{ say: "Looking.", calls: [{ name: "look", arguments: {} }] }, "A cat."],
    },
    dialect === "beta" ? BETA : {},
  );
  await client.ask({ type: "session.update", session: SESSIONS[dialect] }, "session.updated");
  client.append(await new ToneVoice().synthesize("look around"));
  await client.ask({ type: "input_audio_buffer.commit" }, "input_audio_buffer.committed");
  await client.until("conversation.item.input_audio_transcription.completed");
  const first = await client.ask({ type: "response.create" }, "response.done");
  const [, call] = (first.response as { output: { call_id: string }[] }).output;
  const item = { type: "function_call_output", call_id: call?.call_id, output: "a cat" };
  client.send({ type: "conversation.item.create", item });
  await client.ask({ type: "response.create" }, "response.done");
  return client.events;
}

describe("the same conversation in the beta dialect", () => {
  test("has the same events in the same order, under beta's names and without item.done", async () => {
    const [ga, beta] = [await conversation("ga"), await conversation("beta")];
    const expected = ga
      .filter(({ type }) => type !== "conversation.item.done")
      .map(({ type }) => RENAMED[type] ?? type);
    expect(beta.map(({ type }) => type)).toEqual(expected);
    expect(expected).toContain("response.audio.delta");
    expect(expected).toContain("response.function_call_arguments.done");
  });

  test("carries the same words and sound", async () => {
    const [ga, beta] = [await conversation("ga"), await conversation("beta")];
    const deltas = (events: ServerFrame[], type: string) =>
      events.filter((event) => event.type === type).map((event) => event.delta);
    expect(deltas(beta, "response.audio.delta")).toEqual(deltas(ga, "response.output_audio.delta"));
    expect(deltas(beta, "response.audio_transcript.delta").join("")).toBe("Looking.A cat.");
  });

  test("shows sessions, responses and items in beta's flat shape", async () => {
    const events = await conversation("beta");
    const of = (type: string) => events.filter((event) => event.type === type);
    expect(of("session.updated")[0]?.session).toMatchObject(SESSIONS.beta);
    expect(of("session.created")[0]?.session).not.toHaveProperty("audio");
    expect(of("session.created")[0]?.session).toMatchObject({ temperature: 0.8 });
    const response = of("response.done")[0]?.response;
    expect(response).toMatchObject({ modalities: ["text", "audio"], voice: "tone", temperature: 0.7 });
    expect(response).not.toHaveProperty("audio");
    const [message] = of("response.output_item.done");
    expect(message?.item).toMatchObject({ content: [{ type: "audio", transcript: "Looking." }] });
    expect(of("response.content_part.done")[0]?.part).toMatchObject({ type: "audio" });
    expect(of("response.function_call_arguments.done")[0]).not.toHaveProperty("name");
  });
});

describe("in the beta dialect", () => {
  test("the shape of GA is refused, with the event's id, and nothing has changed", async () => {
    const [client] = await start({ dialect: "beta" });
    for (const [session, param] of [
      [{ type: "realtime" }, "session.type"],
      [{ audio: {} }, "session.audio"],
      [{ instructions: "x", output_modalities: ["audio"] }, "session.output_modalities"],
    ] as const) {
      const error = await client.ask({ type: "session.update", event_id: "e1", session }, "error");
      expect(errorOf(error)).toMatchObject({ code: "unknown_parameter", param, event_id: "e1" });
    }
    const updated = await client.ask({ type: "session.update", session: {} }, "session.updated");
    expect(updated.session).toMatchObject({ instructions: "" });
  });

  test("errors name settings as beta does", async () => {
    const [client] = await start({ dialect: "beta" });
    const refused = (session: Record<string, unknown>) =>
      client.ask({ type: "session.update", session }, "error").then(errorOf);
    expect(await refused({ temperature: 2 })).toMatchObject({ param: "session.temperature" });
    expect(await refused({ speed: 9 })).toMatchObject({ param: "session.speed" });
    expect(await refused({ turn_detection: { type: "server_vad", threshold: 7 } })).toMatchObject({
      param: "session.turn_detection.threshold",
    });
    const item = { type: "message", role: "assistant", content: [{ type: "output_text", text: "x" }] };
    const error = await client.ask({ type: "conversation.item.create", item }, "error");
    expect(errorOf(error).code).toBe("invalid_value");
  });

  test("what the assistant said is put back as text, and a text answer comes as text", async () => {
    const [client, brain] = await start({ dialect: "beta", answers: ["Hi."] });
    const item = { type: "message", role: "assistant", content: [{ type: "text", text: "Before." }] };
    const created = await client.ask({ type: "conversation.item.create", item }, "conversation.item.created");
    expect(created.item).toMatchObject({ content: [{ type: "text", text: "Before." }] });
    const response = { modalities: ["text"], metadata: { a: "b" } };
    const done = await client.ask({ type: "response.create", response }, "response.done");
    expect(done.response).toMatchObject({ modalities: ["text"], metadata: { a: "b" } });
    expect(client.all("response.text.done")).toMatchObject([{ text: "Hi." }]);
    expect(brain.asked[0]).toEqual([{ kind: "assistant", text: "Before." }]);
  });

  test("faults strike at the events' GA names", async () => {
    const fault = { at: "before:response.output_audio.delta", do: { kind: "drop" } } as const;
    const [client] = await start({ dialect: "beta", faults: [fault] });
    client.send({ type: "response.create" });
    expect((await client.closed).code).toBe(1006);
    expect(client.all("response.audio.delta")).toEqual([]);
  });
});

describe("a brain of both dialects", () => {
  test("goes by the header or the subprotocol, and is GA without", async () => {
    const [plain, brain] = await start({ dialect: "both" });
    const header = await RawClient.connect(brain.url, BETA);
    const browser = await RawClient.connect(brain.url, {
      protocols: ["realtime", "openai-beta.realtime-v1"],
    });
    open.push(header, browser);
    expect((await plain.until("session.created")).session).toHaveProperty("audio");
    expect((await header.until("session.created")).session).toHaveProperty("modalities");
    expect((await browser.until("session.created")).session).toHaveProperty("modalities");
  });

  test("one that speaks GA alone turns beta clients away as OpenAI does", async () => {
    const [client] = await start({}, BETA);
    expect(errorOf(await client.until("error")).code).toBe("beta_api_shape_disabled");
    expect((await client.closed).code).toBe(4000);
  });
});

describe("ephemeral tokens", () => {
  const mint = (url: string, path: string, key: string, body: unknown = {}) =>
    fetch(`${url.replace(/^ws/, "http")}/${path}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });

  test("are minted for the key and let a client in", async () => {
    const brain = await scriptBrain({ apiKey: "sk-right", dialect: "both" });
    open.push(brain);
    const ga = (await (await mint(brain.url, "client_secrets", "sk-right")).json()) as { value: string };
    const beta = (await (await mint(brain.url, "sessions", "sk-right")).json()) as {
      client_secret: { value: string };
    };
    for (const token of [ga.value, beta.client_secret.value]) {
      expect(token).toStartWith("ek_");
      const client = await RawClient.connect(brain.url, { headers: { "api-key": token } });
      open.push(client);
      expect((await client.until("session.created")).type).toBe("session.created");
    }
  });

  test("are not minted for a wrong key or a life out of bounds", async () => {
    const brain = await scriptBrain({ apiKey: "sk-right" });
    open.push(brain);
    expect((await mint(brain.url, "client_secrets", "sk-wrong")).status).toBe(401);
    const body = { expires_after: { anchor: "created_at", seconds: 5 } };
    expect((await mint(brain.url, "client_secrets", "sk-right", body)).status).toBe(400);
  });
});
