import { expect, jest, test } from "bun:test";
import { z } from "zod";
import { MynaError } from "../../core/errors.ts";
import { createLog } from "../../core/log.ts";
import { ToolRegistry } from "../../core/tool-registry.ts";
import { ToolPictures } from "../../core/tools.ts";
import type { ToolDefinition } from "../../core/tools.ts";

function setUp() {
  const events: { topic: string; event: Record<string, unknown> }[] = [];
  const registry = new ToolRegistry(
    (topic, event) => void events.push({ topic, event: event as Record<string, unknown> }),
    createLog({ write: () => {} }),
  );
  const unload = new AbortController();
  const add = <P extends z.ZodObject>(tool: ToolDefinition<P>) =>
    registry.add(tool, "test", (body) => body(), unload.signal);
  const call = (name: string, args: unknown, signal = new AbortController().signal) =>
    registry.call({
      callId: "c1",
      name,
      argumentsJson: typeof args === "string" ? args : JSON.stringify(args),
      signal,
    });
  return { registry, events, add, call, unload };
}

const distance = z.object({ distance_m: z.number().min(-3).max(3) });

test("a tool gets validated arguments and its result reaches the model as JSON", async () => {
  const { add, call, events } = setUp();
  add({
    name: "move",
    description: "Moves.",
    parameters: distance,
    execute: ({ distance_m }) => ({ moved_m: distance_m }),
  });
  expect(await call("move", { distance_m: 0.5 })).toEqual({
    ok: true,
    output: '{"moved_m":0.5}',
    images: [],
  });
  expect(events.map((one) => one.topic)).toEqual(["tool.started", "tool.finished"]);
  expect(events[1]!.event).toMatchObject({
    name: "move",
    arguments: { distance_m: 0.5 },
    ok: true,
    result: { moved_m: 0.5 },
  });
});

for (const [title, args, message] of [
  ["a number out of range", { distance_m: 4 }, "distance_m"],
  ["a word for a number", { distance_m: "far" }, "distance_m"],
  ["a missing argument", {}, "distance_m"],
  ["an unknown argument", { distance_m: 1, speed: 9 }, "speed"],
  ["half a JSON text", '{"distance_m":', "not JSON"],
  ["a JSON null", "null", "arguments"],
] as const) {
  test(`${title} is refused with the argument's name, and the tool does not run`, async () => {
    const { add, call, events } = setUp();
    let ran = false;
    add({
      name: "move",
      description: "Moves.",
      parameters: distance,
      execute: () => {
        ran = true;
        return null;
      },
    });
    const outcome = await call("move", args);
    expect(outcome).toMatchObject({ ok: false, code: "TOOL_ARGUMENTS" });
    expect(outcome.output).toContain(message);
    expect(ran).toBe(false);
    expect(events.at(-1)).toMatchObject({
      topic: "tool.finished",
      event: { ok: false, code: "TOOL_ARGUMENTS" },
    });
  });
}

test("an unknown tool is answered with the names of those there are", async () => {
  const { add, call } = setUp();
  add({ name: "move", description: "Moves.", parameters: distance, execute: () => null });
  const outcome = await call("fly", {});
  expect(outcome).toMatchObject({ ok: false, code: "TOOL_UNKNOWN" });
  expect(outcome.output).toContain("move");
});

test("a tool that throws is answered with its code", async () => {
  const { add, call } = setUp();
  add({
    name: "move",
    description: "",
    parameters: distance,
    execute: () => {
      throw new MynaError("DEVICE_FAILED", "motor is gone");
    },
  });
  add({
    name: "look",
    description: "",
    parameters: z.object({}),
    execute: async () => {
      throw new TypeError("oops");
    },
  });
  expect(await call("move", { distance_m: 1 })).toMatchObject({
    ok: false,
    code: "DEVICE_FAILED",
    output: expect.stringContaining("motor is gone"),
  });
  expect(await call("look", {})).toMatchObject({
    ok: false,
    code: "TOOL_FAILED",
    output: expect.stringContaining("oops"),
  });
});

test("a tool that never ends is told to stop at its time limit and answered once", async () => {
  jest.useFakeTimers();
  try {
    const { add, call, events } = setUp();
    let told = false;
    let finish = (_: null) => {};
    add({
      name: "wait",
      description: "",
      parameters: z.object({}),
      timeoutMs: 1000,
      execute: (_, { signal }) => {
        signal.addEventListener("abort", () => (told = true));
        return new Promise<null>((resolve) => (finish = resolve));
      },
    });
    const outcome = call("wait", {});
    for (let i = 0; i < 4; i++) await Promise.resolve();
    jest.advanceTimersByTime(1001);
    for (let i = 0; i < 4; i++) await Promise.resolve();
    jest.advanceTimersByTime(1);
    expect(await outcome).toMatchObject({ ok: false, code: "TOOL_TIMEOUT" });
    expect(told).toBe(true);
    finish(null);
    await Promise.resolve();
    expect(events.filter((one) => one.topic === "tool.finished")).toHaveLength(1);
  } finally {
    jest.useRealTimers();
  }
});

