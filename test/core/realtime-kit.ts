import { createLog } from "../../core/log.ts";
import { sessionConfig } from "../../core/realtime/config.ts";
import type { Endpoint } from "../../core/realtime/connection.ts";
import type { ToolDescription, ToolOutcome, ToolPort } from "../../core/realtime/port.ts";
import { Session } from "../../core/realtime/session.ts";
import type { SessionDeps } from "../../core/realtime/session-deps.ts";
import type { Connect } from "../../core/realtime/transport.ts";
import type { TopicName, Topics } from "../../core/topics.ts";
import { FakeCapture, FakePlayback } from "../kit/fake-audio.ts";
import { RawServer, until } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { TEST_CONNECT, TEST_WIRE } from "./realtime-wires.ts";

/** A call that a tool of a test got. */
export interface SeenCall {
  callId: string;
  name: string;
  argumentsJson: string;
  signal: AbortSignal;
  finish: (outcome: Partial<ToolOutcome>) => void;
}

/** Tools that end when a test says so. */
export class FakeTools implements ToolPort {
  readonly calls: SeenCall[] = [];
  tools: ToolDescription[] = [{ name: "look", description: "Looks.", parameters: { type: "object" } }];
  #changed: () => void = () => {};

  definitions(): ToolDescription[] {
    return this.tools;
  }

  call(request: Omit<SeenCall, "finish">): Promise<ToolOutcome> {
    const result = Promise.withResolvers<ToolOutcome>();
    const finish = (outcome: Partial<ToolOutcome>) =>
      result.resolve({ ok: true, output: "done", images: [], ...outcome });
    this.calls.push({ ...request, finish });
    return result.promise;
  }

  onChanged(handler: () => void): () => void {
    this.#changed = handler;
    return () => (this.#changed = () => {});
  }

  change(tools: ToolDescription[]): void {
    this.tools = tools;
    this.#changed();
  }
}

export interface SeenTopic {
  topic: string;
  event: unknown;
}

/** realtime-beta.test.ts runs the tests of the session once more with this set. */
export const TEST_DIALECT = process.env["MYNA_TEST_DIALECT"] ?? "auto";

/** A session with a microphone, a loudspeaker and tools that obey the test. */
export class SessionBench implements AsyncDisposable {
  readonly capture = new FakeCapture();
  readonly playback = new FakePlayback();
  readonly tools = new FakeTools();
  readonly seen: SeenTopic[] = [];
  readonly logged: string[] = [];
  readonly session: Session;

  constructor(
    endpoint: () => Endpoint | null,
    config: Record<string, unknown> = {},
    connect: Connect | undefined = TEST_CONNECT,
    more: Partial<SessionDeps> = {},
  ) {
    this.session = new Session({
      config: sessionConfig.parse({
        dialect: TEST_DIALECT,
        reconnect: { initial_ms: 5, max_ms: 20 },
        restore: { ack_ms: 50 },
        ...config,
      }),
      endpoint,
      capture: this.capture,
      playback: this.playback,
      tools: this.tools,
      publish: (topic, event) => void this.seen.push({ topic, event }),
      log: createLog({ level: "debug", format: "json", write: (line) => void this.logged.push(line) }),
      ...(connect && { connect }),
      ...more,
    });
  }

  events<T extends TopicName>(topic: T): Topics[T][] {
    return this.seen.filter((entry) => entry.topic === topic).map((entry) => entry.event as Topics[T]);
  }

  /** The `nth` event of a topic, past or to come, counted from 1. */
  async event<T extends TopicName>(topic: T, nth = 1): Promise<Topics[T]> {
    const otherwise = () => `No ${topic} (${nth}), only: ${this.seen.map((entry) => entry.topic).join(", ")}`;
    await until(() => this.events(topic).length >= nth, otherwise);
    return this.events(topic)[nth - 1] as Topics[T];
  }

