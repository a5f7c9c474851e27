import { afterEach, describe, expect, test } from "bun:test";
import { LLMock } from "@copilotkit/aimock";
import { RealtimeClient } from "myna/realtime";
import { SessionBench } from "../core/realtime-kit.ts";
import { until } from "../kit/raw-server.ts";

const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const FAST = { initial_ms: 5, max_ms: 20, jitter: 0 };

/** The third party's server with its script; answers the URL of its Realtime socket. */
async function aimock(
  script: (mock: LLMock) => void,
  options: ConstructorParameters<typeof LLMock>[0] = {},
): Promise<string> {
  const mock = new LLMock({ port: 0, host: "127.0.0.1", logLevel: "silent", ...options });
  script(mock);
  await mock.start();
  open.push({ close: () => mock.stop() });
  return `${mock.url.replace(/^http/, "ws")}/v1/realtime`;
}

function clientOf(url: string): RealtimeClient {
  const client = new RealtimeClient({ url, reconnect: FAST });
  open.push({ close: () => client.destroy() });
  return client;
}

function sessionOf(url: string): SessionBench {
  const bench = new SessionBench(() => ({ url }), { reconnect: FAST });
  open.push({ close: () => bench.session.close() });
  return bench;
}

function say(client: RealtimeClient, text: string): void {
  client.send({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
  });
  client.createResponse();
}

/** Resolves with the response of the next `response.done`. */
function done(client: RealtimeClient): Promise<{ status?: string | undefined; id?: string | undefined }> {
  return new Promise((resolve) => client.once("response.done", ({ response }) => resolve(response)));
}

describe("our client at aimock", () => {
  test("has a text turn", async () => {
    const client = clientOf(
      await aimock((mock) => mock.onMessage("hello", { content: "Hello, robot owner." }, { chunkSize: 3 })),
    );
    await client.connect();
    let words = "";
    client.on("response.output_text.delta", ({ delta }) => (words += delta));
    const ended = done(client);
    say(client, "hello");
    expect(await ended).toMatchObject({ status: "completed" });
    expect(words).toBe("Hello, robot owner.");
    expect(client.getMetrics()).toMatchObject({ malformed: 0, listenerErrors: 0, serverErrors: 0 });
  });

  test("has a tool call without the name in its arguments' end", async () => {
    const call = { id: "call_1", name: "look", arguments: '{"far":true}' };
    const client = clientOf(
      await aimock((mock) => {
        // The first that matches is taken, and the question stays the last thing the user said.
        mock.onToolResult("call_1", { content: "A wall." });
        mock.onMessage("what is there", { toolCalls: [call] });
      }),
    );
    await client.connect();
    const items: unknown[] = [];
    client.on("response.output_item.done", ({ item }) => items.push(item));
    const first = done(client);
    say(client, "what is there");
    await first;
    expect(items).toMatchObject([
      { type: "function_call", name: "look", arguments: '{"far":true}', call_id: "call_1" },
    ]);
    const second = done(client);
    let words = "";
    client.on("response.output_text.done", ({ text }) => (words = text));
    client.send({
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id: "call_1", output: "wall" },
    });
    client.createResponse();
    expect(await second).toMatchObject({ status: "completed" });
    expect(words).toBe("A wall.");
  });

  test("comes back after a socket that died in the middle of an answer", async () => {
    const client = clientOf(
      await aimock((mock) => {
        mock.onMessage(
          "break",
          { content: "x".repeat(200) },
          { chunkSize: 2, latency: 1, truncateAfterChunks: 10 },
        );
        mock.onMessage("again", { content: "fine" });
      }),
    );
    await client.connect();
    const lost = new Promise<unknown>((resolve) => client.once("disconnect", resolve));
    const back = new Promise<unknown>((resolve) => client.on("connect", resolve));
    say(client, "break");
    expect(await lost).toMatchObject({ code: "LINK_CLOSED", closeCode: 1006, willReconnect: true });
    expect(await back).toMatchObject({ reconnected: true });
    const ended = done(client);
    say(client, "again");
    expect(await ended).toMatchObject({ status: "completed" });
    expect(client.getMetrics()).toMatchObject({ reconnects: 1, attempts: 2 });
  });

  test("takes a failed response, an answer to a cancel that does not exist, and a policy close", async () => {
    const client = clientOf(
      await aimock(
        (mock) => {
          mock.onMessage("fail", {
            error: { message: "no", type: "server_error", code: "boom" },
            status: 500,
          });
          mock.onMessage("fine", { content: "fine" });
        },
        { strict: true },
      ),
    );
    await client.connect();
    const failed = done(client);
    say(client, "fail");
    expect(await failed).toMatchObject({ status: "failed", status_details: { error: { code: "boom" } } });
    const cancelled = new Promise((resolve) =>
      client.on("server_event", (event) => event.type === "response.cancelled" && resolve(event)),
    );
    client.cancelResponse();
    await cancelled;
    const closed = new Promise<unknown>((resolve) => client.on("error", resolve));
    say(client, "nothing in the script");
    expect(await closed).toMatchObject({ source: "link", code: "LINK_FATAL", fatal: true });
    expect(client.getState()).toBe("closed");
  });

  test("is told why the beta dialect is refused, and does not try for ever", async () => {
    const client = new RealtimeClient({ url: await aimock(() => {}), dialect: "beta", reconnect: FAST });
    open.push({ close: () => client.destroy() });
    expect(await client.connect().catch((error: unknown) => error)).toMatchObject({
      code: "LINK_FATAL",
      message: expect.stringContaining("beta_api_shape_disabled"),
    });
  });
});

