import type { Topics } from "myna";

/** "$0.12 since the start, $1.40 today"; "" while nothing was spent. */
export function costText({ session_usd, day_usd, unpriced, estimated }: Topics["cost.updated"]): string {
  const nothing = session_usd === 0 && unpriced === 0;
  if (nothing) return "";
  const about = estimated && session_usd !== null ? "about " : "";
  const known = `${about}${dollars(session_usd)} since the start, ${dollars(day_usd)} today`;
  return unpriced > 0 ? `${known}; ${unpriced} without a known price not counted` : known;
}

/** What the budget makes the robot do, for a person. */
export function budgetText({ step, scope, model }: Topics["budget.degraded"]): string {
  const cap = scope === "day" ? "today's budget" : "the budget";
  switch (step) {
    case "none":
      return "there is budget again";
    case "smaller_model":
      return `${cap} is nearly spent: goes on with ${model ?? "a smaller model"}`;
    case "local_brain":
      return `${cap} is spent: goes on with its own brain`;
    case "sleep":
      return `${cap} is spent: the robot sleeps`;
  }
}

/** "$1.20", "under 1 cent", or that the price is not known. */
export function dollars(usd: number | null): string {
  if (usd === null) return "price not known";
  return usd > 0 && usd < 0.01 ? "under 1 cent" : `$${usd.toFixed(2)}`;
}
