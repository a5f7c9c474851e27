import { z } from "zod";

/** What the budget may make the robot do, the dearest first. */
const BUDGET_STEPS = ["smaller_model", "local_brain", "sleep"] as const;

const tokenPrice = z.strictObject({
  in: z.number().min(0),
  cached: z.number().min(0),
  out: z.number().min(0).optional(),
});

const modelPrice = z.strictObject({
  text: tokenPrice.optional(),
  audio: tokenPrice.optional(),
  image: tokenPrice.optional(),
  per_minute: z.number().min(0).optional(),
});

/** The [budget] table of a profile. */
export const budgetConfig = z
  .strictObject({
    /** Cap from the start of the robot to its end, US dollars; 0 is no cap. */
    session_usd: z.number().min(0).default(0),
    /** Cap from midnight to midnight, US dollars; 0 is no cap. It outlives a restart. */
    day_usd: z.number().min(0).default(0),
    /** Share of a cap at which the robot says that it is nearly spent. */
    warn_at: z.number().min(0).max(1).default(0.8),
    /** Share of a cap at which a step that still costs, the smaller model, is taken. */
    degrade_at: z.number().min(0).max(1).default(0.9),
    /** What happens, in this order: the smaller model from `degrade_at` on, at the cap the first of the others that is possible. */
    degrade: z.array(z.enum(BUDGET_STEPS)).default([...BUDGET_STEPS]),
    /** The model that the robot falls back to. */
    smaller_model: z.string().min(1).default("gpt-realtime-2.1-mini"),
    /** File that keeps the cost of the day; "" keeps it in memory only. Default: cost.json in the user's state folder. */
    state_file: z.string().optional(),
    /** Prices of models that the built-in list does not know or has wrong, US dollars per million tokens or per minute. */
    prices: z.record(z.string(), modelPrice).default({}),
  })
  .prefault({});

/** The [budget] table with its defaults. */
export type BudgetConfig = z.output<typeof budgetConfig>;

/** US dollars per million tokens; what the model does not produce has no `out`. */
export type TokenPrice = z.output<typeof tokenPrice>;

/** What a model costs; a kind of token that is missing has no known price. */
export type ModelPrice = z.output<typeof modelPrice>;
