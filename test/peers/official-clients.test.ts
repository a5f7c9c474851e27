import { afterEach, describe, expect, test } from "bun:test";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { OpenAIRealtimeWebSocket } from "openai/realtime/websocket";
import { RealtimeAgent, RealtimeSession, tool } from "@openai/agents-realtime";
import { z } from "zod";
import { until } from "../kit/raw-server.ts";
import { scriptBrain, ToneVoice } from "../kit/scripted-brain.ts";
import type { BrainScriptOptions, ScriptedBrain } from "../kit/scripted-brain.ts";
import { TlsFront } from "./tls-front.ts";

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const MODEL = "gpt-realtime-2.1";
const KEY = "sk-test-of-the-peers";
const QUESTION = await new ToneVoice().synthesize("what is there");
const LOOK = {
  type: "function",
  name: "look",
  description: "Looks.",
  parameters: { type: "object", properties: {} },
} as const;

async function brainOf(options: BrainScriptOptions): Promise<ScriptedBrain> {
  const brain = await scriptBrain({ apiKey: KEY, modelRequired: true, silenceMs: 200, ...options });
  open.push(() => brain.close());
  return brain;
}

/** 100 ms pieces of base64, and half a second of silence behind them. */
function pieces(pcm: Int16Array): string[] {
  const all = new Int16Array(pcm.length + 12_000);
  all.set(pcm);
  return Array.from({ length: Math.ceil(all.length / 2400) }, (_, i) =>
    Buffer.from(all.slice(i * 2400, (i + 1) * 2400).buffer).toString("base64"),
  );
}

type OpenAiClient = OpenAIRealtimeWS | OpenAIRealtimeWebSocket;
type OpenAiEvent = Parameters<Parameters<OpenAIRealtimeWS["on"]>[1]>[0] & { type: string };

/** One of OpenAI's two clients behind TLS, connected; `seen` holds every event, `faults` what it objected to. */
class OpenAiBench {
  readonly seen: OpenAiEvent[] = [];
  readonly faults: string[] = [];

  constructor(readonly client: OpenAiClient) {
    client.on("event", (event) => this.seen.push(event as OpenAiEvent));
    client.on("error", (error) => this.faults.push(error.message));
    open.push(async () => client.close());
  }

  all(type: string): OpenAiEvent[] {
    return this.seen.filter((event) => event.type === type);
  }

  async next(type: string, nth = 1): Promise<OpenAiEvent> {
    await until(
      () => this.all(type).length >= nth,
      () =>
        `no ${type} (${nth}): ${this.seen.map((event) => event.type).join(", ")}; ${this.faults.join("; ")}`,
    );
    return this.all(type)[nth - 1] as OpenAiEvent;
  }
}

const OPENAI_CLIENTS: Record<string, (baseURL: string, cert: string) => OpenAiClient> = {
  "openai over ws": (baseURL, ca) =>
    new OpenAIRealtimeWS({ model: MODEL, options: { ca } }, { apiKey: KEY, baseURL }),
  "openai over the built-in WebSocket": (baseURL, ca) => {
    // It hands its WebSocket no TLS settings: for this one construction the global one trusts our certificate.
    const Native = globalThis.WebSocket;
    class Trusting extends Native {
      constructor(url: string | URL, protocols: string | string[] = []) {
        super(url, { protocols, tls: { ca } } as unknown as string[]);
      }
    }
    globalThis.WebSocket = Trusting as typeof WebSocket;
    try {
      return new OpenAIRealtimeWebSocket({ model: MODEL }, { apiKey: KEY, baseURL } as never);
    } finally {
      globalThis.WebSocket = Native;
    }
  },
};

