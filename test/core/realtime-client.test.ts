import { describe, expect, test } from "bun:test";
import { MynaError, RealtimeClient } from "myna/realtime";
import type { ClientEventName, ClientEvents, RealtimeClientOptions } from "myna/realtime";
import { RawServer, until } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { reachable } from "../source-tree.ts";
import { tone } from "./realtime-kit.ts";

const FAST = { initial_ms: 5, max_ms: 20, jitter: 0 };

interface Bench extends AsyncDisposable {
  server: RawServer;
  client: RealtimeClient;
  seen: { type: string; event: unknown }[];
  all<T extends ClientEventName>(type: T): ClientEvents[T][];
  event<T extends ClientEventName>(type: T, nth?: number): Promise<ClientEvents[T]>;
}

const WATCHED = ["connect", "disconnect", "reconnecting", "state_change", "error", "server_event"] as const;

/** A client on a raw server, with its own events written down. */
async function bench(options: Partial<RealtimeClientOptions> = {}): Promise<Bench> {
  const server = await RawServer.listen();
  const client = new RealtimeClient({ url: server.url, reconnect: FAST, ...options });
  const seen: { type: string; event: unknown }[] = [];
  for (const type of WATCHED) client.on(type, (event) => void seen.push({ type, event }));
  const all = <T extends ClientEventName>(type: T) =>
    seen.filter((entry) => entry.type === type).map((entry) => entry.event as ClientEvents[T]);
  return {
    server,
    client,
    seen,
    all,
    async event(type, nth = 1) {
      await until(
        () => all(type).length >= nth,
        () => `no ${type} (${nth}), only ${seen.map((entry) => entry.type).join(", ")}`,
      );
      return all(type)[nth - 1] as never;
    },
    async [Symbol.asyncDispose]() {
      await client.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The same, connected. */
async function connected(
  options: Partial<RealtimeClientOptions> = {},
): Promise<Bench & { wire: RawConnection }> {
  const kit = await bench(options);
  const opened = kit.client.connect();
  const wire = await kit.server.accept();
  await wire.configure();
  await opened;
  return Object.assign(kit, { wire });
}

/** All that the server said so far was handed out. */
async function handedOut({ wire, client }: { wire: RawConnection; client: RealtimeClient }): Promise<void> {
  const mark = crypto.randomUUID();
  const seen = Promise.withResolvers<void>();
  const off = client.on("server_event", (event) => event.type === mark && seen.resolve());
  wire.send({ type: mark });
  await seen.promise;
  off();
}

describe("a client on its own", () => {
  test("connects, configures the session before all else and says so", async () => {
    await using kit = await connected({
      apiKey: "sk-test-key",
      model: "a-model",
      instructions: "Be brief.",
      voice: "cedar",
      tools: [{ name: "look", description: "Looks.", parameters: { type: "object" } }],
      session: { reasoning: { effort: "low" }, audio: { output: { speed: 1.2 } } },
    });
    const { wire, client } = kit;
    expect(wire.path).toBe("/v1/realtime?model=a-model");
    expect(wire.headers.authorization).toBe("Bearer sk-test-key");
    expect(wire.types()).toEqual(["session.update"]);
    expect(wire.frames[0]).toMatchObject({
      session: {
        type: "realtime",
        instructions: "Be brief.",
        reasoning: { effort: "low" },
        tools: [{ type: "function", name: "look" }],
        audio: { output: { voice: "cedar", speed: 1.2, format: { type: "audio/pcm", rate: 24_000 } } },
      },
    });
    expect(client.isConnected()).toBe(true);
    expect(client.getState()).toBe("ready");
    expect(kit.all("connect")).toEqual([{ url: kit.server.url, reconnected: false }]);
    expect(kit.all("state_change").map(({ state }) => state)).toEqual(["connecting", "ready"]);
    await client.connect();
    expect(kit.server.connections).toHaveLength(1);
  });

  test("hands out every event of the server by its type, known or not", async () => {
    await using kit = await connected();
    const { client, wire } = kit;
    const texts: string[] = [];
    client.on("response.output_text.delta", ({ delta, item_id }) => texts.push(`${item_id} ${delta}`));
    const done: unknown[] = [];
    client.once("response.done", ({ response }) => done.push(response.id));
    wire.send({ type: "response.output_text.delta", event_id: "e1", item_id: "i1", delta: "Hel" });
    wire.send({ type: "response.output_text.delta", event_id: "e2", item_id: "i1", delta: "lo" });
    for (const id of ["r1", "r2"]) wire.send({ type: "response.done", response: { id } });
    wire.send({ type: "a.type.of.next.year", answer: 42 });
    await handedOut(kit);
    expect(texts).toEqual(["i1 Hel", "i1 lo"]);
    expect(done).toEqual(["r1"]);
    expect(kit.all("server_event")).toContainEqual({ type: "a.type.of.next.year", answer: 42 });
    expect(
      kit
        .all("server_event")
        .slice(0, 2)
        .map(({ type }) => type),
    ).toEqual(["session.created", "session.updated"]);
    expect(client.getEventStats().received).toMatchObject({
      "session.created": 1,
      "response.output_text.delta": 2,
      "response.done": 2,
      "a.type.of.next.year": 1,
    });
  });

  test("decodes speech, and gives the event too where somebody wants it", async () => {
    await using kit = await connected();
    const { client, wire } = kit;
    const delta = {
      type: "response.output_audio.delta",
      event_id: "e",
      response_id: "r",
      item_id: "i",
      output_index: 0,
      content_index: 0,
      delta: tone(20, 7),
    };
    const heard: number[] = [];
    client.on("audio", ({ pcm, itemId }) => itemId === "i" && heard.push(pcm.length, pcm[0] ?? 0));
    wire.send(delta);
    await handedOut(kit);
    expect(heard).toEqual([480, 7]);
    const events: unknown[] = [];
    const off = client.on("response.output_audio.delta", (event) => events.push(event));
    wire.send(delta);
    await handedOut(kit);
    off();
    wire.send(delta);
    await handedOut(kit);
    expect(events).toEqual([delta]);
    expect(client.getEventStats().received).toMatchObject({ "response.output_audio.delta": 3 });
  });

  test("sends what it is asked to", async () => {
    await using kit = await connected();
    const { client, wire } = kit;
    const pcm = new Int16Array(480).fill(3);
    const bytes = new Uint8Array(pcm.buffer);
    const outcomes = [
      client.appendInputAudio(pcm),
      client.appendInputAudio(bytes),
      client.appendInputAudio(bytes.toBase64()),
      client.commitInputAudio(),
      client.clearInputAudio(),
      client.createResponse({ instructions: "Say hi.", metadata: { turn: "1" } }),
      client.cancelResponse("resp_1"),
      client.cancelResponse(),
      client.updateSession({ instructions: "New." }),
      client.send({ type: "conversation.item.delete", item_id: "item_1", event_id: "mine" }),
    ];
    await wire.next("conversation.item.delete");
    expect(new Set(outcomes)).toEqual(new Set(["sent"]));
    const sent = wire.frames.slice(1).map(({ event_id: _, ...frame }) => frame);
    const append = { type: "input_audio_buffer.append", audio: bytes.toBase64() };
    expect(sent).toEqual([
      append,
      append,
      append,
      { type: "input_audio_buffer.commit" },
      { type: "input_audio_buffer.clear" },
      { type: "response.create", response: { instructions: "Say hi.", metadata: { turn: "1" } } },
      { type: "response.cancel", response_id: "resp_1" },
      { type: "response.cancel" },
      { type: "session.update", session: { type: "realtime", instructions: "New." } },
      { type: "conversation.item.delete", item_id: "item_1" },
    ]);
    expect(wire.frames.at(-1)?.["event_id"]).toBe("mine");
    expect(client.getEventStats().sent).toMatchObject({
      "input_audio_buffer.append": 3,
      "response.cancel": 2,
    });
  });

  test("says that an event waits, and sends it after the configuration of the next session", async () => {
    await using kit = await bench();
    const { client, server } = kit;
    const opened = client.connect();
    expect(client.createResponse()).toBe("queued");
    expect(client.getMetrics()).toMatchObject({ state: "connecting", queued: 1, dropped: 0, sent: 0 });
    const wire = await server.accept();
    await wire.configure();
    await opened;
    await wire.next("response.create");
    expect(wire.types()).toEqual(["session.update", "response.create"]);
    expect(client.getMetrics()).toMatchObject({ queued: 0, sent: 2 });
  });

  test("keeps what is sent before connect, in order, and connects to nothing because of it", async () => {
    await using kit = await bench();
    const { client, server } = kit;
    const pcm = new Int16Array(480).fill(5);
    expect(client.appendInputAudio(pcm)).toBe("queued");
    expect(client.commitInputAudio()).toBe("queued");
    expect(client.createResponse()).toBe("queued");
    expect(client.getMetrics()).toMatchObject({ state: "idle", attempts: 0, queued: 3, dropped: 0, sent: 0 });
    expect(kit.seen).toEqual([]);
    client.start();
    const wire = await server.accept();
    await wire.configure();
    await wire.next("response.create");
    const [, append, ...rest] = wire.frames;
    expect(append).toMatchObject({ audio: new Uint8Array(pcm.buffer).toBase64() });
    expect(rest.map(({ type }) => type)).toEqual(["input_audio_buffer.commit", "response.create"]);
    expect(client.getMetrics()).toMatchObject({ queued: 0, dropped: 0, sent: 4 });
  });

  test("says which event before connect was one too many: sound gives way, results of tools do not", async () => {
    await using kit = await bench({ outbox: { events: 2 } });
    const { client, server } = kit;
    const result = (call: string) =>
      client.send({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id: call, output: "done" },
      });
    expect(client.appendInputAudio(new Int16Array(480))).toBe("queued");
    expect([result("1"), result("2")]).toEqual(["queued", "queued"]);
    expect(client.commitInputAudio()).toBe("dropped");
    expect(client.getMetrics()).toMatchObject({ queued: 2, dropped: 2 });
    client.start();
    const wire = await server.accept();
    await wire.configure();
    await until(() => wire.all("conversation.item.create").length === 2, "no results");
    expect(wire.types().slice(1)).toEqual(["conversation.item.create", "conversation.item.create"]);
  });

  test("what waits is given up by disconnect, also before connect, and nothing waits once closed", async () => {
    await using kit = await bench();
    const { client, server } = kit;
    expect(client.createResponse()).toBe("queued");
    await client.disconnect();
    expect(client.getMetrics()).toMatchObject({ state: "idle", queued: 0, dropped: 1 });
    client.start();
    const wire = await server.accept();
    await wire.configure();
    await kit.event("connect");
    await client.disconnect();
    expect(client.createResponse()).toBe("dropped");
    expect(wire.types()).toEqual(["session.update"]);
    expect(client.getMetrics()).toMatchObject({ state: "closed", queued: 0, dropped: 2 });
  });

  test("connects again after a loss, with what was changed of the session, and counts it", async () => {
    await using kit = await connected({ instructions: "First." });
    const { client, wire, server } = kit;
    client.updateSession({
      instructions: "Second.",
      audio: { input: { noise_reduction: { type: "far_field" } } },
    });
    await wire.next("session.update");
    wire.drop();
    expect(await kit.event("disconnect")).toMatchObject({
      willReconnect: true,
      code: "LINK_CLOSED",
      closeCode: 1006,
    });
    expect(await kit.event("reconnecting")).toMatchObject({ code: "LINK_CLOSED", delayMs: 5, attempt: 1 });
    const outcome = client.send({ type: "conversation.item.delete", item_id: "kept" });
    expect(outcome).toBe("queued");
    const next = await server.accept();
    const configuration = await next.configure();
    expect(await kit.event("connect", 2)).toEqual({ url: server.url, reconnected: true });
    expect(configuration).toMatchObject({
      session: { instructions: "Second.", audio: { input: { noise_reduction: { type: "far_field" } } } },
    });
    expect(configuration["session"]).toHaveProperty("audio.output.voice", "marin");
    await next.next("conversation.item.delete");
    expect(client.getMetrics()).toMatchObject({ state: "ready", attempts: 2, reconnects: 1 });
    expect(client.getMetrics().uptimeMs).toBeGreaterThanOrEqual(0);
  });

  test("leaves out of the next session what the server refused", async () => {
    await using kit = await connected();
    const { client, wire, server } = kit;
    client.updateSession({ max_output_tokens: 99 });
    client.updateSession({ instructions: "Good." });
    await until(() => wire.all("session.update").length === 3, "no updates");
    const refused = wire.all("session.update")[1];
    wire.send({
      type: "error",
      error: { type: "invalid_request_error", message: "no", event_id: refused?.["event_id"] },
    });
    expect(await kit.event("error")).toMatchObject({ source: "server", fatal: false, message: "no" });
    wire.drop();
    const configuration = await (await server.accept()).configure();
    expect(configuration["session"]).toHaveProperty("instructions", "Good.");
    expect(configuration["session"]).not.toHaveProperty("max_output_tokens");
  });

  test("a listener that throws or rejects disturbs nobody and is told as an error", async () => {
    await using kit = await connected();
    const { client, wire } = kit;
    const order: string[] = [];
    client.on("response.created", () => {
      throw new Error("first");
    });
    client.on("response.created", async () => {
      await Promise.resolve();
      throw new Error("second");
    });
    client.on("response.created", () => void order.push("third"));
    client.on("error", () => {
      throw new Error("broken listener of errors");
    });
    wire.send({ type: "response.created", response: { id: "r" } });
    await kit.event("error", 2);
    expect(order).toEqual(["third"]);
    const [first, second] = kit.all("error");
    expect(first).toMatchObject({
      source: "listener",
      code: "LISTENER_FAILED",
      type: "response.created",
      fatal: false,
    });
    expect(second?.message).toContain("second");
    expect(client.isConnected()).toBe(true);
    expect(client.getMetrics().listenerErrors).toBe(4);
  });

  test("an error of the server without a listener is counted and goes no further", async () => {
    await using server = await RawServer.listen();
    await using client = new RealtimeClient({ url: server.url });
    const opened = client.connect();
    const wire = await server.accept();
    await wire.configure();
    await opened;
    wire.send({
      type: "error",
      error: { type: "server_error", message: "oops", code: null, event_id: null },
    });
    await handedOut({ wire, client });
    expect(client.getMetrics().serverErrors).toBe(1);
    expect(client.isConnected()).toBe(true);
  });

  test("a refusal that no retry can mend rejects connect and closes the client", async () => {
    await using kit = await bench();
    kit.server.refuse(401, { error: { message: "Incorrect API key provided" } });
    const failure = await kit.client.connect().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MynaError);
    expect(failure).toMatchObject({ code: "LINK_AUTH" });
    expect(kit.client.getState()).toBe("closed");
    expect(kit.all("error")).toMatchObject([{ source: "link", fatal: true, code: "LINK_AUTH" }]);
    expect(kit.client.createResponse()).toBe("dropped");
    kit.server.welcome();
    const opened = kit.client.connect();
    await (await kit.server.accept()).configure();
    await opened;
    expect(kit.client.isConnected()).toBe(true);
  });

  test("goes on trying while the server is not there, up to the limit that was set", async () => {
    await using kit = await bench({ reconnect: { ...FAST, attempts: 2 } });
    kit.server.refuse(503);
    const opened = kit.client.connect();
    expect(kit.client.commitInputAudio()).toBe("queued");
    expect(await opened.catch((error: unknown) => error)).toMatchObject({
      code: "LINK_REFUSED",
    });
    expect(kit.client.getMetrics()).toMatchObject({
      attempts: 3,
      reconnects: 0,
      state: "closed",
      queued: 0,
      dropped: 1,
    });
    expect(kit.all("reconnecting").map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  test("disconnect says goodbye, ends everything that waits and may be called twice", async () => {
    await using kit = await connected();
    const { client, wire } = kit;
    await Promise.all([client.disconnect("enough"), client.stop()]);
    expect(await wire.closed).toMatchObject({ code: 1000 });
    expect(kit.all("disconnect")).toEqual([{ reason: "enough", willReconnect: false }]);
    expect(client.getState()).toBe("closed");
    expect(client.getMetrics()).toMatchObject({ uptimeMs: 0, attempts: 1 });
    expect(client.commitInputAudio()).toBe("dropped");
  });

  test("disconnect before the session is there rejects connect", async () => {
    await using kit = await bench();
    kit.server.stayMute();
    const opened = kit.client.connect();
    await kit.client.disconnect("changed my mind");
    expect(await opened.catch((error: unknown) => error)).toMatchObject({ code: "LINK_CLOSED" });
  });

  test("may disconnect inside a listener: nothing is handed out afterwards", async () => {
    await using kit = await connected();
    const { client, wire } = kit;
    let closed: Promise<void> | undefined;
    client.on("response.created", () => (closed = client.disconnect("from inside")));
    let later = 0;
    client.on("response.done", () => later++);
    wire.send({ type: "response.created", response: { id: "r" } });
    wire.send({ type: "response.done", response: { id: "r" } });
    await wire.closed;
    await closed;
    expect(later).toBe(0);
  });

  test("destroyed, it has no listeners and cannot be connected", async () => {
    const kit = await connected();
    await kit.client.destroy();
    await kit.client.destroy();
    expect(kit.all("disconnect")).toHaveLength(1);
    expect(await kit.client.connect().catch((error: unknown) => error)).toMatchObject({ code: "LINK_FATAL" });
    expect(kit.client.updateSession({ instructions: "x" })).toBe("dropped");
    expect(kit.client.createResponse()).toBe("dropped");
    await kit.server[Symbol.asyncDispose]();
  });

  test("wrong options and wrong events are refused with the key or the reason", () => {
    const wrong = (options: object) => () => new RealtimeClient(options as RealtimeClientOptions);
    expect(wrong({ url: "http://x" })).toThrow("url: expected a ws:// or wss:// URL");
    expect(wrong({ reconnect: { factor: 0 } })).toThrow("reconnect.factor");
    expect(wrong({ modle: "x" })).toThrow("modle");
    const client = new RealtimeClient({ url: "ws://127.0.0.1:1/" });
    expect(() => client.appendInputAudio(new Uint8Array(3))).toThrow("two for each sample");
    expect(() => client.appendInputAudio("not base64!")).toThrow("not valid base64");
    expect(() => client.send({} as never)).toThrow("an object with a type");
    expect(() => client.updateSession([] as never)).toThrow("an object of fields");
    const cyclic: Record<string, unknown> = { type: "response.create" };
    cyclic["self"] = cyclic;
    expect(() => client.send(cyclic as never)).toThrow("cannot be written as JSON");
  });

  test("brings nothing of the robot along", () => {
    const loaded = reachable("core/realtime/index.ts");
    expect(loaded).toContain("core/realtime/connection.ts");
    const robot =
      /^(plugins|test|profiles)\/|^core\/(host|runtime|main|loader|bus|plugin[a-z-]*|profile[a-z-]*)\.ts$|^core\/audio\/(?!port)/;
    expect(loaded.filter((file) => robot.test(file))).toEqual([]);
  });

  test("two clients in one process share nothing", async () => {
    await using kit = new AsyncDisposableStack();
    const brain = kit.adopt(await scriptBrain({ answers: ["one answer"] }), (one) => one.close());
    await using first = new RealtimeClient({ url: brain.url });
    await using second = new RealtimeClient({ url: brain.url, instructions: "Other." });
    const told: string[] = [];
    first.on("response.output_audio_transcript.done", ({ transcript }) => told.push(`first: ${transcript}`));
    second.on("server_event", ({ type }) => type.startsWith("response.") && told.push(`second: ${type}`));
    await Promise.all([first.connect(), second.connect()]);
    const done = Promise.withResolvers<void>();
    first.once("response.done", () => done.resolve());
    first.createResponse();
    await done.promise;
    expect(told).toEqual(["first: one answer"]);
    await first.disconnect();
    expect(second.isConnected()).toBe(true);
  });
});

for (const dialect of ["beta", "auto"] as const) {
  test(`a client with dialect = "${dialect}" talks to a beta server, in the names of today`, async () => {
    await using kit = new AsyncDisposableStack();
    const brain = kit.adopt(await scriptBrain({ dialect: "beta", answers: ["Beta answer."] }), (one) =>
      one.close(),
    );
    await using client = new RealtimeClient({ url: brain.url, dialect });
    let samples = 0;
    const said: string[] = [];
    client.on("audio", ({ pcm }) => (samples += pcm.length));
    client.on("response.output_audio_transcript.done", ({ transcript }) => said.push(transcript));
    const types = new Set<string>();
    client.on("server_event", ({ type }) => types.add(type));
    await client.connect();
    const updated = new Promise((resolve) => client.once("session.updated", resolve));
    expect(client.updateSession({ instructions: "Be brief." })).toBe("sent");
    await updated;
    const done = new Promise((resolve) => client.once("response.done", resolve));
    client.createResponse();
    await done;
    expect(client.getMetrics().serverErrors).toBe(0);
    expect(said).toEqual(["Beta answer."]);
    expect(samples).toBe("Beta answer.".length * 1440);
    expect([...types].filter((type) => type.startsWith("response.audio"))).toEqual([]);
    expect(types).toContain("response.output_audio.delta");
  });
}
