import { afterEach, expect, test } from "bun:test";
import {
  type BrainScriptOptions,
  scriptBrain,
  type ScriptedBrain,
  VirtualClock,
} from "../kit/scripted-brain.ts";
import { RawClient } from "../kit/raw-client.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(options: BrainScriptOptions): Promise<{ brain: ScriptedBrain; client: RawClient }> {
  const brain = await scriptBrain(options);
  open.push(brain);
  const client = await RawClient.connect(`${brain.url}?model=test`);
  open.push(client);
  return { brain, client };
}

test("a scripted server drops the connection in the middle of an answer", async () => {
  const { client } = await start({
    faults: [{ at: "after:response.output_audio.delta", nth: 2, do: { kind: "drop" } }],
  });
  client.send({ type: "response.create" });
  expect((await client.closed).code).toBe(1006);
  expect(client.all("response.output_audio.delta").length).toBeLessThanOrEqual(2);
  expect(client.all("response.done")).toHaveLength(0);
});

test("a scripted server closes with any code when it receives an event", async () => {
  const { client } = await start({
    faults: [{ at: "received:session.update", do: { kind: "close", code: 1013, reason: "try later" } }],
  });
  client.send({ type: "session.update", session: { type: "realtime" } });
  expect(await client.closed).toEqual({ code: 1013, reason: "try later" });
});

test("a scripted server refuses the upgrade with an HTTP status once, then lets the client in", async () => {
  const brain = await scriptBrain({ faults: [{ at: "upgrade", do: { kind: "http", status: 503 } }] });
  open.push(brain);
  await expect(RawClient.connect(brain.url)).rejects.toThrow("503");
  const client = await RawClient.connect(brain.url);
  open.push(client);
  await client.until("session.created");
});

test("scripted events can be missing, doubled, unknown and broken", async () => {
  const { client } = await start({
    faults: [
      { at: "before:response.created", do: { kind: "swallow" } },
      { at: "after:response.done", do: { kind: "repeat" } },
      { at: "before:response.done", do: { kind: "inject", frame: { type: "weather.changed" } } },
      { at: "before:response.done", do: { kind: "inject", frame: new Uint8Array([0]) } },
      { at: "received:response.cancel", do: { kind: "swallow" } },
    ],
  });
  client.send({ type: "response.cancel" });
  client.send({ type: "response.create" });
  await client.until("weather.changed");
  await client.until("response.done");
  await client.until("response.done");
  expect(client.types()).not.toContain("response.created");
  expect(client.types()).not.toContain("error");
  const [first, second] = client.all("response.done");
  expect(second).toEqual(first as NonNullable<typeof first>);
});

test("late deltas of a cancelled answer follow its end", async () => {
  const { client } = await start({ answers: ["Quite a long answer. ".repeat(20)], speed: 1, lateDeltas: 3 });
  client.send({ type: "response.create" });
  await client.until("response.output_audio.delta");
  await client.ask({ type: "response.cancel" }, "response.done");
  await client.settled();
  const after = client.events.slice(client.types().indexOf("response.done") + 1);
  expect(after.map((event) => event.type)).toEqual([
    "response.output_audio.delta",
    "response.output_audio.delta",
    "response.output_audio.delta",
    "input_audio_buffer.cleared",
  ]);
});

test("an event is delayed on the virtual clock while others overtake it", async () => {
  const clock = new VirtualClock();
  const { client } = await start({
    clock,
    faults: [{ at: "before:response.created", do: { kind: "delay", ms: 5000 } }],
  });
  await client.ask({ type: "response.create" }, "response.done");
  expect(client.types()).not.toContain("response.created");
  await clock.advance(5000);
  await client.until("response.created");
});

test("a stalled server holds everything back and delivers it in order afterwards", async () => {
  const clock = new VirtualClock();
  const { brain, client } = await start({
    clock,
    faults: [{ at: "after:response.created", do: { kind: "stall", ms: 2000 } }],
  });
  await client.ask({ type: "response.create" }, "response.created");
  client.send({ type: "input_audio_buffer.clear" });
  await brain.waitFor("input_audio_buffer.clear");
  await Bun.sleep(20);
  expect(client.types().at(-1)).toBe("response.created");
  await clock.advance(2000);
  await client.until("response.done");
  await client.until("input_audio_buffer.cleared");
});