for (const [name, create] of Object.entries(OPENAI_CLIENTS)) {
  describe(`${name} at brain-local`, () => {
    async function connect(
      options: BrainScriptOptions,
    ): Promise<{ brain: ScriptedBrain; bench: OpenAiBench }> {
      const brain = await brainOf(options);
      const front = await TlsFront.listen(brain.port);
      open.push(() => front[Symbol.asyncDispose]());
      const bench = new OpenAiBench(create(front.baseUrl, front.cert));
      await bench.next("session.created");
      return { brain, bench };
    }

    test("a text turn", async () => {
      const { bench } = await connect({ answers: ["Hello there."] });
      const { client } = bench;
      client.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
      client.send({
        type: "conversation.item.create",
        item: { type: "message", role: "user", content: [{ type: "input_text", text: "hello" }] },
      });
      client.send({ type: "response.create", response: { metadata: { turn: "one" } } });
      const done = await bench.next("response.done");
      expect(done).toMatchObject({ response: { status: "completed", metadata: { turn: "one" } } });
      const words = bench
        .all("response.output_text.delta")
        .map((event) => (event as { delta?: string }).delta);
      expect(words.join("")).toBe("Hello there.");
      expect(bench.faults).toEqual([]);
    });

    test("an audio turn by voice activity", async () => {
      const { bench } = await connect({ hears: ["what is there"], answers: ["A wall."] });
      for (const audio of pieces(QUESTION)) bench.client.send({ type: "input_audio_buffer.append", audio });
      const done = await bench.next("response.done");
      expect(done).toMatchObject({ response: { status: "completed" } });
      const started = await bench.next("input_audio_buffer.speech_started");
      expect(await bench.next("input_audio_buffer.committed")).toMatchObject({
        item_id: (started as { item_id?: string }).item_id,
      });
      const bytes = bench
        .all("response.output_audio.delta")
        .reduce((sum, event) => sum + Buffer.from((event as { delta: string }).delta, "base64").length, 0);
      expect(bytes).toBe("A wall.".length * 1440 * 2);
      expect(bench.faults).toEqual([]);
    });

    test("a tool call and its result", async () => {
      const { brain, bench } = await connect({
        answers: [{ calls: [{ name: "look", arguments: {} }] }, "There is a cat."],
      });
      const { client } = bench;
      client.send({ type: "session.update", session: { type: "realtime", tools: [LOOK] } });
      client.send({ type: "response.create" });
      const call = await bench.next("response.function_call_arguments.done");
      expect(call).toMatchObject({ name: "look", arguments: "{}" });
      await bench.next("response.done");
      const call_id = (call as { call_id: string }).call_id;
      client.send({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id, output: "cat" },
      });
      client.send({ type: "response.create" });
      expect(await bench.next("response.done", 2)).toMatchObject({ response: { status: "completed" } });
      expect(await bench.next("response.output_audio_transcript.done")).toMatchObject({
        transcript: "There is a cat.",
      });
      expect(JSON.stringify(brain.asked.at(-1))).toContain("cat");
      expect(bench.faults).toEqual([]);
    });

    test("an interruption", async () => {
      const { bench } = await connect({ answers: ["A very long story about a wall. ".repeat(8)], speed: 4 });
      const { client } = bench;
      client.send({ type: "response.create" });
      const delta = await bench.next("response.output_audio.delta");
      const { item_id } = delta as { item_id: string };
      client.send({ type: "response.cancel" });
      const done = await bench.next("response.done");
      expect(done).toMatchObject({
        response: { status: "cancelled", status_details: { reason: "client_cancelled" } },
      });
      client.send({ type: "conversation.item.truncate", item_id, content_index: 0, audio_end_ms: 20 });
      expect(await bench.next("conversation.item.truncated")).toMatchObject({ item_id, audio_end_ms: 20 });
      client.send({ type: "conversation.item.retrieve", item_id });
      expect(await bench.next("conversation.item.retrieved")).toMatchObject({ item: { id: item_id } });
      const order = bench.seen.map((event) => event.type);
      expect(order.lastIndexOf("response.output_audio.delta")).toBeLessThan(order.indexOf("response.done"));
      expect(bench.faults).toEqual([]);
    });

    test("an error with the id of the event that it is about", async () => {
      const { bench } = await connect({});
      bench.client.send({ type: "conversation.item.delete", item_id: "nobody", event_id: "my_event" });
      expect(await bench.next("error")).toMatchObject({ error: { event_id: "my_event" } });
      expect(bench.faults).toHaveLength(1);
      bench.client.send({ type: "input_audio_buffer.clear" });
      await bench.next("input_audio_buffer.cleared");
    });
  });
}

