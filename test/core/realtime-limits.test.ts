import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { Arbiter } from "../../core/realtime/arbiter.ts";
import { sessionConfig } from "../../core/realtime/config.ts";
import { ContextImages } from "../../core/realtime/context-images.ts";
import { measureContext } from "../../core/realtime/context-size.ts";
import type { ClientEvent } from "../../core/realtime/events.ts";
import { IdleAudio } from "../../core/realtime/idle-audio.ts";
import { RateLimits } from "../../core/realtime/rate-limits.ts";
import type { TopicName } from "../../core/topics.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { until } from "../kit/raw-server.ts";
import { SessionBench, begin, connected, finish, settled } from "./realtime-kit.ts";
import { linkTest, TEST_WIRE } from "./realtime-wires.ts";

function rates(config: Record<string, unknown> = {}) {
  let nowMs = 1000;
  const seen: { topic: TopicName; event: unknown }[] = [];
  const limits = new RateLimits({
    config: sessionConfig.parse({ rate_limits: config }).rate_limits,
    publish: (topic, event) => void seen.push({ topic, event }),
    now: () => nowMs,
  });
  const tell = (name: string, remaining: number, resetS: number) =>
    limits.update([{ name, limit: 40_000, remaining, resetS }]);
  const refuse = (message = "slow down", code = "rate_limit_exceeded") =>
    limits.refused({ code, message, kind: "tokens", eventId: undefined });
  const delays = () => seen.filter(({ topic }) => topic === "response.delayed").map(({ event }) => event);
  return { limits, seen, tell, refuse, delays, pass: (ms: number) => void (nowMs += ms) };
}

describe("the server's rate limits", () => {
  test("hold answers back until they are reset when nothing is left, and say so once", () => {
    const { limits, tell, delays, pass } = rates();
    tell("requests", 0, 3);
    expect(limits.holdMs()).toBe(3000);
    pass(1000);
    expect(limits.holdMs()).toBe(2000);
    pass(2000);
    expect(limits.holdMs()).toBe(0);
    expect(delays()).toEqual([{ wait_ms: 3000, limit: "requests" }]);
  });

  test("hold answers back below the reserve of tokens, and no longer once there is more", () => {
    const { limits, tell } = rates({ reserve_tokens: 500 });
    tell("tokens", 501, 9);
    expect(limits.holdMs()).toBe(0);
    tell("tokens", 500, 9);
    expect(limits.holdMs()).toBe(9000);
    tell("tokens", 4000, 9);
    expect(limits.holdMs()).toBe(0);
  });

  test("of which the longest counts, and none for longer than configured", () => {
    const { limits, tell } = rates({ max_wait_s: 5 });
    tell("requests", 0, 2);
    tell("tokens", 0, 86_400);
    expect(limits.holdMs()).toBe(5000);
  });

  test("without figures hold nothing back", () => {
    const { limits, seen } = rates();
    limits.update([{ name: "tokens", limit: undefined, remaining: undefined, resetS: undefined }]);
    expect(limits.holdMs()).toBe(0);
    expect(seen).toEqual([{ topic: "rate_limits.updated", event: { limits: [{ name: "tokens" }] } }]);
  });

  test.each([
    ["Please try again in 1.2s.", 1200],
    ["Please try again in 340ms.", 340],
    ["Try again in 2 m", 60_000],
    ["slow down", 1000],
  ])("of a refused answer are read from its message: %p", (message, waitMs) => {
    const { limits, refuse } = rates();
    expect(refuse(message)).toBe(true);
    expect(limits.holdMs()).toBe(waitMs);
  });

  test("that the server gave before come before a guess", () => {
    const { limits, tell, refuse } = rates();
    tell("tokens", 9000, 7);
    refuse();
    expect(limits.holdMs()).toBe(7000);
  });

  test("let a refused answer be asked for again a few times in a row only, each time later", () => {
    const { limits, refuse, pass } = rates({ retries: 3 });
    const waits: number[] = [];
    for (let i = 0; i < 3; i++) {
      expect(refuse()).toBe(true);
      waits.push(limits.holdMs());
      pass(100_000);
    }
    expect(waits).toEqual([1000, 2000, 4000]);
    expect(refuse()).toBe(false);
    expect(refuse()).toBe(true);
    limits.passed();
    expect([refuse(), refuse(), refuse(), refuse()]).toEqual([true, true, true, false]);
  });

  test("have nothing to do with other faults", () => {
    const { limits, refuse } = rates();
    expect(refuse("try again in 5s", "server_error")).toBe(false);
    expect(limits.holdMs()).toBe(0);
  });
});

