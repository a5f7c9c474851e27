import { describe, expect, spyOn, test } from "bun:test";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { SwitchedDialect } from "../../core/realtime/dialect-switch.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { until } from "../kit/raw-server.ts";
import { SessionBench } from "./realtime-kit.ts";

/** Limits as small as a busy machine allows. */
const TIMEOUTS = { timeouts: { watched_ping_ms: 100, watched_pong_ms: 600 }, failover: { announce: false } };

/** A way to a server that can be frozen: nothing gets through any more, and nobody says goodbye. */
async function wayTo(target: string): Promise<{ url: string; freeze(): void } & AsyncDisposable> {
  const { port } = new URL(target);
  const sockets: Socket[] = [];
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.push(from);
      from.on("data", (bytes) => void (frozen || to.write(bytes)));
      from.on("error", () => {});
      from.on("close", () => frozen || to.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: target.replace(port, String((server.address() as AddressInfo).port)),
    freeze: () => void (frozen = true),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A session at the end of such a way, ready. */
async function atTheEnd(more: { moving?: () => boolean; spare?: string } = {}) {
  const brain = await scriptBrain({ answers: ["Here I am."] });
  const way = await wayTo(brain.url);
  const { moving, spare } = more;
  const bench = new SessionBench(() => ({ url: way.url, name: "cloud" }), TIMEOUTS, undefined, {
    ...(moving && { moving }),
    ...(spare !== undefined && { fallbacks: [() => ({ url: spare, name: "home" })] }),
  });
  bench.session.start();
  await bench.state("ready");
  return {
    brain,
    way,
    bench,
    async [Symbol.asyncDispose]() {
      await bench.session.close();
      await way[Symbol.asyncDispose]();
      await brain.close();
    },
  };
}

describe("a way to the server that is dead without a word", () => {
  test("is noticed at once while the body moves, and not for a long time while nothing is going on", async () => {
    let moving = false;
    await using link = await atTheEnd({ moving: () => moving });
    link.way.freeze();
    await Bun.sleep(1200);
    expect(link.bench.session.port.state()).toBe("ready");
    moving = true;
    await link.bench.event("session.state_changed", 3);
    expect(link.bench.events("session.state_changed")[2]).toMatchObject({
      state: "waiting",
      code: "LINK_CLOSED",
      message: "the server does not answer pings",
    });
  });

  test("is noticed when a question is asked, which the next server answers, once", async () => {
    const home = await scriptBrain({ answers: ["At home."] });
    try {
      await using link = await atTheEnd({ spare: home.url });
      link.way.freeze();
      link.bench.session.port.sendText("are you there");
      await home.waitFor("response.create");
      const finished = await link.bench.event("response.finished");
      expect(finished.status).toBe("completed");
      expect(JSON.stringify(home.asked)).toContain("are you there");
      expect(home.received.filter(({ event }) => event["type"] === "response.create").length).toBe(1);
      expect(await link.bench.event("session.endpoint_changed")).toMatchObject({ endpoint: "home" });
    } finally {
      await home.close();
    }
  });

  test("is noticed when the robot's own ears hear somebody speak", async () => {
    await using link = await atTheEnd();
    link.way.freeze();
    link.bench.session.bargeIn();
    await until(
      () => link.bench.events("session.state_changed").some(({ state }) => state === "waiting"),
      "The hang was not noticed",
    );
  });

  test("costs no work for each frame of the microphone once it is known", async () => {
    await using link = await atTheEnd({ moving: () => true });
    const encode = spyOn(SwitchedDialect.prototype, "append");
    try {
      link.bench.capture.frames(2);
      expect(encode).toHaveBeenCalledTimes(2);
      link.way.freeze();
      await link.bench.event("session.state_changed", 3);
      encode.mockClear();
      link.bench.capture.frames(50);
      expect(encode).not.toHaveBeenCalled();
    } finally {
      encode.mockRestore();
    }
  });

  test("is not seen where the way only stutters", async () => {
    await using link = await atTheEnd({ moving: () => true });
    for (let i = 0; i < 10; i++) {
      await Bun.sleep(100);
      Bun.sleepSync(150);
    }
    expect(link.bench.session.port.state()).toBe("ready");
    expect(link.bench.session.counters()).toMatchObject({ connection: { lost: 0, unanswered: 0 } });
  });
});
