import { afterEach, describe, expect, jest, test } from "bun:test";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { MynaError } from "../../core/errors.ts";
import { Backoff } from "../../core/realtime/backoff.ts";
import { sessionConfig } from "../../core/realtime/config.ts";
import { Connection } from "../../core/realtime/connection.ts";
import type { ConnectionDeps, Endpoint, LinkChange } from "../../core/realtime/connection.ts";
import { GaDialect } from "../../core/realtime/dialect-ga.ts";
import type { ServerEvent } from "../../core/realtime/events.ts";
import { linkFailure } from "../../core/realtime/link-failure.ts";
import type { TransportEvents, TransportRequest } from "../../core/realtime/transport.ts";
import { RawServer } from "../kit/raw-server.ts";
import { connected, SessionBench, settled } from "./realtime-kit.ts";

/** A wire without a network, in the hands of the test. */
class FakeWire {
  readonly sent: { type: string; event_id?: string }[] = [];
  pings = 0;
  closed = 0;
  terminated = 0;

  constructor(
    readonly request: TransportRequest,
    readonly events: TransportEvents,
  ) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text) as { type: string });
  }
  ping(): void {
    this.pings++;
  }
  async close(): Promise<void> {
    this.closed++;
  }
  terminate(): void {
    this.terminated++;
  }

  say(event: Record<string, unknown>): void {
    this.events.onText(JSON.stringify(event));
  }
  open(): void {
    this.events.onOpen();
  }
  become(state: "ready"): void {
    if (state === "ready") this.open();
    this.say({ type: "session.updated" });
  }
  drop(): void {
    this.events.onClose({ ...linkFailure("LINK_CLOSED", "gone"), closeCode: 1006 });
  }
}

function bench(config: Record<string, unknown> = {}, rest: Partial<ConnectionDeps> = {}) {
  const wires: FakeWire[] = [];
  const changes: LinkChange[] = [];
  const received: ServerEvent[] = [];
  const lost: string[] = [];
  const ready: number[] = [];
  const dialect = new GaDialect();
  const parsed = sessionConfig.parse({ reconnect: { jitter: 0 }, ...config });
  const connection = new Connection({
    config: parsed,
    dialect,
    endpoint: () => ({ url: "ws://server/", apiKey: "sk-secret-key" }),
    connect: (request, events) => {
      const wire = new FakeWire(request, events);
      wires.push(wire);
      return wire;
    },
    configure: (eventId) => dialect.encode({ type: "configure", eventId, config: parsed, tools: [] }),
    onEvent: (event) => received.push(event),
    onReady: (audio) => ready.push(audio),
    onLost: (failure) => lost.push(failure.code),
    onChange: (change) => changes.push(change),
    ...rest,
  });
  return { connection, wires, changes, received, lost, ready, last: () => wires.at(-1) as FakeWire };
}

afterEach(() => {
  jest.useRealTimers();
});

describe("the link becomes ready", () => {
  test("when the server has acknowledged our configuration, which is the first frame (C1)", () => {
    const { connection, last, changes, received } = bench();
    connection.start();
    connection.send('{"type":"early"}');
    last().open();
    last().say({ type: "session.created", session: {} });
    expect(connection.state).toBe("connecting");
    expect(last().sent.map((frame) => frame.type)).toEqual(["session.update"]);
    last().say({ type: "session.updated" });
    expect(connection.state).toBe("ready");
    expect(last().sent.map((frame) => frame.type)).toEqual(["session.update", "early"]);
    expect(changes.map((change) => change.state)).toEqual(["connecting", "ready"]);
    expect(received.map((event) => event.type)).toEqual(["session_created"]);
    void connection.close();
  });

  test("never on a session.updated from before our own update", () => {
    const { connection, last } = bench();
    connection.start();
    last().say({ type: "session.updated" });
    expect(connection.state).toBe("connecting");
    void connection.close();
  });

  test("not when the server refuses the configuration: that is fatal and says why", () => {
    const { connection, last, changes } = bench();
    connection.start();
    last().open();
    const event_id = last().sent[0]?.event_id;
    last().say({
      type: "error",
      error: { type: "invalid_request_error", code: "x", message: "no such voice", event_id },
    });
    expect(changes.at(-1)).toMatchObject({
      state: "closed",
      failure: { code: "LINK_FATAL", retryable: false },
    });
    expect(changes.at(-1)?.failure?.message).toContain("no such voice");
  });

  test("later where the server had an error of its own", () => {
    const { connection, last, changes } = bench();
    connection.start();
    last().open();
    last().say({ type: "error", error: { type: "server_error", message: "sorry" } });
    expect(changes.at(-1)).toMatchObject({ state: "waiting", retryInMs: 1000 });
    void connection.close();
  });
});