describe("the arbiter", () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test("asks when the hold is over, once, with all that was wished meanwhile", () => {
    const sent: ClientEvent[] = [];
    let holdMs = 3000;
    const arbiter = new Arbiter({
      send: (event) => sent.push(event),
      ready: () => true,
      answersItself: true,
      responseMs: 10_000,
      onTimeout: () => {},
      holdMs: () => holdMs,
    });
    arbiter.want({ automatic: true });
    arbiter.want({ instructions: "say it" });
    jest.advanceTimersByTime(2999);
    expect(sent).toEqual([]);
    expect(arbiter.atRest).toBe(false);
    holdMs = 0;
    jest.advanceTimersByTime(1);
    expect(sent).toMatchObject([{ type: "create_response", instructions: "say it" }]);
    jest.advanceTimersByTime(60_000);
    expect(sent.length).toBe(1);
  });
});

describe("a session under rate limits", () => {
  const spent = (remaining: number, reset_seconds: number) => ({
    type: "rate_limits.updated",
    rate_limits: [{ name: "tokens", limit: 20_000, remaining, reset_seconds }],
  });

  linkTest("waits before it asks, not only after an error", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    wire.send(spent(0, 0.4));
    await settled(wire, bench);
    const askedAt = performance.now();
    bench.session.port.sendText("hello");
    await wire.next("conversation.item.create");
    expect(wire.all("response.create").length).toBe(0);
    await wire.next("response.create");
    expect(performance.now() - askedAt).toBeGreaterThan(250);
    expect(bench.events("response.delayed")).toMatchObject([{ limit: "tokens" }]);
    expect(bench.events("rate_limits.updated")).toEqual([
      { limits: [{ name: "tokens", limit: 20_000, remaining: 0, reset_s: 0.4 }] },
    ]);
  });

  const refusal = (message: string) => ({
    status: "failed",
    status_details: { type: "failed", error: { code: "rate_limit_exceeded", message } },
  });

  linkTest(
    "asks a refused answer again with its own instructions, after the time that the server names",
    async () => {
      await using link = await connected();
      const { wire, bench } = link;
      bench.session.port.respond("Sing.");
      const first = await wire.next("response.create");
      begin(wire, "r1", first);
      finish(wire, "r1", {
        ...refusal("Please try again in 200ms."),
        metadata: (first["response"] as { metadata: unknown }).metadata,
      });
      const second = await wire.next("response.create");
      expect(second["response"]).toMatchObject({ instructions: "Sing." });
      begin(wire, "r2", second);
      finish(wire, "r2");
      await settled(wire, bench);
      expect(bench.events("session.error")).toEqual([]);
      expect(bench.events("response.finished").map(({ status }) => status)).toEqual(["failed", "completed"]);
    },
  );

  linkTest("asks again where the request itself is refused by an error event", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    bench.session.port.respond("Sing.");
    const { event_id } = await wire.next("response.create");
    const error = { type: "tokens", code: "rate_limit_exceeded", message: "try again in 50ms", event_id };
    wire.send({ type: "error", error });
    const second = await wire.next("response.create");
    expect(second["response"]).toMatchObject({ instructions: "Sing." });
    wire.send({ type: "error", error: { ...error, code: "invalid_value", event_id: second["event_id"] } });
    expect(await bench.event("session.error")).toMatchObject({ code: "invalid_value" });
    await settled(wire, bench);
    expect(wire.all("response.create").length).toBe(2);
  });

  linkTest("gives up and says so after as many refusals as configured", async () => {
    await using link = await connected({ rate_limits: { retries: 1 } });
    const { wire, bench } = link;
    bench.session.port.respond();
    for (const id of ["r1", "r2"]) {
      begin(wire, id, await wire.next("response.create"));
      finish(wire, id, refusal("try again in 20ms"));
    }
    expect(await bench.event("session.error")).toMatchObject({ code: "rate_limit_exceeded" });
    await Bun.sleep(100);
    expect(wire.all("response.create").length).toBe(2);
  });

  linkTest("answers in the end what a whole server refused for a while", async () => {
    const refuses = { fail: { code: "rate_limit_exceeded", message: "try again in 50ms", type: "tokens" } };
    const brain = await scriptBrain({ answers: [refuses, "Fine."] });
    try {
      await using bench = new SessionBench(() => ({ url: brain.url, free: true }));
      bench.session.start();
      await bench.state("ready");
      bench.session.port.sendText("hello");
      await until(
        () => bench.events("response.finished").some(({ status }) => status === "completed"),
        "No answer after the refusal",
      );
    } finally {
      await brain.close();
    }
  });
});

