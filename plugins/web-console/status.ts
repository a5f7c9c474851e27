import type { PluginContext } from "myna";
import type { LiveModel } from "./live-model.ts";
import type { Turn, Values } from "./wire.ts";

type Ears = Values["ears"];

/** Link, cost, ears and turns: what topics tell, kept for pages that come later. */
export function watchStatus(ctx: Pick<PluginContext, "on">, model: LiveModel): void {
  if (!model.get("link"))
    model.set("link", { state: "idle", url: "", attempt: 0, since_ms: performance.now(), ready_at_ms: null });
  if (!model.get("ears")) model.set("ears", { muted: false, talking: false, user: false, robot: false });
  if (!model.get("cost"))
    model.set("cost", { session_usd: null, day_usd: null, unpriced: 0, estimated: false, budget: "none" });

  ctx.on("session.state_changed", ({ state, url, attempt, retry_in_ms, message }) => {
    const before = model.get("link");
    const now = performance.now();
    const readyAtMs = state !== "ready" ? null : before?.state === "ready" ? before.ready_at_ms : now;
    const same = before?.state === state && before.url === url;
    const since = same ? before.since_ms : now;
    model.set("link", { state, url, attempt, retry_in_ms, message, since_ms: since, ready_at_ms: readyAtMs });
  });
  ctx.on("cost.updated", ({ session_usd, day_usd, unpriced, estimated }) => {
    const budget = model.get("cost")?.budget ?? "none";
    model.set("cost", { session_usd, day_usd, unpriced, estimated, budget });
  });
  ctx.on("budget.degraded", ({ step }) => {
    const cost = model.get("cost");
    if (cost) model.set("cost", { ...cost, budget: step });
  });

  const ears = (change: Partial<Ears>) => {
    const before = model.get("ears");
    if (before) model.set("ears", { ...before, ...change });
  };
  ctx.on("user.mute_changed", ({ muted }) => ears({ muted }));
  ctx.on("user.talk_changed", ({ talking }) => ears({ talking }));
  ctx.on("user.speech_started", () => ears({ user: true }));
  ctx.on("user.speech_stopped", () => ears({ user: false }));
  ctx.on("playback.started", () => ears({ robot: true }));
  ctx.on("playback.stopped", () => ears({ robot: false }));

  ctx.on("turn.latency", (latency) => {
    const turn: Turn = {
      at: performance.now(),
      turn: latency.turn,
      commit_ms: latency.speech_end_to_commit_ms,
      first_delta_ms: latency.commit_to_first_delta_ms,
      first_sample_ms: latency.first_delta_to_first_sample_ms,
      total_ms: latency.total_ms,
    };
    model.put("turns", String(latency.turn), turn);
  });
}