describe("a lost link", () => {
  test("is tried again after 1, 2, 4 … 30 s, and from 1 s again after a link that held", () => {
    jest.useFakeTimers();
    const { connection, wires, last, changes } = bench();
    connection.start();
    const delays: (number | undefined)[] = [];
    for (let i = 0; i < 7; i++) {
      last().drop();
      const delayMs = changes.at(-1)?.retryInMs ?? 0;
      delays.push(delayMs);
      const before = wires.length;
      jest.advanceTimersByTime(delayMs - 1);
      expect(wires.length).toBe(before);
      jest.advanceTimersByTime(1);
      expect(wires.length).toBe(before + 1);
    }
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    last().become("ready");
    expect(changes.at(-1)).toMatchObject({ state: "ready", attempt: 1 });
    jest.advanceTimersByTime(10_000);
    last().events.onPong();
    last().drop();
    expect(changes.at(-1)).toMatchObject({ state: "waiting", retryInMs: 1000, attempt: 2 });
    void connection.close();
  });

  test("by a server that lets us in and drops us is called ever later, until an answer was completed", () => {
    jest.useFakeTimers();
    const { connection, last, changes } = bench();
    connection.start();
    const delays: number[] = [];
    const drop = () => {
      last().drop();
      const delayMs = changes.at(-1)?.retryInMs ?? 0;
      delays.push(delayMs);
      jest.advanceTimersByTime(delayMs);
    };
    for (let i = 0; i < 4; i++) {
      last().become("ready");
      jest.advanceTimersByTime(3000);
      drop();
    }
    last().become("ready");
    last().say({ type: "response.done", response: { id: "r", status: "failed", output: [] } });
    drop();
    last().become("ready");
    last().say({ type: "response.done", response: { id: "r", status: "completed", output: [] } });
    drop();
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 1000]);
    void connection.close();
  });

  test("is given up after the attempts that the profile allows", () => {
    jest.useFakeTimers();
    const { connection, wires, last, changes } = bench({ reconnect: { attempts: 2, jitter: 0 } });
    connection.start();
    for (let i = 0; i < 3; i++) {
      last().drop();
      jest.advanceTimersByTime(60_000);
    }
    expect(wires.length).toBe(3);
    expect(changes.at(-1)).toMatchObject({ state: "closed", failure: { retryable: false } });
    void connection.close();
  });

  test("is waited for with jitter that only shortens the delay", () => {
    const draws = [0, 1, 0.5];
    const backoff = new Backoff(
      { initial_ms: 1000, factor: 2, max_ms: 3000, attempts: 0, jitter: 0.5 },
      () => draws.shift() ?? 0,
    );
    expect([backoff.fail(), backoff.fail(), backoff.fail()]).toEqual([1000, 1000, 2250]);
  });

  test("takes its late events with it: an old socket never changes state (C14)", () => {
    jest.useFakeTimers();
    const { connection, wires, last, received, changes } = bench();
    connection.start();
    const old = last();
    old.become("ready");
    old.drop();
    jest.advanceTimersByTime(1000);
    expect(wires.length).toBe(2);
    const before = changes.length;
    old.say({ type: "session.updated" });
    old.say({ type: "response.created", response: { id: "r" } });
    old.events.onPong();
    old.drop();
    old.open();
    expect(connection.state).toBe("connecting");
    expect(changes.length).toBe(before);
    expect(received).toEqual([]);
    expect(old.sent.length).toBe(1);
    expect(last().sent.length).toBe(0);
    expect(connection.counters()["stale_events"]).toBe(5);
    void connection.close();
  });

  test("is noticed where the server stops answering pings", () => {
    jest.useFakeTimers();
    const { connection, last, changes } = bench();
    connection.start();
    last().become("ready");
    expect(last().pings).toBe(1);
    last().events.onPong();
    jest.advanceTimersByTime(20_000);
    expect(last().pings).toBe(2);
    last().events.onPong();
    jest.advanceTimersByTime(20_000);
    expect(last().pings).toBe(3);
    expect(connection.state).toBe("ready");
    jest.advanceTimersByTime(10_000);
    expect(changes.at(-1)).toMatchObject({ state: "waiting", failure: { code: "LINK_CLOSED" } });
    expect(last().terminated).toBe(1);
    void connection.close();
  });

  test("includes a server that accepts and never becomes ready", () => {
    jest.useFakeTimers();
    const { connection, last, changes } = bench();
    connection.start();
    last().open();
    // The pings are answered all the while.
    jest.advanceTimersByTime(20_000);
    last().events.onPong();
    jest.advanceTimersByTime(10_000);
    expect(changes.at(-1)).toMatchObject({ state: "waiting", failure: { code: "LINK_TIMEOUT" } });
    void connection.close();
  });

  test("is told to its owner only where it had been ready", () => {
    const { connection, last, lost } = bench();
    connection.start();
    last().drop();
    expect(lost).toEqual([]);
    connection.endpointChanged();
    last().become("ready");
    last().drop();
    expect(lost).toEqual(["LINK_CLOSED"]);
    void connection.close();
  });
});

