import { afterEach, describe, expect, test } from "bun:test";
import { MynaError } from "../../core/errors.ts";
import { sessionConfig } from "../../core/realtime/config.ts";
import type { Endpoint } from "../../core/realtime/endpoint.ts";
import { Endpoints } from "../../core/realtime/endpoints.ts";
import { connectWebSocket } from "../../core/realtime/transport.ts";
import type { Connect } from "../../core/realtime/transport.ts";
import { RawServer, until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import type { BrainScriptOptions, ScriptedBrain } from "../kit/scripted-brain.ts";
import { SessionBench } from "./realtime-kit.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function brain(options: BrainScriptOptions = {}): Promise<ScriptedBrain> {
  const started = await scriptBrain(options);
  open.push(started);
  return started;
}

const PATIENCE = { after_loss_ms: 1000, at_start_ms: 5000, announce: true };
const AWAY = { retryable: true };
const REFUSED = { retryable: false };

function list(count: number): Endpoints {
  const sources = Array.from({ length: count }, (_, at) => () => ({
    url: `ws://server${at}/`,
    name: `s${at}`,
  }));
  return new Endpoints(sources, PATIENCE);
}

describe("of servers in order of preference", () => {
  test("each is tried once, then all again after the back-off", () => {
    const servers = list(3);
    const steps = Array.from({ length: 6 }, () => [servers.failed(AWAY, null), servers.at]);
    expect(steps).toEqual([
      ["at_once", 1],
      ["at_once", 2],
      ["wait", 0],
      ["at_once", 1],
      ["at_once", 2],
      ["wait", 0],
    ]);
  });

  test("one that was well and drops is tried once more; one that drops again and again is not", () => {
    const servers = list(2);
    servers.ready();
    expect([servers.failed(AWAY, 60_000), servers.at]).toEqual(["at_once", 0]);
    expect([servers.failed(AWAY, 100), servers.at]).toEqual(["at_once", 1]);
  });

  test("all that let us in and drop us at once are not called in a circle without a pause", () => {
    const servers = list(2);
    const steps = Array.from({ length: 4 }, () => {
      servers.ready();
      return servers.failed(AWAY, 100);
    });
    expect(steps).toEqual(["at_once", "wait", "at_once", "wait"]);
  });

  test("one that refuses us for good is left out until it lets us in", () => {
    const servers = list(2);
    expect([servers.failed(REFUSED, null), servers.at]).toEqual(["at_once", 1]);
    expect([servers.failed(AWAY, null), servers.at]).toEqual(["wait", 1]);
    servers.use(0);
    servers.ready();
    expect([servers.failed(AWAY, null), servers.at]).toEqual(["at_once", 1]);
    expect([servers.failed(AWAY, null), servers.at]).toEqual(["wait", 0]);
  });

  test("the link ends when all have refused us", () => {
    const servers = list(2);
    expect(servers.failed(REFUSED, null)).toBe("at_once");
    expect(servers.failed(REFUSED, null)).toBe("end");
  });

  test("a single one is the connection's own business", () => {
    expect(list(1).failed(AWAY, null)).toBeNull();
    expect(list(1).patienceMs()).toBeUndefined();
  });

  test("patience is short after a loss, longer at the start, and the session's own with the last one left", () => {
    const servers = list(2);
    expect(servers.patienceMs()).toBe(5000);
    servers.failed(AWAY, null);
    expect(servers.patienceMs()).toBeUndefined();
    servers.ready();
    servers.failed(AWAY, 60_000);
    expect(servers.patienceMs()).toBe(1000);
  });

  test("what changed is told once", () => {
    const servers = list(3);
    expect(servers.ready()).toBeNull();
    servers.failed(AWAY, null);
    expect(servers.ready()).toEqual({ from: 0, to: 1 });
    expect(servers.ready()).toBeNull();
  });
});

/** A session with a list of servers; the robot's loudspeaker plays everything at once. */
function robot(
  servers: (() => Endpoint | null)[],
  config: Record<string, unknown> = {},
  more: { connect?: Connect; addresses?: () => string[] } = {},
): SessionBench {
  const [first = () => null, ...fallbacks] = servers;
  const bench = new SessionBench(first, { voice: "sage", ...config }, undefined, { fallbacks, ...more });
  const mouth = setInterval(() => bench.playback.play(60_000), 5);
  open.push({
    close: async () => {
      clearInterval(mouth);
      await bench.session.close();
    },
  });
  bench.session.start();
  return bench;
}

function at(server: { url: string }, name: string, more: Partial<Endpoint> = {}): () => Endpoint {
  return () => ({ url: server.url, name, ...more });
}

