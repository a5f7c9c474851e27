import { afterEach, expect, test } from "bun:test";
import {
  type BrainScriptOptions,
  scriptBrain,
  type ScriptedBrain,
  ToneVoice,
} from "../kit/scripted-brain.ts";
import { RawClient, type ServerFrame } from "../kit/raw-client.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(
  options: BrainScriptOptions,
  input: Record<string, unknown> = {},
): Promise<{ brain: ScriptedBrain; client: RawClient }> {
  const brain = await scriptBrain(options);
  open.push(brain);
  const client = await RawClient.connect(`${brain.url}?model=test`);
  open.push(client);
  const audio = { input: { transcription: { model: "any" }, ...input } };
  await client.ask({ type: "session.update", session: { type: "realtime", audio } }, "session.updated");
  return { brain, client };
}

const TRANSCRIPTION = "conversation.item.input_audio_transcription";
const SILENCE = new Int16Array(24_000);
const WORDS = "turn left ninety degrees";

async function spoken(text = WORDS): Promise<Int16Array> {
  return new ToneVoice().synthesize(text);
}

/** White noise of `db` dBFS (root mean square). */
function noise(durationMs: number, db: number): Int16Array {
  let seed = 7;
  const amplitude = 32768 * 10 ** (db / 20) * Math.sqrt(3);
  return Int16Array.from({ length: durationMs * 24 }, () => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return amplitude * ((seed / 2 ** 31) * 2 - 1);
  });
}

function mixed(a: Int16Array, b: Int16Array): Int16Array {
  return a.map((sample, at) => sample + (b[at] ?? 0));
}

test("an utterance is heard, committed and answered under one item id", async () => {
  const { brain, client } = await start({ hears: [WORDS], answers: ["Turning."] });
  client.append(SILENCE);
  client.append(await spoken());
  client.append(SILENCE);
  await client.until("response.done");
  const types = client.types().filter((type) => /^input_audio|^response\.(created|done)/.test(type));
  expect(types).toEqual([
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "response.created",
    "response.done",
  ]);
  const [started] = client.all("input_audio_buffer.speech_started");
  const [stopped] = client.all("input_audio_buffer.speech_stopped");
  expect(stopped?.item_id).toBe(started?.item_id);
  expect(client.all("input_audio_buffer.committed")[0]?.item_id).toBe(started?.item_id);
  expect(client.all(`${TRANSCRIPTION}.completed`)[0]).toMatchObject({
    item_id: started?.item_id,
    content_index: 0,
    transcript: WORDS,
  });
  expect(brain.asked[0]).toEqual([{ kind: "user", text: WORDS, accepted: true, spoken: true }]);
});

test("offsets count the audio that was appended, however fast it came, and include padding and silence", async () => {
  const { client } = await start({ hears: ["one", "two"] });
  const speech = await spoken();
  const parts = [SILENCE, speech, SILENCE, SILENCE, speech, SILENCE];
  for (const part of parts) client.append(part, 37);
  await client.until("response.done");
  while (client.all("input_audio_buffer.speech_stopped").length < 2) await Bun.sleep(5);
  const starts = client
    .all("input_audio_buffer.speech_started")
    .map((event) => event.audio_start_ms as number);
  const stops = client.all("input_audio_buffer.speech_stopped").map((event) => event.audio_end_ms as number);
  const speechMs = speech.length / 24;
  const onsets = [1000, 1000 + speechMs + 2000];
  for (const [at, onset] of onsets.entries()) {
    expect(Math.abs((starts[at] as number) - (onset - 300))).toBeLessThanOrEqual(60);
    const lastSound = onset + speechMs - 125;
    // The last syllable of the tone fades, so its end is a matter of 100 ms.
    expect(Math.abs((stops[at] as number) - (lastSound + 500))).toBeLessThanOrEqual(100);
  }
});

