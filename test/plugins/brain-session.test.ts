import { afterEach, expect, test } from "bun:test";
import { type BrainScriptOptions, scriptBrain, VirtualClock } from "../kit/scripted-brain.ts";
import { RawClient, type ServerFrame } from "../kit/raw-client.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(options: BrainScriptOptions = {}): Promise<RawClient> {
  const brain = await scriptBrain(options);
  open.push(brain);
  const client = await RawClient.connect(`${brain.url}?model=test`);
  open.push(client);
  await client.until("session.created");
  return client;
}

function update(session: Record<string, unknown>): Record<string, unknown> {
  return { type: "session.update", session: { type: "realtime", ...session } };
}

function errorOf(event: ServerFrame): { code: string; param: unknown } {
  return event.error as { code: string; param: unknown };
}

async function effective(client: RawClient): Promise<Record<string, unknown>> {
  return (await client.ask(update({}), "session.updated")).session as Record<string, unknown>;
}

test("an update changes what it names and nothing else", async () => {
  const client = await start();
  const before = await effective(client);
  const tool = { type: "function", name: "look", description: "Looks.", parameters: { type: "object" } };
  await client.ask(update({ instructions: "Be brief.", tools: [tool] }), "session.updated");
  const vad = { type: "server_vad", silence_duration_ms: 700 };
  await client.ask(update({ audio: { input: { turn_detection: vad } } }), "session.updated");
  const audio = before.audio as { input: Record<string, unknown>; output: unknown };
  expect(await effective(client)).toEqual({
    ...before,
    instructions: "Be brief.",
    tools: [tool],
    audio: {
      ...audio,
      input: {
        ...audio.input,
        turn_detection: { ...(audio.input.turn_detection as object), silence_duration_ms: 700 },
      },
    },
  });
});

test("null and empty values clear a setting", async () => {
  const client = await start();
  const before = await effective(client);
  const input = { transcription: { model: "x" }, noise_reduction: { type: "near_field" } };
  await client.ask(update({ instructions: "x", audio: { input } }), "session.updated");
  const cleared = {
    instructions: "",
    tools: null,
    audio: { input: { transcription: null, noise_reduction: null } },
  };
  await client.ask(update(cleared), "session.updated");
  expect(await effective(client)).toEqual(before);
});

const refused: [string, Record<string, unknown>, string, string][] = [
  ["a flat beta field", { modalities: ["text"] }, "unknown_parameter", "session.modalities"],
  ["a temperature", { temperature: 0.8 }, "unknown_parameter", "session.temperature"],
  ["a flat voice", { voice: "rms" }, "unknown_parameter", "session.voice"],
  [
    "an unknown nested field",
    { audio: { input: { gain: 2 } } },
    "unknown_parameter",
    "session.audio.input.gain",
  ],
  [
    "another rate than 24 kHz",
    { audio: { input: { format: { type: "audio/pcm", rate: 16000 } } } },
    "invalid_value",
    "session.audio.input.format.rate",
  ],
  [
    "a threshold beyond one",
    { audio: { input: { turn_detection: { type: "server_vad", threshold: 2 } } } },
    "invalid_value",
    "session.audio.input.turn_detection.threshold",
  ],
  [
    "audio and text at once",
    { output_modalities: ["audio", "text"] },
    "invalid_value",
    "session.output_modalities",
  ],
  [
    "a tool without a name",
    { tools: [{ type: "function" }] },
    "missing_required_parameter",
    "session.tools.0.name",
  ],
  [
    "a turn detection without a type",
    { audio: { input: { turn_detection: { threshold: 0.3 } } } },
    "missing_required_parameter",
    "session.audio.input.turn_detection.type",
  ],
  ["a wrong type of session", { type: "transcription" }, "invalid_value", "session.type"],
  ["another model", { model: "other" }, "invalid_value", "session.model"],
];

test.each(refused)("an update with %s is refused whole", async (_what, fields, code, param) => {
  const client = await start();
  const before = await effective(client);
  const event = { ...update({ instructions: "must not be kept", ...fields }), event_id: "u1" };
  const error = errorOf(await client.ask(event, "error"));
  expect(error).toMatchObject({ code, param, event_id: "u1" });
  expect(await effective(client)).toEqual(before);
});

test("a client that named no model in its URL may name one in its update", async () => {
  const brain = await scriptBrain();
  open.push(brain);
  const client = await RawClient.connect(brain.url);
  open.push(client);
  const updated = await client.ask(update({ model: "any-model" }), "session.updated");
  expect(updated.session).toMatchObject({ model: "any-model" });
});

test("an update without a type is refused", async () => {
  const client = await start();
  const error = errorOf(await client.ask({ type: "session.update", session: {} }, "error"));
  expect(error).toMatchObject({ code: "missing_required_parameter", param: "session.type" });
});

