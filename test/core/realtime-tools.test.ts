import { describe, expect } from "bun:test";
import { RawServer, until } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { announce, begin, callItem, connected, finish, SessionBench, settled } from "./realtime-kit.ts";
import { linkTest } from "./realtime-wires.ts";

function outputs(wire: RawConnection): [unknown, unknown][] {
  return wire
    .all("conversation.item.create")
    .map((frame) => frame["item"] as Record<string, unknown>)
    .filter((item) => item["type"] === "function_call_output")
    .map((item) => [item["call_id"], item["output"]]);
}

describe("a call of the model", () => {
  linkTest("that is announced three times is run once and answered once (C4)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    const item = callItem("c1");
    begin(wire, "r1");
    announce(wire, "r1", item);
    finish(wire, "r1", { output: [item] });
    finish(wire, "r1", { output: [item] });
    await until(() => bench.tools.calls.length > 0, "The tool was not called");
    bench.tools.calls[0]?.finish({ output: "a wall" });
    await wire.next("response.create");
    announce(wire, "r1", item);
    await settled(wire, bench);
    expect(bench.tools.calls.length).toBe(1);
    expect(outputs(wire)).toEqual([["c1", "a wall"]]);
    expect(wire.all("response.create").length).toBe(1);
  });

  linkTest("is found in response.done alone, as partial servers send it (C4)", async () => {
    await using link = await connected();
    begin(link.wire, "r1");
    const { status: _, ...item } = callItem("c1");
    finish(link.wire, "r1", { output: [item] });
    await until(() => link.bench.tools.calls.length === 1, "The tool was not called");
  });

  linkTest("that was cut short is not run (C4)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    const item = callItem("c1", "look", '{"dist', "incomplete");
    begin(wire, "r1");
    announce(wire, "r1", item);
    finish(wire, "r1", { status: "incomplete", output: [item] });
    await settled(wire, bench);
    expect(bench.tools.calls).toEqual([]);
    expect(outputs(wire)).toEqual([]);
    expect(wire.all("response.create")).toEqual([]);
  });

  linkTest("whose tool throws past its registry is answered with the error (C4)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    bench.tools.call = () => Promise.reject(new Error("broken"));
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    finish(wire, "r1");
    await wire.next("response.create");
    expect(outputs(wire)).toEqual([["c1", '{"error":"TOOL_FAILED","message":"broken"}']]);
  });

  linkTest("that computes does not hold up the frames that follow it", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    let finishedBefore = false;
    bench.tools.call = async () => {
      finishedBefore = bench.events("response.finished").length === 1;
      return { ok: true, output: "", images: [] };
    };
    // Both frames in one packet.
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    finish(wire, "r1");
    await wire.next("response.create");
    expect(finishedBefore).toBe(true);
  });
});

describe("two calls of one response", () => {
  linkTest("are answered with two outputs and one response.create after response.done (C5)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    announce(wire, "r1", callItem("c2"));
    await until(() => bench.tools.calls.length === 2, "The tools were not called");
    bench.tools.calls[1]?.finish({ output: "second" });
    bench.tools.calls[0]?.finish({ output: "first" });
    await until(() => outputs(wire).length === 2, "The outputs did not come");
    await settled(wire, bench);
    expect(wire.all("response.create")).toEqual([]);
    finish(wire, "r1");
    const create = await wire.next("response.create");
    begin(wire, "r2", create);
    finish(wire, "r2");
    await settled(wire, bench);
    expect(wire.all("response.create").length).toBe(1);
    expect(outputs(wire)).toEqual([
      ["c2", "second"],
      ["c1", "first"],
    ]);
  });

  linkTest("wait for the slower tool, also after response.done (C5)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    announce(wire, "r1", callItem("c2"));
    finish(wire, "r1");
    await until(() => bench.tools.calls.length === 2, "The tools were not called");
    bench.tools.calls[0]?.finish({});
    await settled(wire, bench);
    expect(wire.all("response.create")).toEqual([]);
    bench.tools.calls[1]?.finish({});
    await wire.next("response.create");
    expect(wire.types().slice(-3)).toEqual([
      "conversation.item.create",
      "conversation.item.create",
      "response.create",
    ]);
  });

  linkTest("bring their pictures after the outputs and before the one response.create", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    announce(wire, "r1", callItem("c2"));
    finish(wire, "r1");
    await until(() => bench.tools.calls.length === 2, "The tools were not called");
    bench.tools.calls[0]?.finish({ images: [new Uint8Array([1])] });
    bench.tools.calls[1]?.finish({ images: [new Uint8Array([2])] });
    await wire.next("response.create");
    const items = wire
      .all("conversation.item.create")
      .map((frame) => frame["item"] as Record<string, unknown>);
    expect(items.map((item) => item["type"])).toEqual([
      "function_call_output",
      "function_call_output",
      "message",
    ]);
    expect(items[2]).toMatchObject({
      role: "user",
      content: [
        { type: "input_image", image_url: "data:image/jpeg;base64,AQ==" },
        { type: "input_image", image_url: "data:image/jpeg;base64,Ag==" },
      ],
    });
  });
});

