import { afterEach, describe, expect, jest, test } from "bun:test";
import { Renewal } from "../../core/realtime/renewal.ts";
import { until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { begin, connected, endItem, finish, SessionBench, settled, speak } from "./realtime-kit.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { linkTest, TEST_WIRE } from "./realtime-wires.ts";

afterEach(() => {
  jest.useRealTimers();
});

/** A renewal in the hands of the test, in time that the test makes. */
function renewal(config: { beforeMs?: number; deadlineMs?: number } = {}) {
  jest.useFakeTimers();
  let nowMs = 1_000_000_000_000;
  const seen = { prepared: 0, swapped: 0, atRest: false, ready: true };
  const it = new Renewal({
    beforeMs: 300_000,
    deadlineMs: 60_000,
    ...config,
    prepare: () => void seen.prepared++,
    atRest: () => seen.atRest,
    swap: () => {
      if (!seen.ready) return false;
      seen.swapped++;
      it.ended();
      return true;
    },
    nowMs: () => nowMs,
  });
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 250) {
      nowMs += 250;
      jest.advanceTimersByTime(250);
    }
  };
  return { it, seen, pass, expiresInS: (s: number) => Math.floor(nowMs / 1000) + s };
}

describe("a session that will expire", () => {
  test("is renewed at the first pause of its last minutes (C17)", () => {
    const { it, seen, pass, expiresInS } = renewal();
    it.began(expiresInS(3600));
    seen.atRest = true;
    pass(3299_000);
    expect(seen).toMatchObject({ prepared: 0, swapped: 0 });
    seen.atRest = false;
    pass(60_000);
    expect(seen.prepared).toBeGreaterThan(0);
    expect(seen.swapped).toBe(0);
    seen.atRest = true;
    pass(500);
    expect(seen.swapped).toBe(1);
  });

  test("is renewed in the middle of things a minute before its end, and not sooner (C17)", () => {
    const { it, seen, pass, expiresInS } = renewal();
    it.began(expiresInS(3600));
    pass(3539_000);
    expect(seen.swapped).toBe(0);
    pass(2000);
    expect(seen.swapped).toBe(1);
  });

  test("is renewed as soon as the next one is there, which is tried again every few seconds", () => {
    const { it, seen, pass, expiresInS } = renewal();
    it.began(expiresInS(3600));
    Object.assign(seen, { atRest: true, ready: false });
    pass(3320_000);
    expect(seen.prepared).toBeGreaterThanOrEqual(4);
    expect(seen.swapped).toBe(0);
    seen.ready = true;
    pass(500);
    expect(seen.swapped).toBe(1);
  });

  test("is left alone where its server does not say when, or says what cannot be", () => {
    const { it, seen, pass, expiresInS } = renewal();
    seen.atRest = true;
    for (const at of [undefined, expiresInS(-10), expiresInS(10 ** 9)]) {
      it.began(at);
      pass(600_000);
    }
    expect(seen).toMatchObject({ prepared: 0, swapped: 0 });
  });
});

/** A short life for a session: over WebRTC an answer is as long as it sounds, and a call takes its time to be made. */
const LIFE_MS = TEST_WIRE === "websocket" ? 2500 : 5000;

/** The server's word on when a session ends. */
function greet(wire: RawConnection, expiresInMs: number): void {
  const expires_at = Math.ceil((Date.now() + expiresInMs) / 1000);
  wire.send({ type: "session.created", session: { id: "s", expires_at } });
}