describe("a server that is not there yet", () => {
  test("is waited for without attempts until its address is known", () => {
    jest.useFakeTimers();
    let endpoint: Endpoint | null = null;
    const { connection, wires, changes } = bench({}, { endpoint: () => endpoint });
    connection.start();
    jest.advanceTimersByTime(600_000);
    expect(wires.length).toBe(0);
    expect(changes.at(-1)).toMatchObject({ state: "waiting", failure: { code: "SERVICE_UNAVAILABLE" } });
    endpoint = { url: "ws://here/" };
    connection.endpointChanged();
    expect(wires.map((wire) => wire.request.url)).toEqual(["ws://here/?model=gpt-realtime-2.1"]);
    void connection.close();
  });

  test("is followed at once where it moves, and only where it moves", () => {
    let url = "ws://one/";
    const { connection, wires, lost } = bench({}, { endpoint: () => ({ url }) });
    connection.start();
    wires[0]?.become("ready");
    connection.endpointChanged();
    expect(wires.length).toBe(1);
    url = "ws://two/";
    connection.endpointChanged();
    expect(wires[0]?.terminated).toBe(1);
    expect(wires[1]?.request.url).toContain("ws://two/");
    expect(lost.length).toBe(1);
    void connection.close();
  });

  test("and never can be ends the link with the reason", () => {
    const { connection, changes } = bench(
      {},
      {
        endpoint: () => {
          throw new MynaError("CONFIG_INVALID", "no service of that name");
        },
      },
    );
    connection.start();
    expect(changes.at(-1)).toMatchObject({
      state: "closed",
      failure: { code: "CONFIG_INVALID", message: "no service of that name" },
    });
  });
});

describe("close", () => {
  test("is idempotent, sends nothing after, and leaves no timer (C20)", async () => {
    jest.useFakeTimers();
    const { connection, wires, last, changes } = bench();
    connection.start();
    last().become("ready");
    const closing = [connection.close(), connection.close()];
    connection.send("{}");
    last().say({ type: "response.created", response: { id: "r" } });
    await Promise.all(closing);
    await connection.close();
    connection.start();
    connection.endpointChanged();
    expect(jest.getTimerCount()).toBe(0);
    expect(wires.length).toBe(1);
    expect(last().closed).toBe(1);
    expect(last().sent.length).toBe(1);
    expect(changes.map((change) => change.state)).toEqual(["connecting", "ready", "closed"]);
  });

  test("ends the wait for the next attempt (C20)", async () => {
    jest.useFakeTimers();
    const { connection, wires, last } = bench();
    connection.start();
    last().drop();
    await connection.close();
    jest.advanceTimersByTime(600_000);
    expect(wires.length).toBe(1);
    expect(connection.state).toBe("closed");
  });

  test("closes the socket with 1000 and leaves the server nothing more to read (C20)", async () => {
    await using link = await connected();
    const { bench: session, wire } = link;
    await session.session.close();
    expect((await wire.closed).code).toBe(1000);
    const count = wire.frames.length;
    session.capture.frames(5);
    session.session.port.sendText("hello");
    session.session.port.interrupt();
    session.session.bargeIn();
    await session.session.close();
    expect(wire.frames.length).toBe(count);
  });
});