test("a tool that heeds its abort signal reports what it did", async () => {
  const { add, call } = setUp();
  add({
    name: "drive",
    description: "",
    parameters: z.object({}),
    execute: (_, { signal }) =>
      new Promise((resolve) =>
        signal.addEventListener("abort", () => resolve({ ended: "stopped", moved_m: 0.2 })),
      ),
  });
  const interrupt = new AbortController();
  const outcome = call("drive", {}, interrupt.signal);
  await Promise.resolve();
  interrupt.abort();
  expect(await outcome).toMatchObject({ ok: true, output: '{"ended":"stopped","moved_m":0.2}' });
});

test("unloading the plugin aborts the calls that run", async () => {
  const { add, call, unload } = setUp();
  add({ name: "drive", description: "", parameters: z.object({}), execute: () => new Promise(() => {}) });
  const outcome = call("drive", {});
  await Promise.resolve();
  unload.abort();
  expect(await outcome).toMatchObject({ ok: false, code: "TOOL_ABORTED" });
});

test("pictures reach the model beside the result", async () => {
  const { add, call } = setUp();
  const jpeg = new Uint8Array([0xff, 0xd8]);
  add({
    name: "take_picture",
    description: "",
    parameters: z.object({}),
    execute: () => new ToolPictures({ width: 640 }, [jpeg]),
  });
  expect(await call("take_picture", {})).toEqual({ ok: true, output: '{"width":640}', images: [jpeg] });
});

test("the model gets the schema, the description and what people say", () => {
  const { registry, add } = setUp();
  add({
    name: "move",
    description: "Moves.",
    parameters: distance,
    examples: ["go {distance_m}", "stop"],
    execute: () => null,
  });
  expect(registry.definitions()).toEqual([
    {
      name: "move",
      description: 'Moves. Examples: "go {distance_m}"; "stop".',
      parameters: {
        type: "object",
        properties: { distance_m: { type: "number", minimum: -3, maximum: 3 } },
        required: ["distance_m"],
      },
    },
  ]);
});

test("two tools of one name and names that are not snake_case are refused", () => {
  const { add } = setUp();
  const tool = { name: "move", description: "", parameters: z.object({}), execute: () => null };
  const remove = add(tool);
  expect(() => add(tool)).toThrow(expect.objectContaining({ code: "TOOL_TAKEN" }));
  remove();
  expect(() => add(tool)).not.toThrow();
  expect(() => add({ ...tool, name: "rollDice" })).toThrow(
    expect.objectContaining({ code: "PLUGIN_INVALID" }),
  );
});

test("while a plugin is swapped the model is told once, and only of a real change", () => {
  const { registry, add } = setUp();
  const tool = { name: "move", description: "Moves.", parameters: z.object({}), execute: () => null };
  let changes = 0;
  let remove = add(tool);
  registry.onChanged(() => changes++);
  let release = registry.hold();
  remove();
  remove = add(tool);
  release();
  release();
  expect(changes).toBe(0);
  release = registry.hold();
  remove();
  add({ ...tool, description: "Moves farther." });
  release();
  expect(changes).toBe(1);
});

test("a tool that was renamed still answers to its former names, of which the model is not told", async () => {
  const { add, call, registry } = setUp();
  const tool = (name: string, formerNames: string[] = []) => ({
    name,
    formerNames,
    description: "Moves.",
    parameters: distance,
    execute: ({ distance_m }: { distance_m: number }) => ({ moved_m: distance_m }),
  });
  const undo = add(tool("move", ["move_forward"]));
  expect(await call("move_forward", { distance_m: 1 })).toMatchObject({ ok: true, output: '{"moved_m":1}' });
  expect(registry.definitions().map(({ name }) => name)).toEqual(["move"]);
  const taken = expect.objectContaining({ code: "TOOL_TAKEN" });
  expect(() => add(tool("move_forward"))).toThrow(taken);
  expect(() => add(tool("go", ["move"]))).toThrow(taken);
  expect(() => add(tool("go", ["Go-On"]))).toThrow(expect.objectContaining({ code: "PLUGIN_INVALID" }));
  undo();
  expect(await call("move_forward", { distance_m: 1 })).toMatchObject({ ok: false, code: "TOOL_UNKNOWN" });
});

test("how far a long tool has come is told while it runs", async () => {
  const { add, call, events } = setUp();
  add({
    name: "move",
    description: "Moves.",
    parameters: distance,
    execute(_, { progress }) {
      progress({ moved_m: 0.2 });
      return "moved";
    },
  });
  await call("move", { distance_m: 1 });
  expect(events.map(({ topic }) => topic)).toEqual(["tool.started", "tool.progress", "tool.finished"]);
  expect(events[1]!.event).toEqual({ call_id: "c1", name: "move", progress: { moved_m: 0.2 } });
});