/** A port that nobody listens on. */
const NOWHERE = {
  url: "ws://127.0.0.1:1/",
  headers: {},
  handshakeMs: 1000,
  sendMs: 1000,
  maxMessageBytes: 1000,
};
const CALLS_LOOK = { say: "Looking.", calls: [{ name: "look", arguments: {} }] };

describe("when the server dies", () => {
  test("the robot obeys a command by the next one, knows what was said, and says once that it changed", async () => {
    const cloud = await brain({ answers: ["Hello, I am the cloud."] });
    const local = await brain({
      answers: (conversation, { instructions }) => {
        if (instructions.includes("Say this")) return instructions;
        const user = conversation.findLastIndex(({ kind }) => kind === "user");
        return conversation.slice(user).some(({ kind }) => kind === "result") ? "Done." : CALLS_LOOK;
      },
    });
    const bench = robot([at(cloud, "cloud"), at(local, "brain", { voice: "rms" })]);
    await bench.state("ready");
    bench.session.port.sendText("hello");
    await until(
      () => bench.events("assistant.transcript").some(({ final }) => final),
      "The cloud did not answer",
    );
    const diedAtMs = performance.now();
    await cloud.close();
    bench.session.port.sendText("look around");
    await until(() => bench.tools.calls.length === 1, "The command was not obeyed");
    expect(performance.now() - diedAtMs).toBeLessThan(2000);
    bench.tools.calls[0]?.finish({ output: "a cat" });
    expect(await bench.event("session.endpoint_changed")).toMatchObject({
      endpoint: "brain",
      previous: "cloud",
      preferred: false,
      url: local.url,
    });
    const said = () =>
      bench.events("assistant.transcript").filter(({ text, final }) => final && text.includes("Say this"));
    await until(() => said().length === 1, "The change was not said");
    expect(said()[0]?.text).toContain("I cannot reach cloud. brain answers now.");
    const update = await local.waitFor("session.update");
    expect(update["session"]).toMatchObject({ audio: { output: { voice: "rms" } } });
    const known = local.asked[0]?.map((entry) => ("text" in entry ? entry.text : ""));
    expect(known).toContain("hello");
    expect(known).toContain("Hello, I am the cloud.");
    bench.session.port.sendText("again");
    await until(() => bench.tools.calls.length === 2, "The second command was not obeyed");
    expect(said()).toHaveLength(1);
  });

  test("one that refuses our key is passed over at once", async () => {
    const cloud = await brain({ apiKey: "another" });
    const local = await brain();
    const bench = robot([at(cloud, "cloud", { apiKey: "sk-wrong-key-1" }), at(local, "brain")]);
    await bench.state("ready");
    expect((await bench.event("session.endpoint_changed")).reason).toContain("invalid_api_key");
    expect(bench.events("session.error")).toEqual([]);
  });

  test("what is said and told is why the preferred one is not used, not what the last one tried had", async () => {
    const local = await brain();
    let there: Endpoint | null = null;
    const keyless = async () => {
      throw new MynaError("LINK_AUTH", "no key for OpenAI: set the environment variable OPENAI_API_KEY");
    };
    const gone = await brain();
    await gone.close();
    const named: Endpoint = { url: "ws://127.0.0.1:1/", name: "OpenAI", credentials: keyless };
    const bench = robot([() => named, at(gone, "the server at home"), () => there]);
    await until(() => bench.session.port.state() === "waiting", "The link does not wait");
    there = { url: local.url, name: "my own brain" };
    bench.session.endpointChanged();
    await bench.state("ready");
    const { reason } = await bench.event("session.endpoint_changed");
    expect(reason).toStartWith("OpenAI: no key for OpenAI: set the environment variable OPENAI_API_KEY; ");
    expect(reason).toContain("the server at home: the server cannot be reached");
    const said = await local.waitFor("response.create");
    expect(JSON.stringify(said)).toContain("I have no valid key for OpenAI. my own brain answers now.");
  });

  test("one whose account is empty in the middle of things hands the question on", async () => {
    const empty = { code: "insufficient_quota", message: "You exceeded your current quota." };
    const cloud = await brain({ answers: [{ fail: empty }] });
    const local = await brain({ answers: [CALLS_LOOK, "Done."] });
    const bench = robot([at(cloud, "cloud"), at(local, "brain")], { failover: { announce: false } });
    await bench.state("ready");
    bench.session.port.sendText("look around");
    await until(() => bench.tools.calls.length === 1, "The command was not obeyed");
    expect((await bench.event("session.endpoint_changed")).reason).toContain("insufficient_quota");
  });

  test("one that takes the connection and says nothing is passed over when the patience ends", async () => {
    const local = await brain();
    const mute = await brain({ faults: [{ at: "before:session.updated", nth: 0, do: { kind: "stall" } }] });
    const failover = { at_start_ms: 100 };
    const bench = robot([at(mute, "cloud"), at(local, "brain")], { failover });
    await bench.state("ready");
    expect((await bench.event("session.endpoint_changed")).endpoint).toBe("brain");
  });

  test("one that is not there yet is passed over, and all are tried again when it comes", async () => {
    let local: Endpoint | null = null;
    const cloud = await brain();
    await cloud.close();
    const bench = robot([at(cloud, "cloud"), () => local], {
      reconnect: { initial_ms: 30_000, max_ms: 30_000 },
    });
    await until(() => bench.session.port.state() === "waiting", "The link does not wait");
    const there = await brain();
    local = { url: there.url, name: "brain" };
    bench.session.endpointChanged();
    await bench.state("ready");
    expect((await bench.event("session.endpoint_changed")).endpoint).toBe("brain");
  });

  test("the link ends when every server refuses us, with the last reason", async () => {
    const one = await brain({ apiKey: "x-1" });
    const two = await brain({ modelRequired: true, apiKey: "x-2" });
    const bench = robot([at(one, "one"), at(two, "two")]);
    await bench.state("closed");
    expect(bench.events("session.error")).toMatchObject([{ code: "LINK_AUTH", fatal: true }]);
  });

  test("with a server of the other dialect behind it nothing is different", async () => {
    const cloud = await brain();
    const old = await brain({ dialect: "beta", answers: [CALLS_LOOK, "Done."] });
    const bench = robot([at(cloud, "cloud"), at(old, "lan", { dialect: "auto" })], {
      failover: { announce: false },
    });
    await bench.state("ready");
    await cloud.close();
    bench.session.port.sendText("look around");
    await until(() => bench.tools.calls.length === 1, "The command was not obeyed");
  });
});

