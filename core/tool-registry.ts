import { z } from "zod";
import { once } from "./bus.ts";
import { MynaError } from "./errors.ts";
import { describeError } from "./log.ts";
import type { Logger } from "./log.ts";
import type { ToolDescription, ToolOutcome, ToolPort } from "./realtime/port.ts";
import type { Run } from "./service-registry.ts";
import { ToolPictures } from "./tools.ts";
import type { Json, ToolDefinition } from "./tools.ts";
import type { TopicName, Topics } from "./topics.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
/** Of a call that nobody makes over a connection. */
const NO_LINK = new AbortController().signal;
const TOOL_NAME = /^[a-z][a-z0-9_]{0,63}$/;

interface Entry {
  tool: ToolDefinition<z.ZodObject>;
  description: ToolDescription;
  owner: string;
  run: Run;
  /** Aborts when the plugin is unloaded. */
  signal: AbortSignal;
}

type Publish = <T extends TopicName>(topic: T, event: Topics[T]) => void;

/** The tools of all plugins: validates arguments, limits time, and answers each call exactly once. */
export class ToolRegistry implements ToolPort {
  readonly #tools = new Map<string, Entry>();
  readonly #watchers = new Set<() => void>();
  #holds = 0;
  readonly #publish: Publish;
  readonly #log: Logger;
  readonly #counters = { calls: 0, failed: 0, timed_out: 0, aborted: 0, running: 0 };

  constructor(publish: Publish, log: Logger) {
    this.#publish = publish;
    this.#log = log;
  }

  add<P extends z.ZodObject>(
    tool: ToolDefinition<P>,
    owner: string,
    run: Run,
    signal: AbortSignal,
  ): () => void {
    for (const name of [tool.name, ...(tool.formerNames ?? [])]) {
      if (!TOOL_NAME.test(name))
        throw new MynaError("PLUGIN_INVALID", `tool name "${name}" of plugin "${owner}" is not snake_case`);
      const present = this.#named(name);
      if (present)
        throw new MynaError(
          "TOOL_TAKEN",
          `tool "${name}" is registered by plugin "${present.owner}" already`,
        );
    }
    const erased = tool as unknown as ToolDefinition<z.ZodObject>;
    const entry: Entry = { tool: erased, description: describe(erased), owner, run, signal };
    this.#tools.set(tool.name, entry);
    this.#changed();
    return () => {
      if (this.#tools.get(tool.name) !== entry) return;
      this.#tools.delete(tool.name);
      this.#changed();
    };
  }

  definitions(): ToolDescription[] {
    return [...this.#tools.values()].map((entry) => entry.description);
  }

  onChanged(watch: () => void): () => void {
    this.#watchers.add(watch);
    return () => void this.#watchers.delete(watch);
  }

  /**
   * Keeps changes to itself until the returned function is called, for a plugin that is being swapped: the model is not
   * told of tools that are gone for a moment only.
   */
  hold(): () => void {
    const before = JSON.stringify(this.definitions());
    this.#holds++;
    return once(() => {
      this.#holds--;
      if (JSON.stringify(this.definitions()) !== before) this.#changed();
    });
  }

  counters(): Record<string, unknown> {
    return { ...this.#counters, registered: this.#tools.size };
  }

  async call(request: {
    callId: string;
    name: string;
    argumentsJson: string;
    signal: AbortSignal;
    link?: AbortSignal;
  }): Promise<ToolOutcome> {
    const { callId, name } = request;
    const startedMs = performance.now();
    this.#counters.calls++;
    this.#counters.running++;
    let args: unknown = request.argumentsJson;
    let result: Json;
    let images: Uint8Array[] = [];
    let failure: MynaError | undefined;
    try {
      const entry = this.#find(name);
      args = parseArguments(entry.tool, request.argumentsJson);
      this.#publish("tool.started", { call_id: callId, name, arguments: args });
      const returned = await this.#execute(entry, args as Record<string, unknown>, request);
      images = returned instanceof ToolPictures ? returned.jpegs : [];
      result = returned instanceof ToolPictures ? returned.result : (returned ?? null);
    } catch (thrown) {
      failure = MynaError.from(thrown, "TOOL_FAILED");
      result = { error: failure.code, message: failure.message };
      this.#count(failure);
      this.#log.warn("tool failed", { tool: name, error: describeError(failure) });
    }
    this.#counters.running--;
    this.#publish("tool.finished", {
      call_id: callId,
      name,
      arguments: args,
      ok: !failure,
      result,
      duration_ms: Math.round(performance.now() - startedMs),
      ...(failure && { code: failure.code }),
    });
    const output = typeof result === "string" ? result : JSON.stringify(result);
    return { ok: !failure, output, images, ...(failure && { code: failure.code }) };
  }

  #named(name: string): Entry | undefined {
    const former = () => [...this.#tools.values()].find(({ tool }) => tool.formerNames?.includes(name));
    return this.#tools.get(name) ?? former();
  }

  #find(name: string): Entry {
    const entry = this.#named(name);
    if (!entry) {
      throw new MynaError(
        "TOOL_UNKNOWN",
        `there is no tool "${name}"; there are: ${[...this.#tools.keys()].join(", ")}`,
      );
    }
    return entry;
  }

