import type { PluginContext, TokenKinds, Topics } from "myna";
import type { Exposition } from "./exposition.ts";
import { identifier } from "./label.ts";

/** Counts what the conversation consumes and costs, and what the server lets us send. */
export function countCost(ctx: PluginContext, metrics: Exposition): void {
  const tokens = metrics.counter(
    "myna_tokens_total",
    "Tokens consumed, by model, direction (input, cached, output) and kind (text, audio, image).",
  );
  const seconds = metrics.counter(
    "myna_transcribed_seconds_total",
    "Speech that was recognised and is paid for by time.",
  );
  const dollars = metrics.counter("myna_cost_dollars_total", "US dollars spent, as far as prices are known.");
  const unpriced = metrics.counter(
    "myna_unpriced_total",
    "Answers and transcriptions whose price is not known.",
  );
  const add = (model: string, direction: string, counts: TokenKinds) => {
    for (const kind of ["text", "audio", "image"] as const)
      if (counts[kind] > 0) tokens.add({ model, direction, kind }, counts[kind]);
  };
  ctx.on("usage.updated", (usage) => {
    const model = identifier(usage.model);
    add(model, "input", usage.input);
    add(model, "cached", usage.cached);
    add(model, "output", usage.output);
    if (usage.seconds > 0) seconds.add({ model }, usage.seconds);
    if (usage.usd === null) unpriced.add({ model });
    else dollars.add({ model }, usage.usd);
  });

  let cost: Topics["cost.updated"] | undefined;
  ctx.on("cost.updated", (event) => void (cost = event));
  metrics.gauge(
    "myna_cost_day_dollars",
    "US dollars spent since midnight, as far as prices are known.",
    () => (cost?.day_usd == null ? [] : [[{}, cost.day_usd]]),
  );
  const warnings = metrics.counter("myna_budget_warnings_total", "Caps that were nearly spent, by cap.");
  ctx.on("budget.warned", ({ scope }) => warnings.add({ scope }));
  let step: Topics["budget.degraded"]["step"] = "none";
  ctx.on("budget.degraded", (event) => void (step = event.step));
  metrics.gauge("myna_budget_step", "1 for what the budget makes the robot do.", () =>
    (["none", "smaller_model", "local_brain", "sleep"] as const).map((one) => [
      { step: one },
      one === step ? 1 : 0,
    ]),
  );

  let size: Topics["context.measured"] | undefined;
  ctx.on("context.measured", (event) => void (size = event));
  metrics.gauge("myna_context_tokens", "Estimated tokens in front of every conversation, by part.", () =>
    size === undefined
      ? []
      : [
          [{ part: "instructions" }, size.instructions_tokens],
          [{ part: "tools" }, size.tools_tokens],
        ],
  );
  const remaining = new Map<string, number>();
  ctx.on("rate_limits.updated", ({ limits }) => {
    for (const limit of limits)
      if (limit.remaining !== undefined) remaining.set(identifier(limit.name), limit.remaining);
  });
  metrics.gauge("myna_rate_limit_remaining", "What the server still lets us send, by limit.", () =>
    [...remaining].map(([limit, left]) => [{ limit }, left] as const),
  );
  const delays = metrics.counter(
    "myna_responses_delayed_total",
    "Answers that had to wait for a rate limit, by limit.",
  );
  ctx.on("response.delayed", ({ limit }) => delays.add({ limit: identifier(limit) }));
  const hangUps = metrics.counter("myna_hang_ups_total", "Links that were closed on purpose, by reason.");
  ctx.on("session.hung_up", ({ reason }) => hangUps.add({ reason }));
}