describe("when the network is gone and no socket notices", () => {
  test("the robot obeys by its own brain, and goes back when the network is there again", async () => {
    const cloud = await brain({ answers: ["I am the cloud."] });
    const local = await brain({ answers: [CALLS_LOOK, "Done."] });
    let addresses = ["192.168.1.7"];
    const connect: Connect = (request, events) => {
      const url = request.url.replace("cloud.example", `127.0.0.1:${cloud.port}`);
      if (url !== request.url && addresses.length === 0) return connectWebSocket(NOWHERE, events);
      return connectWebSocket({ ...request, url }, events);
    };
    const far = { url: "ws://cloud.example/v1/realtime" };
    const bench = robot(
      [at(far, "cloud"), at(local, "brain")],
      { failover: { announce: false }, reconnect: { initial_ms: 10, max_ms: 20 } },
      { connect, addresses: () => addresses },
    );
    await bench.state("ready");
    addresses = [];
    expect(await bench.event("session.endpoint_changed")).toMatchObject({
      endpoint: "brain",
      reason: "this computer has no network",
    });
    bench.session.port.sendText("look around");
    await until(() => bench.tools.calls.length === 1, "The command was not obeyed");
    bench.tools.calls[0]?.finish({ output: "a cat" });
    await bench.event("response.finished", 2);
    addresses = ["192.168.1.7"];
    expect((await bench.event("session.endpoint_changed", 2)).endpoint).toBe("cloud");
  });

  test("a server on this computer is not given up", async () => {
    const local = await brain();
    const other = await brain();
    let looked = 0;
    const addresses = () => (looked++ === 0 ? ["192.168.1.7"] : []);
    const bench = robot([at(local, "brain"), at(other, "other")], {}, { addresses });
    await bench.state("ready");
    await until(() => looked > 2, "Nobody looked after the network");
    expect(bench.session.port.state()).toBe("ready");
    expect(bench.events("session.state_changed")).toHaveLength(2);
  });
});

