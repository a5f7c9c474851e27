import type { PluginContext, TurnLatency } from "myna";
import type { CollectedHistogram, Exposition, Labels } from "./exposition.ts";
import { identifier } from "./label.ts";

const LATENCY_BUCKETS_S = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10];
const BARGE_IN_BUCKETS_S = [0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5, 1, 2];
const TOOL_BUCKETS_S = [0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const TURN_STEPS = [
  ["speech_end_to_commit", "speech_end_to_commit_ms"],
  ["commit_to_first_delta", "commit_to_first_delta_ms"],
  ["first_delta_to_first_sample", "first_delta_to_first_sample_ms"],
  ["total", "total_ms"],
] as const satisfies readonly (readonly [string, keyof TurnLatency])[];

/** Counts what the topics tell. No label carries what was said. */
export function countTopics(ctx: PluginContext, metrics: Exposition): void {
  const latency = metrics.histogram(
    "myna_turn_latency_seconds",
    "Time of a spoken turn, by step.",
    LATENCY_BUCKETS_S,
  );
  ctx.on("turn.latency", (turn) => {
    for (const [step, key] of TURN_STEPS) {
      const ms = turn[key];
      if (ms !== null) latency.observe(ms / 1000, { step });
    }
  });

  const calls = metrics.counter(
    "myna_tool_calls_total",
    'Tool calls that ended, by tool and outcome ("ok" or the error code).',
  );
  const durations = metrics.histogram(
    "myna_tool_duration_seconds",
    "How long tool calls took.",
    TOOL_BUCKETS_S,
  );
  ctx.on("tool.finished", ({ name, ok, code, duration_ms }) => {
    // The name of a tool that does not exist is the model's own word.
    const tool = code === "TOOL_UNKNOWN" ? "unknown" : identifier(name);
    calls.add({ tool, outcome: ok ? "ok" : identifier(code ?? "failed") });
    durations.observe(duration_ms / 1000, { tool });
  });

  const responses = metrics.counter("myna_responses_total", "Answers of the model, by how they ended.");
  ctx.on("response.finished", ({ status }) => responses.add({ status }));
  const interruptions = metrics.counter("myna_interruptions_total", "Answers that the user spoke over.");
  interruptions.add({}, 0);
  ctx.on("assistant.interrupted", () => interruptions.add());
  timeBargeIns(ctx, metrics);
  const errors = metrics.counter(
    "myna_session_errors_total",
    "Errors that the Realtime server reported, by code.",
  );
  ctx.on("session.error", ({ code }) => errors.add({ code: identifier(code) }));
  const links = metrics.counter(
    "myna_session_state_changes_total",
    "Changes of the link's state, by new state.",
  );
  ctx.on("session.state_changed", ({ state }) => links.add({ state }));

  const motions = metrics.counter(
    "myna_motions_total",
    "Motions that ended, by kind and by what ended them.",
  );
  const driven = metrics.counter("myna_driven_meters_total", "Length of the way driven.");
  driven.add({}, 0);
  ctx.on("motion.stopped", ({ kind, ended, moved_m }) => {
    motions.add({ kind, ended: identifier(ended) });
    driven.add({}, Math.abs(moved_m));
  });
  const frames = metrics.counter("myna_camera_frames_total", "Pictures taken for the model.");
  frames.add({}, 0);
  ctx.on("camera.frame_captured", () => frames.add());
  const sounds = metrics.counter("myna_sounds_played_total", "Sounds played.");
  sounds.add({}, 0);
  ctx.on("sound.played", () => sounds.add());
  const reloads = metrics.counter("myna_plugin_reloads_total", "Reloads of plugins, by plugin and outcome.");
  ctx.on("plugin.reloaded", ({ id, ok }) => reloads.add({ plugin: id, outcome: ok ? "ok" : "failed" }));
}

/** Who heard the speech first counts; an answer that is cut while nobody speaks, as by a typed stop, does not. */
function timeBargeIns(ctx: PluginContext, metrics: Exposition): void {
  const bargeIns = metrics.histogram(
    "myna_barge_in_seconds",
    "First sample of speech over the robot to the cut of its answer, by whose ears heard it.",
    BARGE_IN_BUCKETS_S,
  );
  let speech: { source: "local" | "server"; atMs: number } | undefined;
  ctx.on("user.speech_started", ({ source, speech_at_ms }) => {
    speech ??= { source, atMs: speech_at_ms };
  });
  ctx.on("user.speech_stopped", ({ source }) => {
    if (source === speech?.source) speech = undefined;
  });
  ctx.on("assistant.interrupted", () => {
    if (speech) bargeIns.observe((performance.now() - speech.atMs) / 1000, { source: speech.source });
    speech = undefined;
  });
}

/** Shows how the robot is, from its health report. */
export function showHealth(ctx: PluginContext, metrics: Exposition): void {
  metrics.gauge("myna_healthy", "1 when every plugin runs and the link is ready.", () => [
    [{}, ctx.report().ok ? 1 : 0],
  ]);
  metrics.gauge("myna_uptime_seconds", "Seconds since the robot was started.", () => [
    [{}, ctx.report().uptimeS],
  ]);
  metrics.gauge("myna_session_ready", "1 while the link to the Realtime server is ready.", () => {
    const { state, url } = ctx.report().session;
    return state === "idle" && url === "" ? [] : [[{}, state === "ready" ? 1 : 0]];
  });
  metrics.gauge("myna_plugin_up", "1 for a plugin that runs (state ready or degraded).", () =>
    ctx
      .report()
      .plugins.map(({ id, use, state }) => [
        { plugin: id, driver: use },
        state === "ready" || state === "degraded" ? 1 : 0,
      ]),
  );
  metrics.collectedCounter("myna_events_total", "Events on the bus, by topic.", () =>
    numbersOf(publishedIn(ctx.report().core)).map(([topic, count]) => [{ topic }, count] as const),
  );
  metrics.gauge("myna_core_value", "Numbers of the core's parts, as in the health report.", () =>
    Object.entries(ctx.report().core).flatMap(([part, values]) =>
      numbersOf(values)
        .filter(([value]) => part !== "bus" || !value.startsWith("published."))
        .filter(([value]) => part !== "audio" || !value.startsWith("histograms."))
        .map(([value, number]) => [{ part, value }, number] as const),
    ),
  );
  metrics.collectedHistogram(
    "myna_audio_seconds",
    "What the stages of the audio path measure for each frame, by stage.",
    () => audioDistributions(ctx.report().core["audio"]?.["histograms"]),
  );
  metrics.gauge(
    "myna_plugin_value",
    "Numbers that plugins tell about themselves, as in the health report.",
    () =>
      ctx
        .report()
        .plugins.flatMap(({ id, inspect }) =>
          numbersOf(inspect).map(([value, number]) => [{ plugin: id, value }, number] as const),
        ),
  );
}

/** The engine's distributions in milliseconds, as seconds: `capture_wait_ms` is stage `capture_wait`. */
function audioDistributions(histograms: unknown): [Labels, CollectedHistogram][] {
  if (typeof histograms !== "object" || histograms === null) return [];
  const entries = Object.entries(histograms as Record<string, EngineHistogram>);
  return entries.map(([name, { buckets, sum, count }]) => [
    { stage: name.replace(/_ms$/, "") },
    {
      buckets: Object.entries(buckets).map(([boundMs, below]) => [Number(boundMs) / 1000, below] as const),
      sum: sum / 1000,
      count,
    },
  ]);
}

/** As the health report shows it: upper bound in ms → how many values were not above it. */
interface EngineHistogram {
  buckets: Record<string, number>;
  sum: number;
  count: number;
}

/** How often each topic was published: a metric of its own, so that it is a counter. */
function publishedIn(core: Record<string, Record<string, unknown>>): Record<string, unknown> {
  const published = core["bus"]?.["published"];
  return typeof published === "object" && published !== null ? { ...published } : {};
}

/** Finite numbers and truths of a record, nested ones by dotted path. */
function numbersOf(values: Record<string, unknown>, path = ""): [string, number][] {
  return Object.entries(values).flatMap(([key, value]): [string, number][] => {
    const name = path === "" ? key : `${path}.${key}`;
    if (typeof value === "number") return Number.isFinite(value) ? [[name, value]] : [];
    if (typeof value === "boolean") return [[name, value ? 1 : 0]];
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return numbersOf(value as Record<string, unknown>, name);
    return [];
  });
}
