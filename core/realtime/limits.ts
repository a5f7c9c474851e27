import type { Logger } from "../log.ts";
import type { TopicName, Topics } from "../topics.ts";
import { Budget, warningSentence } from "./budget.ts";
import type { BudgetStep } from "./budget.ts";
import { budgetConfig } from "./budget-config.ts";
import type { BudgetConfig } from "./budget-config.ts";
import type { SessionConfig } from "./config.ts";
import { measureContext, PREFIX_LIMIT_TOKENS, PREFIX_MARGIN_TOKENS } from "./context-size.ts";
import { ContextImages } from "./context-images.ts";
import type { Endpoint } from "./endpoint.ts";
import { noticeInstructions } from "./endpoints-failover.ts";
import type { NewItem, ServerEvent, ServerFault } from "./events.ts";
import { IdleAudio } from "./idle-audio.ts";
import type { ToolDescription } from "./port.ts";
import { PRICES_AS_OF, PriceTable } from "./prices.ts";
import { RateLimits } from "./rate-limits.ts";
import { DayLedger } from "./usage-ledger.ts";
import { UsageMeter } from "./usage-meter.ts";

/** How often a pause of the conversation is looked for while something waits for one. */
const PAUSE_MS = 400;
/** A robot that is busy when it would hang up is asked again after so long. */
const BUSY_MS = 1000;
const SPENT = "a cap of [budget] is spent: the robot sleeps";

/** What {@link Limits} works with. */
export interface LimitsDeps {
  config: SessionConfig;
  /** Without it there are no caps. */
  budget?: BudgetConfig;
  /** Where the cost of the day is kept; undefined keeps it in memory. */
  stateFile?: string | undefined;
  /** Where the session would connect without a budget; null while there is no server yet. */
  endpoint: () => Endpoint | null;
  /** A server of one's own that costs nothing, where there is one at the moment. */
  localBrain?: () => Endpoint | null;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  log: Logger;
  /** True at a pause: link ready, nobody speaks, nothing runs and no tool is at work. */
  atRest: () => boolean;
  /** Asks for an answer with these instructions. */
  respond: (instructions: string) => void;
  deleteItem: (itemId: string) => void;
  open: () => void;
  /** Connects, and waits so long for `open`. */
  openAhead: (waitMs: number) => void;
  hangUp: (reason: string) => void;
  /** Another endpoint or model is wanted from now on. */
  endpointChanged: () => void;
  /** Items with images that the present session was told in the place of earlier ones. */
  toldImages: () => readonly string[];
  /** The link is about to be opened after it was closed on purpose. */
  resume: () => void;
  /** Takes a frame of the microphone from before the link is open. */
  hear: (frame: Int16Array) => void;
  spent: (message: string) => void;
  now?: () => Date;
}

/**
 * What keeps the conversation within money and rates: counts cost, obeys [budget] and the server's rate limits, takes
 * old images out of the context, hangs up when nobody speaks. Acts at pauses only, through the session.
 */
export class Limits {
  readonly #deps: LimitsDeps;
  readonly #smallerModel: string;
  readonly #meter: UsageMeter;
  readonly #ledger: DayLedger;
  readonly #budget: Budget;
  readonly #rates: RateLimits;
  readonly #images: ContextImages;
  readonly #earlier = new IdleAudio();
  #endpoint: Endpoint | null = null;
  /** The budget's step that is in force. */
  #step: BudgetStep = "none";
  #asleep: "idle" | "budget" | null = null;
  #activeAtMs = performance.now();
  #openedAheadAtMs = -Infinity;
  #measured = "";
  #pauseTimer: ReturnType<typeof setTimeout> | undefined;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #counters = { images_trimmed: 0, hang_ups: 0, preconnects: 0 };