describe("when a better server comes back", () => {
  test("the robot returns to it at a pause, with the conversation, and says so", async () => {
    const first = await brain();
    const { port } = first;
    const local = await brain({ answers: (_conversation, { instructions }) => instructions || "Yes." });
    const bench = robot([at(first, "cloud"), at(local, "brain")]);
    await bench.state("ready");
    await first.close();
    await bench.event("session.endpoint_changed");
    bench.session.port.sendText("remember this");
    const spoken = (words: string) =>
      bench.events("assistant.transcript").some(({ text, final }) => final && text.includes(words));
    await until(() => spoken("I cannot reach cloud"), "The change was not said");
    const again = await brain({
      port,
      answers: (_conversation, { instructions }) => instructions || "Back.",
    });
    expect(await bench.event("session.endpoint_changed", 2)).toMatchObject({
      endpoint: "cloud",
      previous: "brain",
      preferred: true,
    });
    await until(() => spoken("cloud answers again."), "The return was not said");
    const known = again.asked[0]?.map((entry) => ("text" in entry ? entry.text : ""));
    expect(known).toContain("remember this");
    await until(() => local.sessions.length === 0, "The local server still has a session");
  });

  test("and goes away again before the robot is there, it is looked after again", async () => {
    const first = await brain();
    const { port } = first;
    const local = await brain({ answers: [{ say: "A long story.", delayMs: 600 }] });
    const bench = robot([at(first, "cloud"), at(local, "brain")], { failover: { announce: false } });
    await bench.state("ready");
    await first.close();
    await bench.event("session.endpoint_changed");
    bench.session.port.sendText("tell me a story");
    await local.waitFor("response.create");
    const counted = () => bench.session.counters()["endpoints"] as { recovered: number; failures: number };
    const short = await brain({ port });
    await until(() => counted().recovered === 1, "Nobody looked after the first server");
    await short.close();
    const { failures } = counted();
    await until(() => counted().failures > failures, "The robot did not try to return");
    await brain({ port });
    expect(await bench.event("session.endpoint_changed", 2)).toMatchObject({ endpoint: "cloud" });
  });

  test("it does not interrupt an answer", async () => {
    const first = await brain();
    const { port } = first;
    const local = await brain({ answers: [{ say: "A long story.", delayMs: 800 }] });
    const bench = robot([at(first, "cloud"), at(local, "brain")], { failover: { announce: false } });
    await bench.state("ready");
    await first.close();
    await bench.event("session.endpoint_changed");
    bench.session.port.sendText("tell me a story");
    await local.waitFor("response.create");
    await brain({ port });
    const { status } = await bench.event("response.finished");
    expect(status).toBe("completed");
    expect(bench.events("session.endpoint_changed")).toHaveLength(1);
    await bench.event("session.endpoint_changed", 2);
  });

  test("one that lets nobody in is no better: the robot stays where it is", async () => {
    const first = await brain();
    const { port } = first;
    const local = await brain();
    const bench = robot([at(first, "cloud"), at(local, "brain")], { failover: { announce: false } });
    await bench.state("ready");
    await first.close();
    await bench.event("session.endpoint_changed");
    const stranger = await brain({ port, apiKey: "another" });
    const { probes } = bench.session.counters()["endpoints"] as { probes: number };
    await until(
      () => (bench.session.counters()["endpoints"] as { probes: number }).probes > probes,
      "Nobody looked after the first server",
    );
    expect(stranger.sessions).toHaveLength(0);
    expect(bench.session.port.state()).toBe("ready");
    expect(bench.events("session.endpoint_changed")).toHaveLength(1);
  });
});

describe("a profile", () => {
  test("that names an endpoint twice, or gives it two places, is refused by name", () => {
    const refused = (endpoints: unknown) =>
      JSON.stringify(sessionConfig.safeParse({ endpoints }).error?.issues);
    expect(refused([{ name: "a" }, { name: "a" }])).toContain("two endpoints have the same name");
    expect(refused([{ name: "a", url: "wss://x/", service: "brain" }])).toContain("not both");
    expect(refused([{ name: "a", url: "https://x/" }])).toContain("expected a ws:// or wss:// URL");
    expect(refused([{ name: "a", modell: "x" }])).toContain("modell");
  });
});

test("a server that is better is not called while the link is closed on purpose, and is again when it is open", async () => {
  const cloud = await RawServer.listen();
  open.push({ close: () => cloud[Symbol.asyncDispose]() });
  cloud.refuse(503, "busy");
  const local = await brain();
  const bench = robot([at(cloud, "cloud"), at(local, "brain")], {
    failover: { announce: false },
    idle: { hang_up_s: 0.4 },
    reconnect: { initial_ms: 20, max_ms: 20, jitter: 0 },
  });
  await bench.state("ready");
  await until(() => cloud.refused > 1, "The cloud is not looked after");
  await bench.state("idle");
  const refused = cloud.refused;
  await Bun.sleep(200);
  // One may have been on its way.
  expect(cloud.refused).toBeLessThanOrEqual(refused + 1);
  bench.session.port.sendText("hello");
  await bench.state("ready");
  await until(() => cloud.refused > refused + 2, "The cloud is not looked after any more");
});
