import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RealtimeClient } from "myna/realtime";
import { GaDialect } from "../../core/realtime/dialect-ga.ts";
import { SwitchedDialect } from "../../core/realtime/dialect-switch.ts";
import { RawServer, until } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { HOSTILE_FRAMES, mutated, seeded } from "./realtime-hostile.ts";
import type { HostileFrame } from "./realtime-hostile.ts";
import { begin, callItem, connected, endItem, finish, settled, speak } from "./realtime-kit.ts";
import type { SessionBench } from "./realtime-kit.ts";

const SEED = Number(process.env["FUZZ_SEED"] ?? 20261121);
const MUTATIONS = 2000;

const thrown: unknown[] = [];
const note = (error: unknown): void => void thrown.push(error);
beforeAll(() => {
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
});
afterAll(() => {
  process.off("uncaughtException", note);
  process.off("unhandledRejection", note);
  expect(thrown).toEqual([]);
});

/** Real traffic: an audio turn with a tool call, as brain-local writes it. */
async function traffic(): Promise<string[]> {
  const brain = await scriptBrain({
    answers: [{ say: "I look.", calls: [{ name: "look", arguments: { far: true } }] }, "There is a cat."],
  });
  const client = new RealtimeClient({ url: brain.url });
  const frames: string[] = [];
  client.on("server_event", (event) => void frames.push(JSON.stringify(event)));
  await client.connect();
  for (let turn = 1; turn <= 2; turn++) {
    client.createResponse();
    await brain.waitFor("response.create", turn);
    await until(
      () =>
        frames.filter(
          (frame) => frame.startsWith('{"type":"response.done"') || frame.includes('"response.done"'),
        ).length >= turn,
      "no answer",
    );
  }
  await client.destroy();
  await brain.close();
  return frames;
}

/** True for what is no object of JSON with a type. */
function isNoEvent({ frame }: HostileFrame): boolean {
  if (typeof frame !== "string") return true;
  try {
    const value = JSON.parse(frame) as { type?: unknown } | null;
    return typeof value !== "object" || Array.isArray(value) || typeof value?.type !== "string";
  } catch {
    return true;
  }
}

/** Text frames that are not UTF-8: a lone byte, a sequence cut short, an overlong one, a surrogate. */
const BROKEN_TEXTS = [[0xff], [0xc3, 0x28], [0xc0, 0xaf], [0xed, 0xa0, 0x80]].map((bytes) =>
  Buffer.concat([
    Buffer.from('{"type":"response.output_text.delta","delta":"'),
    Buffer.from(bytes),
    Buffer.from('"}'),
  ]),
);

/** What a stranger must not be able to change. */
function unharmed(): void {
  expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  expect(thrown).toEqual([]);
}

/** After all that: a turn with audio, words and a tool is whole. */
async function wholeTurn(wire: RawConnection, bench: SessionBench): Promise<void> {
  const calls = bench.tools.calls.length;
  begin(wire, "resp_whole");
  speak(wire, "resp_whole", "item_whole", 40, "All is ");
  endItem(wire, "resp_whole", "item_whole", "All is well.");
  wire.send({ type: "response.output_item.done", response_id: "resp_whole", item: callItem("call_whole") });
  finish(wire, "resp_whole", { output: [callItem("call_whole")] });
  await until(() => bench.tools.calls.length > calls, "the tool was not called");
  expect(bench.tools.calls.at(-1)).toMatchObject({ callId: "call_whole", name: "look" });
  bench.playback.play(60_000);
  await until(
    () => bench.events("assistant.transcript").some((event) => event.final && event.text === "All is well."),
    () => JSON.stringify(bench.seen.slice(-10)),
  );
}