test("the voice is settled once the session has spoken", async () => {
  const client = await start();
  const voice = (name: string) => update({ instructions: name, audio: { output: { voice: name } } });
  await client.ask(voice("first"), "session.updated");
  await client.ask({ type: "response.create" }, "response.done");
  const error = errorOf(await client.ask(voice("second"), "error"));
  expect(error).toMatchObject({ code: "cannot_update_voice", param: "session.audio.output.voice" });
  expect((await effective(client)).instructions).toBe("first");
  await client.ask(voice("first"), "session.updated");
});

test("semantic VAD and push-to-talk are accepted as turn detection", async () => {
  const client = await start();
  const turn = (turn_detection: unknown) => update({ audio: { input: { turn_detection } } });
  const semantic = await client.ask(turn({ type: "semantic_vad", eagerness: "high" }), "session.updated");
  expect(semantic.session).toMatchObject({
    audio: {
      input: { turn_detection: { type: "semantic_vad", eagerness: "high", create_response: true } },
    },
  });
  const none = await client.ask(turn(null), "session.updated");
  expect(none.session).toMatchObject({ audio: { input: { turn_detection: null } } });
});

test("tools and instructions of a response hold for that response only", async () => {
  const seen: { tools: string[]; instructions: string }[] = [];
  const client = await start({
    answers: (_conversation, { tools, instructions }) => {
      seen.push({ tools: tools.map((tool) => tool.name), instructions });
      return "Yes.";
    },
  });
  const tools = [
    { type: "function", name: "look" },
    { type: "function", name: "move" },
  ];
  await client.ask(update({ instructions: "all", tools }), "session.updated");
  const overrides = [
    { instructions: "once", tools: [{ type: "function", name: "jump" }] },
    { tool_choice: "none" },
    { tool_choice: { type: "function", name: "move" } },
    {},
  ];
  for (const response of overrides) await client.ask({ type: "response.create", response }, "response.done");
  expect(seen).toEqual([
    { instructions: "once", tools: ["jump"] },
    { instructions: "all", tools: [] },
    { instructions: "all", tools: ["move"] },
    { instructions: "all", tools: ["look", "move"] },
  ]);
});

test("a session ends with session_expired and close 1001 when its time is over", async () => {
  const clock = new VirtualClock();
  const client = await start({ clock, sessionCapMs: 60 * 60_000 });
  const session = client.events[0]?.session as { expires_at: number };
  expect(session.expires_at).toBe(clock.nowMs() / 1000 + 3600);
  await clock.advance(59 * 60_000);
  await client.settled();
  await clock.advance(60_000);
  expect(errorOf(await client.until("error")).code).toBe("session_expired");
  expect(await client.closed).toEqual({
    code: 1001,
    reason: "Your session hit the maximum duration of 60 minutes.",
  });
});

test("clients are let in by header or by subprotocol, and compression is not agreed on", async () => {
  const brain = await scriptBrain({ apiKey: "sk-1" });
  open.push(brain);
  const header = await RawClient.connect(brain.url, {
    headers: { Authorization: "Bearer sk-1" },
    deflate: true,
  });
  const protocols = ["realtime", "openai-insecure-api-key.sk-1"];
  const browser = await RawClient.connect(brain.url, { protocols });
  open.push(header, browser);
  expect((await header.until("session.created")).type).toBe("session.created");
  expect(browser.protocol).toBe("realtime");
  expect((await browser.until("session.created")).type).toBe("session.created");
});

const doors: [
  string,
  BrainScriptOptions,
  { protocols?: string[]; headers?: Record<string, string> },
  string,
  number,
][] = [
  ["the beta header", {}, { headers: { "OpenAI-Beta": "realtime=v1" } }, "beta_api_shape_disabled", 4000],
  [
    "the beta subprotocol",
    {},
    { protocols: ["realtime", "openai-beta.realtime-v1"] },
    "beta_api_shape_disabled",
    4000,
  ],
  [
    "a wrong key",
    { apiKey: "right" },
    { headers: { Authorization: "Bearer wrong" } },
    "invalid_api_key",
    3000,
  ],
  ["no model where one is needed", { modelRequired: true }, {}, "missing_model", 4000],
];

test.each(doors)(
  "a client with %s is told so and closed",
  async (_what, options, connect, code, closeCode) => {
    const brain = await scriptBrain(options);
    open.push(brain);
    const client = await RawClient.connect(brain.url, connect);
    expect(errorOf(await client.until("error")).code).toBe(code);
    expect(await client.closed).toEqual({ code: closeCode, reason: `invalid_request_error.${code}` });
  },
);