describe("renewal", () => {
  linkTest(
    "makes the next session beside the present one, tells it the conversation, and loses no frame (C17)",
    async () => {
      await using link = await connected({ restore: { ack_ms: 5000 }, renewal: { before_s: 3600 } });
      const { wire, bench, server } = link;
      bench.session.port.note("The battery is low.");
      begin(wire, "r1");
      speak(wire, "r1", "a1", 100, "Hello.");
      endItem(wire, "r1", "a1", "Hello.");
      finish(wire, "r1");
      await bench.event("response.finished");
      // The loudspeaker still plays: no pause yet.
      greet(wire, LIFE_MS);
      const next = await server.accept();
      await next.configure();
      let value = 1;
      const speaking = setInterval(() => bench.capture.frames(1, value++), 1);
      await Bun.sleep(400);
      expect(next.types()).toEqual(["session.update"]);
      bench.playback.play(1000);
      await until(() => next.all("conversation.item.create").length === 3, "Nothing was told");
      for (const frame of next.all("conversation.item.create"))
        next.send({ type: "conversation.item.added", item: frame["item"] });
      await until(() => next.all("input_audio_buffer.append").length > 80, "No audio came");
      clearInterval(speaking);
      await settled(next, bench);
      expect((await wire.closed).code).toBe(1000);
      const values = (from: RawConnection) =>
        from
          .all("input_audio_buffer.append")
          .map((frame) => Buffer.from(String(frame["audio"]), "base64").readInt16LE());
      const [before, after] = [values(wire), values(next)];
      const all = [...new Set([...before, ...after])];
      if (TEST_WIRE === "websocket") {
        expect(all).toEqual(Array.from({ length: value - 1 }, (_, at) => at + 1));
        expect(after).toEqual(after.toSorted((a, b) => a - b));
      } else {
        // Sound is another signal behind its codec: frames can be counted, not told apart.
        expect(before.length + after.length).toBeGreaterThanOrEqual(value - 1);
      }
      // Nobody was told of a loss, and the body was not stopped.
      expect(bench.events("session.state_changed").map(({ state }) => state)).toEqual([
        "connecting",
        "ready",
      ]);
      expect(bench.playback.flushes).toBe(0);
      expect(bench.session.counters()).toMatchObject({ connection: { renewed: 1, lost: 0, connects: 1 } });
    },
  );

  linkTest(
    "goes on for as long as one talks, with a server that ends sessions after seconds",
    async () => {
      const brain = await scriptBrain({
        sessionCapMs: LIFE_MS,
        answers: (said) => `I know ${said.length} things.`,
      });
      try {
        await using bench = new SessionBench(() => ({ url: brain.url }), { renewal: { deadline_s: 0 } });
        bench.session.start();
        await bench.state("ready");
        const playing = setInterval(() => bench.playback.play(1000), 5);
        bench.session.port.sendText("one");
        const renewed = () => (bench.session.counters()["connection"] as { renewed: number }).renewed;
        await until(() => renewed() >= 2, "The session was not renewed twice");
        clearInterval(playing);
        bench.session.port.sendText("two");
        await bench.event("response.finished", 2);
        expect(brain.asked.at(-1)?.filter(({ kind }) => kind !== "system")).toMatchObject([
          { kind: "user", text: "one" },
          { kind: "assistant", text: "I know 1 things." },
          { kind: "user", text: "two" },
        ]);
        expect(bench.events("session.error")).toEqual([]);
        expect(bench.events("session.state_changed").map(({ state }) => state)).toEqual([
          "connecting",
          "ready",
        ]);
      } finally {
        await brain.close();
      }
    },
    15_000,
  );
});

describe("a session that has expired", () => {
  for (const by of ["error", "close"])
    linkTest(`is followed by the next at once, told by ${by}, and counts as no failure`, async () => {
      await using link = await connected({ reconnect: { initial_ms: 60_000, max_ms: 60_000, attempts: 1 } });
      if (by === "error") {
        link.wire.send({
          type: "error",
          error: { type: "invalid_request_error", code: "session_expired", message: "60 minutes" },
        });
      } else link.wire.close(1001, "maximum duration of 60 minutes");
      await (await link.server.accept()).configure();
      await link.bench.event("session.state_changed", 4);
      expect(
        link.bench.events("session.state_changed").map(({ state, attempt }) => [state, attempt]),
      ).toEqual([
        ["connecting", 1],
        ["ready", 1],
        ["connecting", 1],
        ["ready", 1],
      ]);
      expect(link.bench.session.counters()).toMatchObject({ connection: { rotated: 1 } });
      expect(link.bench.events("session.error")).toEqual([]);
    });

  linkTest("right after it began is a failure like any other", async () => {
    await using link = await connected({ reconnect: { initial_ms: 1, max_ms: 1 } });
    link.wire.close(1001);
    const again = await link.server.accept();
    await again.configure();
    await link.bench.event("session.state_changed", 4);
    again.close(1001);
    await (await link.server.accept()).configure();
    expect((await link.bench.event("session.state_changed", 5)).state).toBe("waiting");
  });
});