describe("a hostile server", () => {
  test("finds no frame that makes a dialect throw", () => {
    for (const name of ["ga", "beta"] as const) {
      const dialect = new SwitchedDialect();
      dialect.use(name);
      for (const { name: what, frame } of HOSTILE_FRAMES) {
        if (typeof frame !== "string") continue;
        expect(() => dialect.decode(frame), `${name}: ${what}`).not.toThrow();
      }
    }
    unharmed();
  });

  test("finds no frame that a client's listener, state or socket would notice", async () => {
    await using server = await RawServer.listen();
    await using client = new RealtimeClient({ url: server.url });
    const opened = client.connect();
    const wire = await server.accept();
    await wire.configure();
    await opened;
    const own: string[] = [];
    for (const type of ["connect", "disconnect", "reconnecting", "state_change"] as const)
      client.on(type, () => own.push(type));
    let audio = 0;
    client.on("audio", ({ pcm }) => (audio += pcm.length));
    const faults: string[] = [];
    client.on("error", ({ source, message }) => faults.push(`${source}: ${message}`));
    for (const { frame } of HOSTILE_FRAMES) wire.sendRaw(frame);
    for (const bytes of BROKEN_TEXTS) wire.sendTextBytes(bytes);
    wire.sendRaw(JSON.stringify({ type: "a.large.event", text: "x".repeat(20_000_000) }));
    const survived = new Promise<void>((resolve) =>
      client.on("server_event", ({ type }) => type === "the.end" && resolve()),
    );
    wire.send({ type: "the.end" });
    await survived;
    expect(own).toEqual([]);
    expect(faults.filter((fault) => !fault.startsWith("server: "))).toEqual([]);
    expect(audio).toBe(0);
    expect(client.getState()).toBe("ready");
    const metrics = client.getMetrics();
    expect(metrics).toMatchObject({ reconnects: 0, attempts: 1, listenerErrors: 0 });
    // The large one as well.
    expect(metrics.malformed).toBe(HOSTILE_FRAMES.filter(isNoEvent).length + 1);
    expect(Object.keys(client.getEventStats().received).length).toBeLessThan(130);
    unharmed();
  }, 20_000);

  test("finds no frame that makes the robot act, forget or fall off the line", async () => {
    await using kit = await connected({ turn_detection: { create_response: false } });
    const { wire, bench } = kit;
    for (const { frame } of HOSTILE_FRAMES) wire.sendRaw(frame);
    for (const bytes of BROKEN_TEXTS) wire.sendTextBytes(bytes);
    wire.sendRaw(JSON.stringify({ type: "a.large.event", text: "x".repeat(20_000_000) }));
    await settled(wire, bench);
    expect(bench.events("session.state_changed").map(({ state }) => state)).toEqual(["connecting", "ready"]);
    expect(bench.tools.calls).toEqual([]);
    expect(bench.playback.writes).toEqual([]);
    await wholeTurn(wire, bench);
    unharmed();
  }, 20_000);

  test("gains nothing by what belongs to an earlier session", async () => {
    await using kit = await connected();
    const { server, wire: old, bench } = kit;
    begin(old, "resp_old");
    speak(old, "resp_old", "item_old", 40, "Old words");
    await until(() => bench.playback.writes.length > 0, "nothing to play");
    old.drop();
    const wire = await server.accept();
    await wire.configure();
    await bench.state("ready");
    await settled(wire, bench);
    const before = bench.tools.calls.length;
    wire.send({
      type: "response.output_item.done",
      response_id: "resp_old",
      item: callItem("call_old", "look", "{}", "in_progress"),
    });
    finish(wire, "resp_old", {
      status: "cancelled",
      output: [callItem("call_old", "look", "{", "incomplete")],
    });
    wire.send({
      type: "conversation.item.truncated",
      item_id: "item_old",
      content_index: 0,
      audio_end_ms: 1,
    });
    await settled(wire, bench);
    expect(bench.tools.calls).toHaveLength(before);
    await wholeTurn(wire, bench);
  });

  test(`finds nothing by ${MUTATIONS} mutations of real traffic (FUZZ_SEED=${SEED})`, async () => {
    const frames = await traffic();
    expect(frames.length).toBeGreaterThan(20);
    const random = seeded(SEED);
    const pick = (): string => frames[Math.floor(random() * frames.length)] ?? "";
    // Chance may write a session's end or a fatal refusal: those are believed, and are not what is looked for here.
    const mutations = Array.from({ length: MUTATIONS }, () => mutated(pick(), pick(), random));
    const reference = new GaDialect();
    for (const frame of mutations) {
      expect(() => reference.decode(frame), `seed ${SEED}: ${frame}`).not.toThrow();
      const { wire } = reference;
      if (wire) expect(wire as unknown).toEqual(JSON.parse(frame));
    }
    await using kit = await connected({ turn_detection: { create_response: false } });
    const { wire, bench } = kit;
    for (const frame of mutations) wire.sendRaw(frame);
    await settled(wire, bench);
    expect(
      bench.events("session.state_changed").map(({ state }) => state),
      `seed ${SEED}`,
    ).toEqual(["connecting", "ready"]);
    for (const call of bench.tools.calls) expect(() => JSON.parse(call.argumentsJson)).not.toThrow();
    await wholeTurn(wire, bench);
    unharmed();
  }, 20_000);
});
