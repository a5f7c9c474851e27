import type { TopicName, Topics } from "../topics.ts";
import type { BudgetConfig } from "./budget-config.ts";

/** What the budget makes the robot do; "none" is as configured. */
export type BudgetStep = Topics["budget.degraded"]["step"];
type Scope = Topics["budget.degraded"]["scope"];

/** What {@link Budget} works with. */
export interface BudgetDeps {
  config: BudgetConfig;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  /** True where the step can be taken now. */
  possible: (step: BudgetStep) => boolean;
}

/** What was spent, US dollars. */
export interface Spent {
  sessionUsd: number;
  dayUsd: number;
  /** Local date, YYYY-MM-DD. */
  day: string;
  /** False while the server that answers costs nothing: then no step is needed. */
  paying: boolean;
}

/** A cap that is nearly spent, US dollars. */
export interface BudgetWarning {
  scope: Scope;
  spentUsd: number;
  capUsd: number;
}

/**
 * Watches the caps: a warning at a share of a cap, once; the smaller model at another; at the cap itself the first
 * step that costs nothing and is possible. A new day takes back what the cap of the day brought about.
 */
export class Budget {
  readonly #deps: BudgetDeps;
  readonly #warned = new Set<Scope>();
  #day = "";
  #step: BudgetStep = "none";
  #scope: Scope = "session";
  /** What waits for the next pause. */
  readonly #orders: { warning: BudgetWarning | null; step: BudgetStep | null } = {
    warning: null,
    step: null,
  };

  constructor(deps: BudgetDeps) {
    this.#deps = deps;
  }

  /** Whether there is a cap to watch. */
  get capped(): boolean {
    return this.#deps.config.session_usd > 0 || this.#deps.config.day_usd > 0;
  }

  /** The step that was decided on last. */
  get step(): BudgetStep {
    return this.#step;
  }

  /** True where something waits for the next pause. */
  get pending(): boolean {
    return this.#orders.warning !== null || this.#orders.step !== null;
  }

  /** Compares what was spent with the caps. Call it after each cost and before waking. */
  check(spent: Spent): void {
    const { config } = this.#deps;
    this.#newDay(spent.day);
    const scopes = [
      { scope: "session", spentUsd: spent.sessionUsd, capUsd: config.session_usd },
      { scope: "day", spentUsd: spent.dayUsd, capUsd: config.day_usd },
    ] as const;
    for (const { scope, spentUsd, capUsd } of scopes) {
      if (capUsd === 0) continue;
      const share = spentUsd / capUsd;
      if (share >= config.warn_at && !this.#warned.has(scope)) this.#warn(scope, spentUsd, capUsd);
      if (!spent.paying) continue;
      if (share >= 1) this.#degrade(scope, config.degrade.filter(isFree));
      else if (share >= config.degrade_at && this.#step === "none")
        this.#degrade(
          scope,
          config.degrade.filter((step) => !isFree(step)),
        );
    }
  }

  /** The cap that the robot shall say is nearly spent; given once. */
  takeWarning(): BudgetWarning | null {
    const { warning } = this.#orders;
    this.#orders.warning = null;
    return warning;
  }

  /** The step that the session takes now, after the warning was said; given, and published, once. */
  takeStep(): BudgetStep | null {
    const { step } = this.#orders;
    if (step === null) return null;
    this.#orders.step = null;
    const model = step === "smaller_model" ? { model: this.#deps.config.smaller_model } : {};
    this.#deps.publish("budget.degraded", { step, scope: this.#scope, ...model });
    return step;
  }

  #newDay(day: string): void {
    const began = this.#day !== "" && this.#day !== day;
    this.#day = day;
    if (!began) return;
    this.#warned.delete("day");
    if (this.#orders.warning?.scope === "day") this.#orders.warning = null;
    if (this.#step !== "none" && this.#scope === "day") this.#decide("none", "day");
  }

  #warn(scope: Scope, spentUsd: number, capUsd: number): void {
    this.#warned.add(scope);
    this.#orders.warning = { scope, spentUsd, capUsd };
    this.#deps.publish("budget.warned", { scope, spent_usd: spentUsd, cap_usd: capUsd });
  }

  #degrade(scope: Scope, steps: readonly BudgetStep[]): void {
    // A robot that sleeps may find a brain of its own later; one that has it spends nothing more.
    if (this.#step === "local_brain") return;
    const step = steps.find((one) => this.#deps.possible(one));
    if (step !== undefined && step !== this.#step) this.#decide(step, scope);
  }

  #decide(step: BudgetStep, scope: Scope): void {
    this.#step = step;
    this.#scope = scope;
    this.#orders.step = step;
  }
}

function isFree(step: BudgetStep): boolean {
  return step === "local_brain" || step === "sleep";
}

/** What the robot says when a cap is nearly spent. */
export function warningSentence({ scope, spentUsd, capUsd }: BudgetWarning): string {
  const span = scope === "day" ? "Today's budget" : "The budget for this session";
  return `${span} is nearly spent: ${spentUsd.toFixed(2)} of ${capUsd.toFixed(2)} US dollars.`;
}