describe("a call that ends before the next one is announced", () => {
  linkTest("keeps its picture until all outputs are there (C5)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    await until(() => bench.tools.calls.length === 1, "The tool was not called");
    bench.tools.calls[0]?.finish({ images: [new Uint8Array([1])] });
    await wire.next("conversation.item.create");
    announce(wire, "r1", callItem("c2"));
    await until(() => bench.tools.calls.length === 2, "The second tool was not called");
    bench.tools.calls[1]?.finish({});
    finish(wire, "r1");
    await wire.next("response.create");
    const items = wire
      .all("conversation.item.create")
      .map((frame) => frame["item"] as Record<string, unknown>);
    expect(items.map((item) => item["type"])).toEqual([
      "function_call_output",
      "function_call_output",
      "message",
    ]);
  });
});

describe("a tool that runs when the user breaks in", () => {
  linkTest("is told to stop, its output is added, and no answer is asked for (C6)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    finish(wire, "r1");
    await until(() => bench.tools.calls.length === 1, "The tool was not called");
    wire.send({ type: "input_audio_buffer.speech_started", item_id: "u2", audio_start_ms: 0 });
    await until(() => bench.tools.calls[0]?.signal.aborted === true, "The tool was not told to stop");
    bench.tools.calls[0]?.finish({ ok: false, output: "stopped after 12 cm" });
    wire.send({ type: "input_audio_buffer.speech_stopped", item_id: "u2", audio_end_ms: 500 });
    begin(wire, "vad");
    finish(wire, "vad");
    await settled(wire, bench);
    expect(outputs(wire)).toEqual([["c1", "stopped after 12 cm"]]);
    expect(wire.all("response.create")).toEqual([]);
  });

  linkTest(
    "and was called by the very response that is cut is answered for without being run (C6)",
    async () => {
      await using link = await connected();
      const { wire, bench } = link;
      begin(wire, "r1");
      await bench.event("response.started");
      bench.session.port.interrupt();
      announce(wire, "r1", callItem("c1"));
      finish(wire, "r1", { status: "cancelled", output: [callItem("c1")] });
      await until(() => outputs(wire).length === 1, "The call was not answered");
      await settled(wire, bench);
      expect(bench.tools.calls).toEqual([]);
      expect(outputs(wire)[0]?.[1]).toContain("TOOL_ABORTED");
      expect(wire.all("response.create")).toEqual([]);
    },
  );
});

describe("a tool that runs when the link drops", () => {
  linkTest(
    "goes on, and its result is told to the new connection in a note, never as an output (C4)",
    async () => {
      await using link = await connected();
      const { wire, bench } = link;
      begin(wire, "r1");
      announce(wire, "r1", callItem("c1"));
      finish(wire, "r1");
      await until(() => bench.tools.calls.length === 1, "The tool was not called");
      wire.drop();
      const again = await link.server.accept();
      await again.configure();
      await bench.state("ready");
      expect(bench.tools.calls[0]?.signal.aborted).toBe(false);
      await settled(again, bench);
      expect(again.types()).toEqual(["session.update"]);
      bench.tools.calls[0]?.finish({ output: "late" });
      await again.next("response.create");
      expect(outputs(again)).toEqual([]);
      const note = again.all("conversation.item.create").at(-1)?.["item"];
      expect(note).toMatchObject({ role: "system", content: [{ type: "input_text" }] });
      expect(JSON.stringify(note)).toContain(
        "The tool look, called with {} before the interruption, has returned: late",
      );
      expect(again.all("response.create").length).toBe(1);
      expect(bench.session.counters()).toMatchObject({ tools: { results_dropped: 0, running: 0 } });
    },
  );

  linkTest("and was called before the link was ready is not run at all", async () => {
    await using server = await RawServer.listen();
    await using bench = new SessionBench(() => ({ url: server.url }));
    bench.session.start();
    const wire = await server.accept();
    await wire.next("session.update");
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    finish(wire, "r1");
    wire.send({ type: "session.updated", session: {} });
    await bench.state("ready");
    await settled(wire, bench);
    expect(bench.tools.calls).toEqual([]);
    expect(bench.events("response.started")).toEqual([]);
    expect(bench.session.counters()).toMatchObject({ connection: { early_events: 3 } });
  });

  linkTest("and never ends holds nothing up: the same call id runs on the new connection (C4)", async () => {
    await using link = await connected();
    const { wire, bench } = link;
    begin(wire, "r1");
    announce(wire, "r1", callItem("c1"));
    await until(() => bench.tools.calls.length === 1, "The tool was not called");
    wire.drop();
    const again = await link.server.accept();
    await again.configure();
    await bench.state("ready");
    begin(again, "r1");
    announce(again, "r1", callItem("c1"));
    finish(again, "r1");
    await until(() => bench.tools.calls.length === 2, "The tool was not called again");
    bench.tools.calls[1]?.finish({ output: "now" });
    await again.next("response.create");
    expect(outputs(again)).toEqual([["c1", "now"]]);
  });
});