describe("@openai/agents-realtime at brain-local", () => {
  async function connect(options: BrainScriptOptions): Promise<{
    brain: ScriptedBrain;
    session: RealtimeSession;
    events: string[];
    errors: unknown[];
    looked: string[];
  }> {
    const brain = await brainOf(options);
    const looked: string[] = [];
    const look = tool({
      name: "look",
      description: "Looks.",
      parameters: z.object({ far: z.boolean() }),
      execute({ far }) {
        looked.push(`far: ${far}`);
        return "a cat";
      },
    });
    const agent = new RealtimeAgent({ name: "robot", instructions: "Be brief.", tools: [look] });
    const session = new RealtimeSession(agent, {
      transport: "websocket",
      model: MODEL,
      config: { audio: { input: { turnDetection: { type: "server_vad", silenceDurationMs: 200 } } } },
      tracingDisabled: true,
    });
    const events: string[] = [];
    const errors: unknown[] = [];
    session.on("transport_event", (event) => events.push(event.type));
    session.on("error", (error) => errors.push(error));
    open.push(async () => session.close());
    await session.connect({ apiKey: KEY, url: `${brain.url}?model=${MODEL}` });
    return { brain, session, events, errors, looked };
  }

  const text = (session: RealtimeSession, role: string): string[] =>
    session.history.flatMap((item) =>
      item.type === "message" && item.role === role
        ? item.content.map((part) =>
            "transcript" in part ? (part.transcript ?? "") : "text" in part ? part.text : "",
          )
        : [],
    );

  test("a text turn", async () => {
    const { session, events, errors } = await connect({ answers: ["Hello there."] });
    session.sendMessage("hello");
    await until(
      () => events.includes("response.done"),
      () => events.join(", "),
    );
    await until(
      () => text(session, "assistant").includes("Hello there."),
      () => JSON.stringify(session.history),
    );
    expect(text(session, "user")).toEqual(["hello"]);
    expect(errors).toEqual([]);
  });

  test("an audio turn by voice activity", async () => {
    const { session, events, errors } = await connect({ hears: ["what is there"], answers: ["A wall."] });
    let heard = 0;
    session.on("audio", ({ data }) => (heard += data.byteLength));
    for (const piece of pieces(QUESTION)) {
      const bytes = Uint8Array.fromBase64(piece);
      session.sendAudio(bytes.buffer);
    }
    await until(
      () => events.includes("response.done"),
      () => events.join(", "),
    );
    await until(
      () => text(session, "user").includes("what is there"),
      () => JSON.stringify(session.history),
    );
    expect(heard).toBe("A wall.".length * 1440 * 2);
    expect(errors).toEqual([]);
  });

  test("a tool call and its result", async () => {
    const { brain, session, events, errors, looked } = await connect({
      answers: [{ calls: [{ name: "look", arguments: { far: true } }] }, "There is a cat."],
    });
    session.sendMessage("look");
    await until(
      () => events.filter((type) => type === "response.done").length === 2,
      () => events.join(", "),
    );
    expect(looked).toEqual(["far: true"]);
    expect(JSON.stringify(brain.asked.at(-1))).toContain("a cat");
    await until(
      () => text(session, "assistant").includes("There is a cat."),
      () => JSON.stringify(session.history),
    );
    expect(errors).toEqual([]);
  });

  test("an interruption, after which it asks for the item", async () => {
    const { brain, session, events, errors } = await connect({
      answers: ["A very long story about a wall. ".repeat(8), "Yes?"],
      speed: 4,
    });
    session.sendMessage("tell me a story");
    await until(
      () => events.includes("response.output_audio.delta"),
      () => events.join(", "),
    );
    session.interrupt();
    await until(
      () => events.includes("response.done"),
      () => events.join(", "),
    );
    await until(
      () => events.includes("conversation.item.truncated"),
      () => events.join(", "),
    );
    await brain.waitFor("conversation.item.retrieve");
    await until(
      () => events.includes("conversation.item.retrieved"),
      () => events.join(", "),
    );
    session.sendMessage("are you there");
    await until(
      () => text(session, "assistant").includes("Yes?"),
      () => JSON.stringify(session.history),
    );
    expect(errors).toEqual([]);
  });

  test("an error is told and the session lives on", async () => {
    const { session, events, errors } = await connect({ answers: ["Still here."] });
    session.transport.sendEvent({ type: "conversation.item.delete", item_id: "nobody" });
    await until(() => errors.length === 1, "no error");
    session.sendMessage("hello");
    await until(
      () => events.includes("response.done"),
      () => events.join(", "),
    );
  });
});