describe("camera images", () => {
  linkTest("beyond the newest leave the conversation at a pause", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    for (const jpeg of [1, 2, 3]) bench.session.port.addImage(new Uint8Array([jpeg]), `picture ${jpeg}`);
    await settled(wire, bench);
    await Bun.sleep(600);
    expect(wire.all("conversation.item.delete")).toEqual([]);
    finish(wire, "r1");
    await until(() => wire.all("conversation.item.delete").length === 2, "The old images stayed");
    const items = wire.all("conversation.item.create").map(({ item }) => (item as { id: string }).id);
    expect(wire.all("conversation.item.delete").map((event) => event["item_id"])).toEqual(items.slice(0, 2));
    expect(bench.events("context.trimmed")).toEqual([{ images: 2 }]);
  });

  linkTest("that a new session was told leave it when a newer one comes", async () => {
    await using link = await connected();
    const { wire, bench, server } = link;
    bench.session.port.addImage(new Uint8Array([1]));
    await wire.next("conversation.item.create");
    wire.drop();
    const again = await server.accept();
    await again.configure();
    const told: { id: string; content: { type: string }[] }[] = [];
    for (let i = 0; i < 2; i++) {
      const { item } = (await again.next("conversation.item.create")) as unknown as {
        item: (typeof told)[0];
      };
      told.push(item);
      again.send({ type: "conversation.item.added", item });
      again.send({ type: "conversation.item.done", item });
    }
    const picture = told.find(({ content }) => content[0]?.type === "input_image");
    await until(
      () => bench.events("session.state_changed").filter(({ state }) => state === "ready").length === 2,
      "No restore",
    );
    bench.session.port.addImage(new Uint8Array([2]));
    expect((await again.next("conversation.item.delete"))["item_id"]).toBe(picture?.id);
    expect(again.all("conversation.item.delete").length).toBe(1);
  });

  test("that were deleted already are not deleted again, and a new conversation has none", () => {
    const images = new ContextImages(1);
    for (const id of ["a", "b", "c"]) images.added(id);
    images.deleted("a");
    expect(images.trim()).toEqual(["b"]);
    expect(images.excess).toBe(false);
    images.added("d");
    images.clear();
    expect(images.trim()).toEqual([]);
  });
});

describe("what goes in front of every answer", () => {
  test("is estimated, with the longest tools first", () => {
    const tool = (name: string, length: number) => ({
      name,
      description: "x".repeat(length),
      parameters: {},
    });
    const size = measureContext("y".repeat(400), [
      tool("a", 100),
      tool("b", 4000),
      tool("c", 800),
      tool("d", 40),
    ]);
    expect(size).toMatchObject({ instructionsTokens: 100, tools: 4 });
    expect(size.largest.map(({ name }) => name)).toEqual(["b", "c", "a"]);
    expect(size.toolsTokens).toBeGreaterThan(1235);
    expect(size.toolsTokens).toBeLessThan(1300);
  });

  linkTest("is told at the start and when the tools change", async () => {
    await using link = await connected({ instructions: "Be kind." });
    const { bench, wire } = link;
    expect(bench.events("context.measured")).toMatchObject([
      { instructions_tokens: 2, tools: 1, limit_tokens: 16_384 },
    ]);
    bench.tools.change([]);
    await wire.settled();
    expect(bench.events("context.measured").at(-1)).toMatchObject({ tools: 0, tools_tokens: 0 });
    expect(bench.logged.some((line) => line.includes("estimated tokens in front of every answer"))).toBe(
      true,
    );
  });

  linkTest("is warned of when it comes near the server's limit, with the tools to blame", async () => {
    await using link = await connected({ instructions: "z".repeat(4 * 14_000) });
    link.bench.tools.change([{ name: "chatty", description: "x".repeat(4000), parameters: {} }]);
    await link.wire.settled();
    expect(link.bench.logged.some((line) => line.includes('"warn"') && line.includes("chatty (1"))).toBe(
      true,
    );
  });
});

