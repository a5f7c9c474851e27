import { afterEach, describe, expect, jest, test } from "bun:test";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { createHash } from "node:crypto";
import { Backoff } from "../../core/realtime/backoff.ts";
import { closeFailure, expiredFault, fatalFault, statusFailure } from "../../core/realtime/link-failure.ts";
import type { LinkFailure } from "../../core/realtime/link-failure.ts";
import { StallWatch } from "../../core/realtime/stall.ts";
import { connectWebSocket } from "../../core/realtime/transport.ts";
import { RawServer, until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { begin, connected, SessionBench, settled, speak } from "./realtime-kit.ts";
import { linkTest, TEST_WIRE } from "./realtime-wires.ts";

afterEach(() => {
  jest.useRealTimers();
});

describe("a server that falls silent", () => {
  linkTest("in the middle of an answer is left, and the answer goes on with the next session", async () => {
    const brain = await scriptBrain({
      answers: ["Once upon a time.", "There was a robot."],
      faults: [{ at: "before:response.output_audio.done", do: { kind: "stall" } }],
    });
    try {
      await using bench = new SessionBench(() => ({ url: brain.url }), {
        timeouts: { stall_ms: TEST_WIRE === "websocket" ? 150 : 1500 },
      });
      bench.session.start();
      await bench.state("ready");
      // Over WebRTC the words are told as far as their sound has come.
      bench.session.port.sendText("tell me a story");
      const lost = await bench.event("response.finished");
      expect(lost).toMatchObject({ status: "failed", message: "the server fell silent in its answer" });
      expect(bench.events("session.state_changed").find(({ state }) => state === "waiting")).toMatchObject({
        code: "LINK_TIMEOUT",
      });
      expect(await bench.event("response.finished", 2)).toMatchObject({ status: "completed" });
      expect(brain.asked.at(-1)?.slice(0, 2)).toMatchObject([
        { kind: "user", text: "tell me a story" },
        { kind: "assistant" },
      ]);
      expect(bench.session.counters()).toMatchObject({ continuity: { stalls: 1 } });
    } finally {
      await brain.close();
    }
  });

  linkTest("while nothing is under way is left alone", async () => {
    await using link = await connected({ timeouts: { stall_ms: 20 } });
    await Bun.sleep(120);
    await settled(link.wire, link.bench);
    expect(link.bench.session.port.state()).toBe("ready");
  });

  linkTest("for less than the limit, again and again, is waited for", async () => {
    await using link = await connected({ timeouts: { stall_ms: 400 } });
    begin(link.wire, "r1");
    for (let piece = 0; piece < 8; piece++) {
      await Bun.sleep(90);
      speak(link.wire, "r1", "a1", 20, "word ");
    }
    await settled(link.wire, link.bench);
    expect(link.bench.session.port.state()).toBe("ready");
    expect(link.bench.session.counters()).toMatchObject({ continuity: { stalls: 0 } });
  });

  test("with half an answer spoken is reported once it is heard (C21)", () => {
    jest.useFakeTimers();
    const gaps: number[] = [];
    let playing = true;
    const watch = new StallWatch({
      stallMs: 60_000,
      playing: () => playing,
      onStall: () => {},
      onGap: () => void gaps.push(1),
    });
    watch.began();
    jest.advanceTimersByTime(5000);
    expect(gaps).toEqual([]);
    watch.audio();
    jest.advanceTimersByTime(3000);
    expect(gaps).toEqual([]);
    playing = false;
    jest.advanceTimersByTime(5000);
    expect(gaps.length).toBe(1);
    watch.audio();
    watch.audioDone();
    jest.advanceTimersByTime(5000);
    expect(gaps.length).toBe(1);
    expect(watch.counters()).toEqual({ stalls: 0, audio_gaps: 1 });
    watch.ended();
    expect(jest.getTimerCount()).toBe(0);
  });
});

/** A WebSocket server that shakes hands and then reads nothing any more, as a machine that is gone does. */
async function deafServer(): Promise<{ url: string } & AsyncDisposable> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.once("data", (head) => {
      const key = /sec-websocket-key: *(\S+)/i.exec(head.toString())?.[1] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.pause();
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("a socket", () => {
  test("that takes nothing of what is sent ends at the time limit", async () => {
    await using server = await deafServer();
    const closed = Promise.withResolvers<LinkFailure>();
    const opened = Promise.withResolvers<void>();
    const wire = connectWebSocket(
      { url: server.url, headers: {}, handshakeMs: 5000, sendMs: 100, maxMessageBytes: 1000 },
      {
        onOpen: () => opened.resolve(),
        onText() {},
        onAudio() {},
        onBinary() {},
        onPong() {},
        onClose: (failure) => closed.resolve(failure),
      },
    );
    await opened.promise;
    for (let sent = 0; sent < 40; sent++) wire.send("x".repeat(1_000_000));
    expect(await closed.promise).toMatchObject({
      code: "LINK_TIMEOUT",
      message: "the server does not take what is sent",
      retryable: true,
    });
  });

  linkTest(
    "takes messages up to the size that the profile allows, and one of many times that ends the connection",
    async () => {
      await using link = await connected({ limits: { message_bytes: 100_000 } });
      link.wire.sendRaw(`{"type":"x","x":"${"a".repeat(90_000)}"}`);
      await settled(link.wire, link.bench);
      expect(link.bench.session.port.state()).toBe("ready");
      link.wire.sendRaw(`{"type":"x","x":"${"a".repeat(500_000)}"}`);
      await (await link.server.accept()).configure();
      await link.bench.state("ready");
      expect(link.server.connections.length).toBe(2);
    },
  );
});

describe("attempts to connect", () => {
  test("are made after 1, 2, 4, 8 and 16 s with five allowed, then no more (C15)", () => {
    const policy = { initial_ms: 1000, factor: 2, max_ms: 30_000, attempts: 5, jitter: 0 };
    const backoff = new Backoff(policy);
    expect(Array.from({ length: 6 }, () => backoff.fail())).toEqual([1000, 2000, 4000, 8000, 16_000, null]);
    backoff.reset();
    expect(backoff.fail()).toBe(1000);
  });

  linkTest("wait as long as a server asks that is busy (C15)", async () => {
    await using server = await RawServer.listen();
    server.refuse(503, "busy", { "Retry-After": "7" });
    await using bench = new SessionBench(() => ({ url: server.url }));
    bench.session.start();
    expect(await bench.event("session.state_changed", 2)).toMatchObject({
      state: "waiting",
      retry_in_ms: 7000,
    });
    await until(() => server.refused === 1, "It was not refused");
  });

  test("wait for a date too, never for a past one, and not for ever", () => {
    const at = (offsetMs: number) => new Date(Date.now() + offsetMs).toUTCString();
    const wait = (header: string) => statusFailure(429, "", header).retryAfterMs;
    expect(wait(at(20_000))).toBeWithin(17_000, 21_000);
    expect(wait(at(-20_000))).toBe(0);
    expect(wait("86400")).toBe(600_000);
    expect(wait("soon")).toBeUndefined();
    expect(wait("")).toBeUndefined();
  });
});

describe("what no retry mends", () => {
  test.each([
    ["insufficient_quota", "add credit"],
    ["billing_hard_limit_reached", "raise the spending limit"],
    ["account_deactivated", "another account"],
    ["model_not_found", "`model` in [session]"],
    ["missing_model", "`model` in [session]"],
    ["beta_api_shape_disabled", '"ga"'],
    ["invalid_api_key", "OPENAI_API_KEY"],
  ])("%s says what to do (C15)", (code, remedy) => {
    const fault = fatalFault({ code, message: "No.", kind: "invalid_request_error", eventId: undefined });
    expect(fault).toMatchObject({ retryable: false });
    expect(fault?.message).toStartWith(`${code}: No (`);
    expect(fault?.message).toContain(remedy);
    const closed = closeFailure(4000, `invalid_request_error.${code}`);
    expect(closed.retryable).toBe(false);
    expect(closed.message).toContain(remedy);
  });

  test("does not include a session whose time is up, nor errors of the server's own", () => {
    const fault = { message: "", kind: "", eventId: undefined };
    expect(fatalFault({ ...fault, code: "session_expired" })).toBeUndefined();
    expect(expiredFault({ ...fault, code: "session_expired" })).toMatchObject({
      retryable: true,
      expired: true,
    });
    expect(expiredFault({ ...fault, code: "server_error" })).toBeUndefined();
    expect([1001, 1006, 1011, 1012, 1013].map((code) => closeFailure(code, "").retryable)).not.toContain(
      false,
    );
    expect([408, 429, 500, 502, 503, 504].map((status) => statusFailure(status, "").retryable)).not.toContain(
      false,
    );
    expect([400, 401, 403, 404, 410].map((status) => statusFailure(status, "").retryable)).not.toContain(
      true,
    );
  });
});