  constructor(deps: LimitsDeps) {
    this.#deps = deps;
    const { config, publish, log } = deps;
    const budget = deps.budget ?? budgetConfig.parse({});
    this.#smallerModel = budget.smaller_model;
    this.#ledger = new DayLedger({
      file: deps.stateFile,
      onTrouble: (message) => log.warn(message),
      ...(deps.now && { now: deps.now }),
    });
    this.#meter = new UsageMeter({
      prices: new PriceTable(budget.prices),
      ledger: this.#ledger,
      endpoint: () => this.#payee(),
      transcriptionModel: config.transcription_model,
      publish,
      onUnpriced: (model) =>
        log.warn("price not known: the cost is more than the figures say; give it in [budget.prices]", {
          model,
          prices_as_of: PRICES_AS_OF,
        }),
    });
    this.#budget = new Budget({ config: budget, publish, possible: (step) => this.#possible(step) });
    this.#rates = new RateLimits({ config: config.rate_limits, publish });
    this.#images = new ContextImages(config.context.images);
  }

  /** False where the budget is spent already: then the link stays closed. */
  start(): boolean {
    // What is wrong with it is said when the link is opened.
    const endpoint = attempt(this.#deps.endpoint);
    // A server that is not there yet is one of our own.
    if (!endpoint) return true;
    this.#endpoint = endpoint;
    this.#checkBudget();
    this.#step = this.#budget.takeStep() ?? this.#step;
    if (this.#step !== "sleep") return true;
    this.#sleep("budget");
    return false;
  }

  close(): void {
    clearTimeout(this.#pauseTimer);
    clearTimeout(this.#idleTimer);
    this.#asleep = null;
  }

  /** The endpoint as the budget has it: with the smaller model, or the local brain in its place. */
  choose(endpoint: Endpoint | null): Endpoint | null {
    let chosen = endpoint;
    if (this.#step === "local_brain") chosen = this.#deps.localBrain?.() ?? null;
    else if (this.#step === "smaller_model" && endpoint && !endpoint.free)
      chosen = { ...endpoint, model: this.#smallerModel };
    this.#endpoint = chosen ?? this.#endpoint;
    return chosen;
  }

  /** How long no answer may be asked for, ms. */
  holdMs(): number {
    return this.#rates.holdMs();
  }

  /** True where the server refused an answer for its rate and it shall be asked for again. */
  refused(fault: ServerFault | undefined): boolean {
    if (fault) return this.#rates.refused(fault);
    this.#rates.passed();
    return false;
  }

  /** Every event of the server passes here. */
  receive(event: ServerEvent): void {
    switch (event.type) {
      case "rate_limits":
        this.#rates.update(event.limits);
        return;
      case "response_done":
        this.#meter.response(event.responseId, event.usage);
        this.#checkBudget();
        break;
      case "user_text_done":
        this.#meter.transcription(event.itemId, event.contentIndex, event.usage);
        this.#checkBudget();
        break;
      case "item_deleted":
        this.#images.deleted(event.itemId);
        break;
    }
    this.touch();
  }

  /** An item of ours joins the conversation. */
  added(item: NewItem): void {
    this.touch();
    if (item.kind !== "user_images") return;
    this.#images.added(item.id);
    this.#awaitPause();
  }

  /** Instructions and tools go to the server. */
  configured(tools: readonly ToolDescription[]): void {
    const { instructions } = this.#deps.config;
    const { instructionsTokens, toolsTokens, largest } = measureContext(instructions, tools);
    const key = `${instructionsTokens} ${toolsTokens}`;
    if (key === this.#measured) return;
    this.#measured = key;
    const size = { instructions_tokens: instructionsTokens, tools_tokens: toolsTokens, tools: tools.length };
    this.#deps.publish("context.measured", { ...size, limit_tokens: PREFIX_LIMIT_TOKENS });
    if (instructionsTokens + toolsTokens <= PREFIX_LIMIT_TOKENS - PREFIX_MARGIN_TOKENS) {
      this.#deps.log.info("estimated tokens in front of every answer", size);
    } else {
      const longest = largest.map(({ name, tokens }) => `${name} (${tokens})`).join(", ");
      this.#deps.log.warn(
        `instructions and tools take about all of the ${PREFIX_LIMIT_TOKENS} tokens that the server allows; longest: ${longest}`,
        size,
      );
    }
  }

  /** The link is ready. */
  ready(): void {
    this.touch();
    this.#images.restored(this.#deps.toldImages());
    this.#checkBudget();
    this.#watchIdle();
  }

  /** The link is gone; `running` where an answer was under way. */
  lost(running: boolean): void {
    clearTimeout(this.#idleTimer);
    this.#images.clear();
    if (running) this.#meter.lost();
  }

  /** A frame of the microphone while the link is closed on purpose. */
  overhear(frame: Int16Array): void {
    if (this.#asleep !== null) this.#earlier.push(frame);
  }

  /** A server came, went or moved: the one that costs nothing may be among them. */
  serversChanged(): void {
    if (this.#asleep === "budget") this.wake();
  }

  /** Somebody does something. */
  touch(): void {
    this.#activeAtMs = performance.now();
  }

  /** Somebody wants something: a link that was closed on purpose is opened, unless the budget forbids it, which `say` says. */
  wake(say = false): void {
    this.touch();
    if (this.#asleep === null) return;
    this.#checkBudget();
    this.#step = this.#budget.takeStep() ?? this.#step;
    if (this.#step === "sleep") {
      if (say) this.#deps.spent(SPENT);
      return;
    }
    this.#asleep = null;
    this.#deps.resume();
    this.#earlier.drain((frame) => this.#deps.hear(frame));
    this.#deps.open();
  }

  /** Somebody begins to speak who may be about to wake the robot. */
  foresee(): void {
    const { preconnect_s, preconnect_every_s, wake } = this.#deps.config.idle;
    if (this.#asleep !== "idle" || wake !== "word" || preconnect_s === 0) return;
    if (performance.now() - this.#openedAheadAtMs < preconnect_every_s * 1000) return;
    this.#openedAheadAtMs = performance.now();
    this.#counters.preconnects++;
    this.#deps.openAhead(preconnect_s * 1000);
  }

  counters(): Record<string, unknown> {
    return {
      ...this.#counters,
      usage: this.#meter.counters(),
      rate_limits: this.#rates.counters(),
    };
  }

  #payee(): { model: string; free: boolean } {
    const endpoint = this.#endpoint;
    return { model: endpoint?.model ?? this.#deps.config.model, free: endpoint?.free ?? false };
  }

  #possible(step: BudgetStep): boolean {
    const { model, free } = this.#payee();
    if (step === "smaller_model") return !free && model !== this.#smallerModel;
    return step === "local_brain" ? !free && (this.#deps.localBrain?.() ?? null) !== null : true;
  }

  #checkBudget(): void {
    if (!this.#budget.capped) return;
    const { sessionUsd, dayUsd } = this.#meter;
    const { day } = this.#ledger.total();
    this.#budget.check({ sessionUsd, dayUsd, day, paying: !this.#payee().free });
    this.#awaitPause();
  }

  #awaitPause(): void {
    if (!this.#budget.pending && !this.#images.excess) return;
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = setTimeout(() => {
      if (this.#deps.atRest()) this.#pause();
      if (this.#asleep === null) this.#awaitPause();
    }, PAUSE_MS);
  }

  #pause(): void {
    const old = this.#images.trim();
    for (const itemId of old) this.#deps.deleteItem(itemId);
    if (old.length > 0) {
      this.#counters.images_trimmed += old.length;
      this.#deps.publish("context.trimmed", { images: old.length });
    }
    // The warning first: a robot that sleeps cannot say it.
    const warning = this.#budget.takeWarning();
    if (warning) {
      this.#deps.respond(noticeInstructions(warningSentence(warning)));
      return;
    }
    const step = this.#budget.takeStep();
    if (step === null) return;
    this.#step = step;
    if (step === "sleep") this.#sleep("budget");
    else this.#deps.endpointChanged();
  }

  #sleep(reason: "idle" | "budget"): void {
    this.#asleep = reason;
    this.#counters.hang_ups++;
    this.#deps.publish("session.hung_up", { reason });
    this.#deps.hangUp(reason === "idle" ? "nobody spoke for a while" : "the budget is spent");
    if (reason === "budget") this.#deps.spent(SPENT);
  }

  #watchIdle(): void {
    const limitMs = this.#deps.config.idle.hang_up_s * 1000;
    clearTimeout(this.#idleTimer);
    if (limitMs === 0) return;
    const leftMs = this.#activeAtMs + limitMs - performance.now();
    this.#idleTimer = setTimeout(
      () => {
        if (this.#activeAtMs + limitMs > performance.now()) this.#watchIdle();
        else if (this.#deps.atRest()) this.#sleep("idle");
        else this.#idleTimer = setTimeout(() => this.#watchIdle(), BUSY_MS);
      },
      Math.max(0, leftMs),
    );
  }
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined;
  }
}