describe("our session at aimock", () => {
  test("has a turn in writing and a tool call, each answered once", async () => {
    const call = { id: "call_7", name: "look", arguments: "{}" };
    const bench = sessionOf(
      await aimock((mock) => {
        mock.onMessage("hello", { content: "Hello." });
        mock.onToolResult("call_7", { content: "There is a cat." });
        mock.onMessage("look around", { content: "I look.", toolCalls: [call] });
      }),
    );
    bench.session.start();
    await bench.state("ready");
    bench.session.port.sendText("hello");
    await bench.event("response.finished");
    bench.session.port.sendText("look around");
    await until(() => bench.tools.calls.length === 1, "the tool was not called");
    bench.tools.calls[0]?.finish({ output: "a cat" });
    await bench.event("response.finished", 3);
    const final = bench.events("assistant.transcript").filter((event) => event.final);
    expect(final.map((event) => event.text)).toEqual(["Hello.", "I look.", "There is a cat."]);
    expect(bench.tools.calls).toHaveLength(1);
    expect(bench.events("session.error")).toEqual([]);
  });

  test("is ready again, and answers, after the socket died in the middle of an answer", async () => {
    const bench = sessionOf(
      await aimock((mock) => {
        mock.onMessage(
          "break",
          { content: "y".repeat(200) },
          { chunkSize: 2, latency: 1, disconnectAfterMs: 30 },
        );
        mock.onMessage("again", { content: "Here I am." });
      }),
    );
    bench.session.start();
    await bench.state("ready");
    bench.session.port.sendText("break");
    await until(
      () => bench.events("session.state_changed").filter((event) => event.state === "ready").length === 2,
      "the session did not come back",
    );
    await until(() => bench.events("response.finished").length >= 1, "the answer did not end");
    bench.session.port.sendText("again");
    await until(
      () => bench.events("assistant.transcript").some((event) => event.final && event.text === "Here I am."),
      () => JSON.stringify(bench.seen.slice(-12)),
    );
  });

  test("is not stuck by a cancel that waits behind the answer", async () => {
    const bench = sessionOf(
      await aimock((mock) => {
        mock.onMessage("long", { content: "z".repeat(60) }, { chunkSize: 2, latency: 5 });
        mock.onMessage("next", { content: "Next." });
      }),
    );
    bench.session.start();
    await bench.state("ready");
    bench.session.port.sendText("long");
    await bench.event("assistant.transcript");
    bench.session.port.interrupt();
    bench.session.port.sendText("next");
    await until(
      () => bench.events("assistant.transcript").some((event) => event.final && event.text === "Next."),
      () => JSON.stringify(bench.seen.slice(-12)),
    );
    expect(bench.session.port.state()).toBe("ready");
  });

  test("closes with a reason where the server closes for policy", async () => {
    const bench = sessionOf(await aimock(() => {}, { strict: true }));
    bench.session.start();
    await bench.state("ready");
    bench.session.port.sendText("nothing in the script");
    await bench.state("closed");
    expect(bench.events("session.error").at(-1)).toMatchObject({ code: "LINK_FATAL", fatal: true });
  });
});
