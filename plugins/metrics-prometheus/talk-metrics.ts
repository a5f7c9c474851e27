import type { PluginContext, Topics } from "myna";
import type { Exposition } from "./exposition.ts";

const TALK_BUCKETS_S = [0.005, 0.01, 0.02, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.75, 1, 2, 5];

/** Shows the calls of the WebRTC gateway. */
export function countCalls(ctx: PluginContext, metrics: Exposition): void {
  const figures = metrics.histogram(
    "myna_talk_seconds",
    "What calls through the gateway measure, by figure (offer, latency, first_audio, barge_in).",
    TALK_BUCKETS_S,
  );
  ctx.on("talk.measured", ({ figure, ms }) => figures.observe(ms / 1000, { figure }));
  let calls: Topics["talk.calls_changed"] | undefined;
  ctx.on("talk.calls_changed", (event) => void (calls = event));
  metrics.gauge("myna_talk_calls", "Pages that talk or listen now.", () => (calls ? [[{}, calls.open]] : []));
  metrics.gauge("myna_talk_calls_limit", "Pages that may talk or listen at the same time.", () =>
    calls ? [[{}, calls.most]] : [],
  );
}