test("a scripted answer fails like the cloud does", async () => {
  const { client } = await start({
    answers: [{ fail: { code: "rate_limit_exceeded", message: "Slow down.", type: "tokens" } }, "Fine."],
  });
  const done = (await client.ask({ type: "response.create" }, "response.done")).response;
  expect(done).toMatchObject({
    status: "failed",
    status_details: {
      type: "failed",
      error: { type: "tokens", code: "rate_limit_exceeded", message: "Slow down." },
    },
  });
  const next = (await client.ask({ type: "response.create" }, "response.done")).response;
  expect(next).toMatchObject({ status: "completed" });
});

test("an answer waits on the virtual clock for as long as the script says", async () => {
  const clock = new VirtualClock();
  const { client } = await start({ clock, answers: [{ say: "At last.", delayMs: 10_000 }] });
  await client.ask({ type: "response.create" }, "response.created");
  await client.settled();
  await clock.advance(9999);
  await client.settled();
  expect(client.types()).not.toContain("response.done");
  await clock.advance(1);
  await client.until("response.done");
});

test("faults can be added to a brain that runs, and sessions be dropped from outside", async () => {
  const { brain, client } = await start({});
  await client.until("session.created");
  brain.fault({ at: "received:response.create", do: { kind: "swallow" } });
  client.send({ type: "response.create" });
  await client.settled();
  expect(client.types()).not.toContain("response.created");
  brain.sessions[0]?.send({ type: "rate_limits.updated", rate_limits: [] });
  await client.until("rate_limits.updated");
  brain.sessions[0]?.drop();
  expect((await client.closed).code).toBe(1006);
  while (brain.sessions.length > 0) await Bun.sleep(2);
});

test("audio goes out faster than it is heard but not all at once", async () => {
  const clock = new VirtualClock();
  const { client } = await start({ clock, speed: 4, answers: ["x".repeat(100)] });
  await client.ask({ type: "response.create" }, "response.output_audio.delta");
  await client.settled();
  const sentMs = () =>
    client
      .all("response.output_audio.delta")
      .reduce((sum, event) => sum + Buffer.from(event.delta as string, "base64").length / 48, 0);
  const first = Buffer.from(client.all("response.output_audio.delta")[0]?.delta as string, "base64");
  expect(first.length / 48).toBe(40);
  expect(sentMs()).toBeLessThanOrEqual(440);
  await clock.advance(500);
  await client.settled();
  expect(sentMs()).toBeGreaterThanOrEqual(2000);
  expect(sentMs()).toBeLessThanOrEqual(2500);
  await clock.advance(2000);
  await client.until("response.done");
  expect(sentMs()).toBe(6000);
});

test("a port that is taken is reported by its number", async () => {
  const { brain } = await start({});
  const second = scriptBrain({ port: brain.port });
  await expect(second).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: expect.stringContaining(String(brain.port)),
  });
});

test("speech is synthesised over plain HTTP as PCM and as WAV, and bad requests are explained", async () => {
  const { brain } = await start({});
  const base = `http://127.0.0.1:${brain.port}`;
  const ask = (body: unknown) =>
    fetch(`${base}/v1/audio/speech`, { method: "POST", body: JSON.stringify(body) });
  const pcm = await (await ask({ input: "hello", voice: "x", response_format: "pcm" })).arrayBuffer();
  expect(pcm.byteLength).toBe(5 * 1440 * 2);
  const wav = Buffer.from(await (await ask({ input: "hello", model: "any" })).arrayBuffer());
  expect([wav.toString("latin1", 0, 4), wav.readUInt32LE(24), wav.length]).toEqual([
    "RIFF",
    24_000,
    pcm.byteLength + 44,
  ]);
  expect(wav.subarray(44).equals(Buffer.from(pcm))).toBe(true);
  const wrong = await ask({ voice: "x" });
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toMatchObject({ error: { code: "missing_required_parameter", param: "input" } });
  expect((await ask({ input: "x", response_format: "mp3" })).status).toBe(400);
  const health = await (await fetch(`${base}/healthz`)).json();
  expect(health).toMatchObject({ ok: true, sessions: 1, hearing: { available: true } });
  expect((await fetch(`${base}/v1/realtime`)).status).toBe(426);
  expect((await fetch(`${base}/nothing`)).status).toBe(404);
});