test("the same audio gives the same events in any slicing", async () => {
  const audio = [...SILENCE, ...(await spoken()), ...SILENCE];
  const offsets: unknown[] = [];
  for (const pieceMs of [5, 20, 33, 500]) {
    const { client } = await start({ hears: [WORDS] });
    client.append(Int16Array.from(audio), pieceMs);
    await client.until("response.done");
    const started = client.all("input_audio_buffer.speech_started")[0]?.audio_start_ms;
    const stopped = client.all("input_audio_buffer.speech_stopped")[0]?.audio_end_ms;
    offsets.push([started, stopped]);
  }
  expect(new Set(offsets.map((pair) => JSON.stringify(pair))).size).toBe(1);
});

test("the committed audio is the utterance with its padding", async () => {
  const { client } = await start({ hears: [WORDS] });
  const whole = Int16Array.from([...SILENCE, ...(await spoken()), ...SILENCE]);
  client.append(whole);
  await client.until("response.done");
  const started = client.all("input_audio_buffer.speech_started")[0] as ServerFrame;
  const stopped = client.all("input_audio_buffer.speech_stopped")[0] as ServerFrame;
  const retrieve = { type: "conversation.item.retrieve", item_id: started.item_id };
  const item = (await client.ask(retrieve, "conversation.item.retrieved")).item as {
    content: { audio: string; transcript: string }[];
  };
  const audio = Buffer.from(item.content[0]?.audio ?? "", "base64");
  const from = (started.audio_start_ms as number) * 24;
  const expected = whole.slice(from, (stopped.audio_end_ms as number) * 24);
  expect(audio.equals(Buffer.from(expected.buffer))).toBe(true);
  expect(item.content[0]?.transcript).toBe(WORDS);
});

test("words are transcribed while they are spoken, and the deltas add up to the transcript", async () => {
  const { client } = await start({ hears: [WORDS] });
  client.append(SILENCE);
  client.append(await spoken());
  client.append(SILENCE);
  await client.until("response.done");
  const deltas = client.all(`${TRANSCRIPTION}.delta`).map((event) => event.delta);
  expect(deltas.join("")).toBe(WORDS);
  const first = client.types().indexOf(`${TRANSCRIPTION}.delta`);
  expect(first).toBeGreaterThan(-1);
  expect(client.all(`${TRANSCRIPTION}.completed`)).toHaveLength(1);
});

test("without transcription the robot still understands but tells nobody", async () => {
  const { brain, client } = await start({ hears: [WORDS] }, { transcription: null });
  client.append(await spoken());
  client.append(SILENCE);
  await client.until("response.done");
  expect(client.types().some((type) => type.startsWith(TRANSCRIPTION))).toBe(false);
  expect(brain.asked[0]).toMatchObject([{ kind: "user", text: WORDS }]);
});

test("a recogniser that fails gives transcription.failed and an answer all the same", async () => {
  const { brain, client } = await start({ hears: [new Error("model is broken")] });
  client.append(await spoken());
  client.append(SILENCE);
  await client.until("response.done");
  const failed = client.all(`${TRANSCRIPTION}.failed`)[0];
  expect(failed?.error).toMatchObject({ code: "audio_unintelligible", message: "model is broken" });
  expect(brain.asked[0]).toEqual([{ kind: "user", text: "", accepted: false, spoken: true }]);
});

test("an utterance before the speech models are loaded is answered once they are", async () => {
  const loaded = Promise.withResolvers<void>();
  const brain = await scriptBrain({ hears: [WORDS], loaded: loaded.promise });
  open.push(brain);
  const client = await RawClient.connect(brain.url);
  open.push(client);
  client.append(await spoken());
  client.append(SILENCE);
  await client.until("response.created");
  await client.settled();
  expect(brain.asked).toHaveLength(0);
  loaded.resolve();
  await client.until("response.done");
  expect(brain.asked[0]).toMatchObject([{ text: WORDS, accepted: true }]);
});