describe("a robot that nobody speaks to", () => {
  linkTest("hangs up, and typing connects it again without losing the words", async () => {
    await using link = await connected({ idle: { hang_up_s: 0.2 } });
    const { wire, bench, server } = link;
    expect(await bench.event("session.hung_up")).toEqual({ reason: "idle" });
    expect((await wire.closed).code).toBe(1000);
    expect(bench.session.port.state()).toBe("idle");
    bench.session.port.sendText("are you there?");
    const again = await server.accept();
    await again.configure();
    expect((await again.next("conversation.item.create"))["item"]).toMatchObject({ role: "user" });
    await again.next("response.create");
    expect(bench.events("session.error")).toEqual([]);
  });

  linkTest("answers what wakes it, however long it was silent", async () => {
    await using link = await connected({ idle: { hang_up_s: 0.1 }, restore: { stale_s: 0 } });
    const { bench, server } = link;
    await bench.event("session.hung_up");
    bench.session.port.respond("Say good morning.");
    const again = await server.accept();
    await again.configure();
    const { response } = await again.next("response.create");
    expect(response).toMatchObject({ instructions: "Say good morning." });
  });

  linkTest("stays while an answer runs or is heard", async () => {
    await using link = await connected({ idle: { hang_up_s: 0.2 } });
    begin(link.wire, "r1");
    await settled(link.wire, link.bench);
    await Bun.sleep(600);
    expect(link.bench.session.port.state()).toBe("ready");
    finish(link.wire, "r1");
    await link.bench.event("session.hung_up");
  });

  linkTest("never hangs up unless it is told to", async () => {
    await using link = await connected();
    await Bun.sleep(300);
    expect(link.bench.session.port.state()).toBe("ready");
    expect(link.bench.events("session.hung_up")).toEqual([]);
  });

  linkTest("hears speech from its beginning, and nothing older, when that connects it again", async () => {
    await using link = await connected({ idle: { hang_up_s: 0.1 } });
    const { bench, server } = link;
    bench.capture.frames(60, 1);
    await bench.event("session.hung_up");
    bench.capture.frames(60, 300);
    bench.capture.frames(3, 100);
    bench.session.bargeIn();
    bench.capture.frames(2, 200);
    const again = await server.accept();
    await again.configure();
    await until(() => again.all("input_audio_buffer.append").length >= 52, "The speech was lost");
    const values = again
      .all("input_audio_buffer.append")
      .map(({ audio }) => Buffer.from(String(audio), "base64").readInt16LE(0));
    const second = Array.from({ length: 47 }, (_, i) => 313 + i);
    expect(values).toEqual([...second, 100, 101, 102, 200, 201]);
  });

  describe("and sleeps until it hears its name", () => {
    const idle = { hang_up_s: 0.1, wake: "word", preconnect_s: 30, preconnect_every_s: 1.5 };
    /** What is above the wire, and needs a call in less time than WebRTC has one. */
    const wireless = test.skipIf(TEST_WIRE === "webrtc");

    linkTest(
      "connects when somebody begins to speak, sends no sound, and is ready at once when it was its name",
      async () => {
        await using link = await connected({ idle });
        const { bench, server } = link;
        await bench.event("session.hung_up");
        bench.session.foresee();
        const ahead = await server.accept();
        bench.capture.frames(20, 300);
        await ahead.configure();
        bench.capture.frames(20, 320);
        await Bun.sleep(50);
        expect(bench.session.port.state()).toBe("idle");
        expect(ahead.frames.map(({ type }) => type)).toEqual(["session.update"]);
        bench.session.bargeIn();
        await bench.state("ready");
        await until(() => ahead.all("input_audio_buffer.append").length >= 40, "The word is not sent behind");
        expect(server.connections.length).toBe(2);
        expect(bench.session.counters()).toMatchObject({ limits: { preconnects: 1 } });
      },
    );

    linkTest("and its name that comes before the connection stands: it goes on with that", async () => {
      await using link = await connected({ idle });
      const { bench, server } = link;
      await bench.event("session.hung_up");
      bench.session.foresee();
      const ahead = await server.accept();
      bench.session.bargeIn();
      await bench.state("connecting");
      bench.session.port.respond();
      await ahead.configure();
      await bench.state("ready");
      await ahead.next("response.create");
      expect(server.connections.length).toBe(2);
    });

    wireless("hangs up again when it was not, and does not call again soon", async () => {
      await using link = await connected({ idle: { ...idle, preconnect_s: 0.4 } });
      const { bench, server } = link;
      await bench.event("session.hung_up");
      const began = performance.now();
      bench.session.foresee();
      const ahead = await server.accept();
      await ahead.configure();
      await ahead.closed;
      while (performance.now() - began < 1200) {
        bench.session.foresee();
        await Bun.sleep(50);
      }
      expect(server.connections.length).toBe(2);
      expect(ahead.frames.map(({ type }) => type)).toEqual(["session.update"]);
      while (performance.now() - began < idle.preconnect_every_s * 1000 + 50) await Bun.sleep(50);
      bench.session.foresee();
      await server.accept();
      expect(bench.session.port.state()).toBe("idle");
    });

    wireless("wakes all the same when the connection that was made ahead is gone", async () => {
      await using link = await connected({ idle });
      const { bench, server } = link;
      await bench.event("session.hung_up");
      bench.session.foresee();
      const ahead = await server.accept();
      await ahead.configure();
      ahead.drop();
      await Bun.sleep(100);
      bench.session.bargeIn();
      const again = await server.accept();
      await again.configure();
      await bench.state("ready");
      expect(bench.events("session.error")).toEqual([]);
    });

    wireless(
      "keeps a second connection that was made ahead as long as the first one, which came to nothing",
      async () => {
        await using link = await connected({ idle: { ...idle, preconnect_s: 1.2, preconnect_every_s: 0.3 } });
        const { bench, server } = link;
        await bench.event("session.hung_up");
        const began = performance.now();
        bench.session.foresee();
        const gone = await server.accept();
        await gone.configure();
        gone.drop();
        while (performance.now() - began < 700) await Bun.sleep(50);
        bench.session.foresee();
        const ahead = await server.accept();
        await ahead.configure();
        while (performance.now() - began < 1400) await Bun.sleep(50);
        bench.session.bargeIn();
        await bench.state("ready");
        expect(server.connections.length).toBe(3);
      },
    );

    wireless("or never connects ahead, where the profile says so, or any speech wakes it", async () => {
      for (const other of [{ preconnect_s: 0 }, { wake: "speech" }]) {
        await using link = await connected({ idle: { ...idle, ...other } });
        await link.bench.event("session.hung_up");
        link.bench.session.foresee();
        await Bun.sleep(100);
        expect(link.server.connections.length).toBe(1);
      }
    });
  });

  test("keeps the last second of sound only", () => {
    const audio = new IdleAudio(3);
    const heard: number[] = [];
    for (let value = 1; value <= 5; value++) audio.push(new Int16Array(480).fill(value));
    audio.drain((frame) => heard.push(frame[479] ?? 0));
    audio.drain((frame) => heard.push(frame[0] ?? 0));
    audio.push(new Int16Array(480).fill(9));
    audio.drain((frame) => heard.push(frame[0] ?? 0));
    expect(heard).toEqual([3, 4, 5, 9]);
  });
});