  async state(state: Topics["session.state_changed"]["state"]): Promise<void> {
    await until(
      () => this.session.port.state() === state,
      () => `The link is ${this.session.port.state()}, not ${state}`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close();
  }
}

/** A session on a raw server, connected and ready. */
export async function connected(
  config: Record<string, unknown> = {},
  more: Partial<SessionDeps> = {},
): Promise<{ server: RawServer; wire: RawConnection; bench: SessionBench } & AsyncDisposable> {
  const server = await RawServer.listen();
  const bench = new SessionBench(() => ({ url: server.url }), config, undefined, more);
  bench.session.start();
  const wire = await server.accept();
  await wire.configure();
  await bench.state("ready");
  return {
    server,
    wire,
    bench,
    async [Symbol.asyncDispose]() {
      await bench.session.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Base64 of so much PCM of one value; over WebRTC, whose codec lets nothing through that never changes, of a tone. */
export function tone(ms: number, value = 500): string {
  const pcm = new Int16Array(ms * 24).fill(value);
  if (TEST_WIRE === "webrtc")
    for (let at = 0; at < pcm.length; at++) pcm[at] = 8000 * Math.sin((2 * Math.PI * 440 * at) / 24_000);
  return Buffer.from(pcm.buffer).toString("base64");
}

/** The server begins a response. */
export function begin(wire: RawConnection, responseId: string, create?: Record<string, unknown>): void {
  const asked = create?.["response"] as { metadata?: unknown } | undefined;
  wire.send({
    type: "response.created",
    response: { id: responseId, status: "in_progress", metadata: asked?.metadata ?? null },
  });
}

/** The server speaks: audio and words of an item. */
export function speak(wire: RawConnection, responseId: string, itemId: string, ms: number, words = ""): void {
  const place = { response_id: responseId, item_id: itemId, output_index: 0, content_index: 0 };
  if (words) wire.send({ type: "response.output_audio_transcript.delta", ...place, delta: words });
  wire.send({ type: "response.output_audio.delta", ...place, delta: tone(ms) });
}

/** So much of an item is at the loudspeaker. Over WebRTC sound comes at the pace it is heard. */
export async function arrived(bench: SessionBench, itemId: string, ms: number): Promise<void> {
  const samples = () =>
    bench.playback.writes.reduce((sum, write) => sum + (write.itemId === itemId ? write.pcm.length : 0), 0);
  await until(
    () => samples() >= Math.max(1, ms * 24),
    () => `Of ${itemId} ${samples() / 24} ms came, not ${ms}`,
  );
}

/** The loudspeaker gets so much of an item and plays that. */
export async function hear(bench: SessionBench, itemId: string, ms: number): Promise<void> {
  await arrived(bench, itemId, ms);
  bench.playback.play(ms);
}

/** The loudspeaker plays an item to its end. */
export async function hearAll(bench: SessionBench, itemId: string): Promise<void> {
  await until(() => {
    bench.playback.play(1000);
    return bench.events("playback.stopped").some((event) => event.item_id === itemId);
  }, `${itemId} does not end`);
}

/** The server ends an item of speech. */
export function endItem(wire: RawConnection, responseId: string, itemId: string, words: string): void {
  const place = { response_id: responseId, item_id: itemId, output_index: 0, content_index: 0 };
  wire.send({ type: "response.output_audio.done", ...place });
  wire.send({ type: "response.output_audio_transcript.done", ...place, transcript: words });
  wire.send({
    type: "response.output_item.done",
    response_id: responseId,
    output_index: 0,
    item: { id: itemId, type: "message", role: "assistant", status: "completed" },
  });
}

/** The server ends a response. */
export function finish(
  wire: RawConnection,
  responseId: string,
  response: Record<string, unknown> = {},
): void {
  wire.send({
    type: "response.done",
    response: { id: responseId, status: "completed", output: [], ...response },
  });
}

/** A function_call item. */
export function callItem(
  callId: string,
  name = "look",
  args = "{}",
  status = "completed",
): Record<string, unknown> {
  return { id: `fc_${callId}`, type: "function_call", status, call_id: callId, name, arguments: args };
}

/** The server announces a call: its arguments, then its item. */
export function announce(wire: RawConnection, responseId: string, item: Record<string, unknown>): void {
  wire.send({
    type: "response.function_call_arguments.done",
    response_id: responseId,
    item_id: item["id"],
    output_index: 0,
    call_id: item["call_id"],
    name: item["name"],
    arguments: item["arguments"],
  });
  wire.send({ type: "response.output_item.done", response_id: responseId, output_index: 0, item });
}

let markers = 0;

/** What the server said so far was handled, and what the client said to it has arrived. */
export async function settled(wire: RawConnection, bench: SessionBench): Promise<void> {
  const marker = `marker_${markers++}`;
  wire.send({ type: "input_audio_buffer.committed", item_id: marker });
  await until(
    () => bench.events("user.committed").some((event) => event.item_id === marker),
    "The client did not handle the marker",
  );
  await new Promise((resolve) => setImmediate(resolve));
  await wire.settled();
}
