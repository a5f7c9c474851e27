import { AsyncLocalStorage } from "node:async_hooks";
import { dirname, sep } from "node:path";
import * as zod from "zod";
import { MynaError } from "./errors.ts";
import type { PluginDefinition } from "./plugin.ts";
import type { Run } from "./service-registry.ts";

/** A plugin's code in a module world of its own. */
export interface LoadedPlugin {
  definition: PluginDefinition;
  /** Runs a function so that the timers, servers and child processes it opens belong to the plugin. */
  run: Run;
  /** Ends what the code opened. */
  dispose(): void;
  /** The same code in a fresh module world, after `dispose`: what a roll-back starts. */
  revive(): LoadedPlugin;
}

/** Told of what a plugin's code throws where nobody can catch it. */
export type LateFault = (error: unknown) => void;

interface Graph {
  import(path: string): Promise<Record<string, unknown>>;
  run: Run;
  dispose(): void;
}

let shared = false;

/** Hands the runtime's own `myna` and `zod` to every plugin: one copy, no node_modules needed beside a plugin file. */
export function sharePackages(myna: Record<string, unknown>): void {
  if (shared) return;
  shared = true;
  Bun.plugin({
    name: "myna",
    setup(build) {
      build.module("myna", () => ({ exports: myna, loader: "object" }));
      build.module("zod", () => ({ exports: { ...zod }, loader: "object" }));
    },
  });
}

/** Bun.ModuleGraph is experimental; where it is missing a plugin shares the host's module world. */
const MODULE_GRAPH = typeof Bun.ModuleGraph === "function" ? Bun.ModuleGraph : null;

/** Evaluates the module anew, with all it imports from its folder. The old version is not touched. */
export async function loadPlugin(
  entry: string,
  onLateFault: LateFault,
  ModuleGraph: typeof Bun.ModuleGraph | null = MODULE_GRAPH,
): Promise<LoadedPlugin> {
  const open = () => openGraph(entry, onLateFault, ModuleGraph);
  const graph = open();
  try {
    const module = await graph.import(entry);
    return wrap(checkDefinition(module["default"], entry), graph, open);
  } catch (thrown) {
    graph.dispose();
    if (Error.isError(thrown) && thrown.name === "MynaError") throw thrown;
    throw new MynaError("PLUGIN_INVALID", `${entry} cannot be loaded: ${loadMessage(thrown)}`, {
      cause: thrown,
    });
  }
}

function wrap(definition: PluginDefinition, graph: Graph, open: () => Graph): LoadedPlugin {
  return {
    definition,
    run: (body) => graph.run(body),
    dispose: () => graph.dispose(),
    // A function runs in its caller's graph, so a fresh graph adopts what the old code opens from now on.
    revive: () => wrap(definition, open(), open),
  };
}

function openGraph(entry: string, onError: LateFault, ModuleGraph: typeof Bun.ModuleGraph | null): Graph {
  if (!ModuleGraph) return sharedWorld(entry);
  const graph = new ModuleGraph({ onError });
  return {
    import: (path) => graph.import(path) as Promise<Record<string, unknown>>,
    run: (body) => graph.run(body),
    dispose: () => graph.dispose(),
  };
}

/** Reloads by dropping the plugin folder from the module cache; what the code leaks lives on. */
function sharedWorld(entry: string): Graph {
  return {
    import: (path) => {
      const folder = dirname(entry) + sep;
      for (const key of Object.keys(require.cache)) if (key.startsWith(folder)) delete require.cache[key];
      return import(path) as Promise<Record<string, unknown>>;
    },
    run: (body) => body(),
    dispose: () => {},
  };
}

/** Takes a function out of the plugin that calls it: what it starts belongs to the host and outlives a reload. */
export const hostContext: <T>(body: () => T) => T = AsyncLocalStorage.snapshot() as <T>(body: () => T) => T;

function checkDefinition(value: unknown, entry: string): PluginDefinition {
  const definition = value as Partial<PluginDefinition> | undefined;
  const missing =
    typeof definition !== "object" || definition === null
      ? "has no default export made by definePlugin"
      : typeof definition.name !== "string"
        ? "has no name"
        : typeof definition.setup !== "function"
          ? "has no setup function"
          : typeof definition.config?.safeParse !== "function"
            ? "has no config schema (z.object({…}))"
            : undefined;
  if (missing) throw new MynaError("PLUGIN_INVALID", `the plugin ${entry} ${missing}`);
  return definition as PluginDefinition;
}

/** What a person needs to find the place: message with file and line. */
function loadMessage(thrown: unknown): string {
  const errors = thrown instanceof AggregateError ? thrown.errors : [thrown];
  return errors
    .map((error: { message?: string; position?: { file?: string; line?: number; column?: number } }) => {
      const { position } = error;
      const where = position?.line
        ? ` (${position.file ?? ""}:${position.line}:${position.column ?? 0})`
        : "";
      return `${error.message ?? String(error)}${where}`;
    })
    .join("; ");
}