describe("a refused connection", () => {
  test("with HTTP 401 is fatal, names the key's fault and never the key", async () => {
    await using server = await RawServer.listen();
    server.refuse(401, { error: { message: "Incorrect API key provided: sk-wrong-key-123456." } });
    await using session = new SessionBench(() => ({ url: server.url, apiKey: "sk-wrong-key-123456" }));
    session.session.start();
    await session.state("closed");
    const change = session.events("session.state_changed").at(-1);
    expect(change).toMatchObject({ state: "closed", code: "LINK_AUTH" });
    expect(change?.message).toContain("HTTP 401: Incorrect API key");
    expect(session.events("session.error")).toMatchObject([{ code: "LINK_AUTH", fatal: true }]);
    expect(JSON.stringify([session.seen, session.logged, session.session.counters()])).not.toContain(
      "sk-wrong",
    );
    expect(server.refused).toBe(1);
  });

  test("with HTTP 503 is tried again until the server accepts", async () => {
    await using server = await RawServer.listen();
    server.refuse(503, "busy");
    await using session = new SessionBench(() => ({ url: server.url }));
    session.session.start();
    const waiting = await session.event("session.state_changed", 2);
    expect(waiting).toMatchObject({ state: "waiting", code: "LINK_REFUSED" });
    expect(waiting.message).toContain("HTTP 503: busy");
    server.welcome();
    await (await server.accept()).configure();
    await session.state("ready");
    expect(session.events("session.error")).toEqual([]);
  });

  test("with HTTP 404 is fatal and says what the server said", async () => {
    await using server = await RawServer.listen();
    server.refuse(404, { error: "no such path" });
    await using session = new SessionBench(() => ({ url: server.url }));
    session.session.start();
    await session.state("closed");
    expect(session.events("session.error")).toMatchObject([{ code: "LINK_FATAL", fatal: true }]);
  });

  test("by a port where nobody listens is tried again", async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    await using session = new SessionBench(() => ({ url: `ws://127.0.0.1:${port}/` }));
    session.session.start();
    expect(await session.event("session.state_changed", 4)).toMatchObject({
      state: "waiting",
      code: "LINK_REFUSED",
    });
  });

  test("by a server that never answers the upgrade ends at the time limit", async () => {
    await using server = await RawServer.listen();
    server.stayMute();
    await using session = new SessionBench(() => ({ url: server.url }), { timeouts: { connect_ms: 50 } });
    session.session.start();
    expect(await session.event("session.state_changed", 2)).toMatchObject({
      state: "waiting",
      code: "LINK_TIMEOUT",
    });
  });
});

describe("a connection that the server closes", () => {
  test.each([1001, 1006, 1011, 1012, 1013])("with %d is made anew", async (code) => {
    await using link = await connected();
    if (code === 1006) link.wire.drop();
    else link.wire.close(code, "later");
    const wire = await link.server.accept();
    await wire.configure();
    await link.bench.state("ready");
    expect(link.bench.events("session.error")).toEqual([]);
  });

  test.each([
    [3000, "invalid_request_error.invalid_api_key", "LINK_AUTH"],
    [4000, "invalid_request_error.missing_model", "LINK_FATAL"],
    [1008, "policy", "LINK_FATAL"],
    [1009, "too big", "LINK_FATAL"],
  ])("with %d is the end, with the reason", async (code, reason, expected) => {
    await using link = await connected();
    link.wire.close(code, reason);
    await link.bench.state("closed");
    const error = link.bench.events("session.error").at(-1);
    expect(error).toMatchObject({ code: expected, fatal: true });
    expect(error?.message).toContain(reason);
    expect(link.server.connections.length).toBe(1);
  });

  test("normally, unasked, is made anew once and not again and again", async () => {
    await using link = await connected();
    link.wire.close(1000);
    const again = await link.server.accept();
    await again.configure();
    await link.bench.state("ready");
    again.close(1000);
    await link.bench.state("closed");
    expect(link.server.connections.length).toBe(2);
  });

  test("after an error that no retry mends is the end, whatever the close code", async () => {
    await using link = await connected();
    link.wire.send({
      type: "error",
      error: { type: "invalid_request_error", code: "insufficient_quota", message: "pay" },
    });
    link.wire.close(1011);
    await link.bench.state("closed");
    expect(link.bench.events("session.error")).toMatchObject([{ code: "LINK_FATAL", fatal: true }]);
  });
});

describe("garbage from the server", () => {
  test("is counted, and neither throws nor changes the state", async () => {
    await using link = await connected();
    const { wire, bench: session } = link;
    for (const frame of ["{", "null", "\u0000", '{"type":"response.done","response":[]}', '{"type":"x"}'])
      wire.sendRaw(frame);
    wire.sendRaw(new Uint8Array([1, 2, 3]));
    wire.sendRaw(`{"type":"y","x":"${"a".repeat(3_000_000)}"}`);
    wire.send({
      type: "response.done",
      response: { id: "never_created", status: "completed", output: "none" },
    });
    wire.send({ type: "response.output_audio.delta", response_id: "r", item_id: "i", delta: "AQ==" });
    wire.send({ type: "conversation.item.truncated", item_id: "unknown" });
    await settled(wire, session);
    expect(session.session.port.state()).toBe("ready");
    expect(session.playback.writes).toEqual([]);
    expect(session.session.counters()).toMatchObject({
      connection: { binary_frames: 1 },
      dialect: { bad_json: 3, bad_audio: 1, incomplete_events: 1, ignored_events: 3 },
    });
  });

  test("larger than allowed is dropped; far larger ends that connection, and the next one is made", async () => {
    await using link = await connected({ limits: { message_bytes: 100_000 } });
    link.wire.sendRaw("x".repeat(300_000));
    await settled(link.wire, link.bench);
    expect(link.bench.session.counters()).toMatchObject({ connection: { binary_frames: 1, lost: 0 } });
    link.wire.sendRaw("x".repeat(500_000));
    await (await link.server.accept()).configure();
    await link.bench.state("ready");
  });
});