test("speech over an answer cancels it with turn_detected and nothing of it follows", async () => {
  const { client } = await start({
    hears: [WORDS, "stop"],
    answers: ["A very long tale. ".repeat(20)],
    speed: 4,
  });
  client.append(await spoken());
  client.append(SILENCE);
  await client.until("response.output_audio.delta");
  client.append(await spoken("stop"));
  const done = (await client.until("response.done")).response as { status_details: unknown; id: string };
  expect(done.status_details).toEqual({ type: "cancelled", reason: "turn_detected" });
  const started = client.types().lastIndexOf("input_audio_buffer.speech_started");
  const ended = client.types().indexOf("response.done");
  expect(started).toBeLessThan(ended);
  await Bun.sleep(100);
  await client.settled();
  const after = client.events.slice(ended + 1).filter((event) => event.response_id === done.id);
  expect(after).toEqual([]);
});

test("with interrupt_response off the answer goes on", async () => {
  const turn_detection = { type: "server_vad", interrupt_response: false, create_response: false };
  const { client } = await start(
    { answers: ["A long tale indeed. ".repeat(3)], speed: 8 },
    { turn_detection },
  );
  await client.ask({ type: "response.create" }, "response.output_audio.delta");
  client.append(await spoken("stop"));
  client.append(SILENCE);
  await client.until("input_audio_buffer.committed");
  const done = (await client.until("response.done")).response as { status: string };
  expect(done.status).toBe("completed");
  await client.settled();
  expect(client.all("response.created")).toHaveLength(1);
});

test("push-to-talk commits what was appended and answers only when asked", async () => {
  const { brain, client } = await start({ hears: ["look up", "never said"] }, { turn_detection: null });
  const speech = await spoken();
  client.append(speech);
  const committed = await client.ask({ type: "input_audio_buffer.commit" }, "input_audio_buffer.committed");
  const added = await client.until("conversation.item.done");
  expect((added.item as { id: string }).id).toBe(committed.item_id as string);
  await client.settled();
  expect(client.types().some((type) => /speech_|^response/.test(type))).toBe(false);
  await client.ask({ type: "response.create" }, "response.done");
  expect(brain.asked[0]).toMatchObject([{ text: "look up", spoken: true }]);
});

test("cleared audio is never committed", async () => {
  const { client } = await start({ hears: ["gone"] });
  client.append(await spoken());
  await client.until("input_audio_buffer.speech_started");
  await client.ask({ type: "input_audio_buffer.clear" }, "input_audio_buffer.cleared");
  client.append(SILENCE);
  client.append(SILENCE);
  await client.settled();
  expect(client.all("input_audio_buffer.committed")).toHaveLength(0);
});

test("steady noise is not speech, and speech over it is", async () => {
  const { client } = await start({ hears: [WORDS] });
  client.append(noise(4000, -42));
  await client.settled();
  expect(client.all("input_audio_buffer.speech_started")).toHaveLength(0);
  const speech = await spoken();
  client.append(mixed(noise(speech.length / 24, -42), speech));
  client.append(noise(1000, -42));
  await client.until("response.done");
  expect(client.all("input_audio_buffer.speech_stopped")).toHaveLength(1);
});

test("noise that sets in does not hold a turn open for ever", async () => {
  const { client } = await start({ hears: ["", ""] });
  client.append(noise(2000, -60));
  client.append(noise(8000, -30));
  await client.until("input_audio_buffer.speech_stopped");
  await client.settled();
  const stops = client.all("input_audio_buffer.speech_stopped").map((event) => event.audio_end_ms as number);
  expect(stops).toHaveLength(1);
  expect(stops[0] as number).toBeLessThan(6500);
});

test("a click is not speech", async () => {
  const { client } = await start({});
  const click = new Int16Array(24_000);
  click.fill(20_000, 12_000, 12_240);
  client.append(click);
  await client.settled();
  expect(client.all("input_audio_buffer.speech_started")).toHaveLength(0);
});