  async #execute(
    entry: Entry,
    args: Record<string, unknown>,
    request: { callId: string; signal: AbortSignal; link?: AbortSignal },
  ): Promise<Json | ToolPictures> {
    const { callId: id, link = NO_LINK } = request;
    const { name } = entry.tool;
    const progress = (report: Json) =>
      this.#publish("tool.progress", { call_id: id, name, progress: report });
    const timeoutMs = entry.tool.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const expired = new AbortController();
    const timer = setTimeout(() => expired.abort(), timeoutMs);
    const signal = AbortSignal.any([request.signal, entry.signal, expired.signal]);
    const aborted = Promise.withResolvers<never>();
    let grace: ReturnType<typeof setTimeout> | undefined;
    const onAbort = () => {
      const late = expired.signal.aborted;
      const message = late
        ? `tool "${entry.tool.name}" took longer than ${timeoutMs} ms`
        : `tool "${entry.tool.name}" was told to stop`;
      // A tool that heeds its signal reports what it did; only one that does not is answered for.
      const graceMs = late ? 0 : 500;
      grace = setTimeout(
        () => aborted.reject(new MynaError(late ? "TOOL_TIMEOUT" : "TOOL_ABORTED", message)),
        graceMs,
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    aborted.promise.catch(() => {});
    try {
      const work = entry.run(async () => entry.tool.execute(args, { id, signal, link, progress }));
      return await Promise.race([work, aborted.promise]);
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
      signal.removeEventListener("abort", onAbort);
    }
  }

  #count(failure: MynaError): void {
    if (failure.code === "TOOL_TIMEOUT") this.#counters.timed_out++;
    else if (failure.code === "TOOL_ABORTED") this.#counters.aborted++;
    else this.#counters.failed++;
  }

  #changed(): void {
    if (this.#holds > 0) return;
    for (const watch of this.#watchers) watch();
  }
}

function parseArguments(tool: ToolDefinition<z.ZodObject>, text: string): unknown {
  let value: unknown;
  try {
    value = text.trim() === "" ? {} : JSON.parse(text);
  } catch (cause) {
    throw new MynaError("TOOL_ARGUMENTS", `the arguments of tool "${tool.name}" are not JSON`, { cause });
  }
  const parsed = tool.parameters.strict().safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    (issue) => `${issue.path.join(".") || "arguments"}: ${issue.message}`,
  );
  throw new MynaError("TOOL_ARGUMENTS", `tool "${tool.name}": ${problems.join("; ")}`);
}

function describe(tool: ToolDefinition<z.ZodObject>): ToolDescription {
  const { $schema: _, ...parameters } = z.toJSONSchema(tool.parameters, {
    io: "input",
    unrepresentable: "any",
  });
  const examples = (tool.examples ?? []).map((example) => ` "${example}";`).join("");
  const description = examples ? `${tool.description} Examples:${examples.slice(0, -1)}.` : tool.description;
  return { name: tool.name, description, parameters };
}
