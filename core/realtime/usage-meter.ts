import type { TopicName, Topics } from "../topics.ts";
import { FREE } from "./prices.ts";
import type { Cost, PriceTable } from "./prices.ts";
import { RecentIds } from "./recent-ids.ts";
import { uncached } from "./usage.ts";
import type { TokenUsage, TranscriptionUsage } from "./usage.ts";
import type { DayLedger } from "./usage-ledger.ts";

/** Ids that are remembered; more answers than a server sends twice in any order. */
const REMEMBERED = 4096;
const NOTHING = { text: 0, audio: 0, image: 0 };

/** What {@link UsageMeter} works with. */
export interface UsageMeterDeps {
  prices: PriceTable;
  ledger: DayLedger;
  /** Who answers at present, and whether that costs anything. */
  endpoint: () => { model: string; free: boolean };
  transcriptionModel: string;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  /** A model without a known price was used; once for each model. */
  onUnpriced: (model: string) => void;
}

/**
 * The one place where cost is computed: each answer counts once by its id and each transcription once by item and
 * part, however often and on whichever connection the server reports it. What was cut off or failed is paid for too.
 */
export class UsageMeter {
  readonly #deps: UsageMeterDeps;
  readonly #counted = new RecentIds(REMEMBERED);
  readonly #unpricedModels = new Set<string>();
  #usd = 0;
  #unpriced = 0;
  #estimated = false;
  readonly #counters = { responses: 0, transcriptions: 0, duplicates: 0, without_usage: 0 };

  constructor(deps: UsageMeterDeps) {
    this.#deps = deps;
  }

  /** US dollars since the start of the robot, as far as prices are known. */
  get sessionUsd(): number {
    return this.#usd;
  }

  /** US dollars since midnight, as far as prices are known. */
  get dayUsd(): number {
    return this.#deps.ledger.total().usd;
  }

  response(responseId: string, usage: TokenUsage | undefined): void {
    if (!this.#first(`response ${responseId}`, usage)) return;
    const { model, free } = this.#deps.endpoint();
    this.#counters.responses++;
    const cost = free ? FREE : this.#deps.prices.tokens(model, usage);
    this.#count({ kind: "response", id: responseId, model, seconds: 0, ...figures(usage) }, cost);
  }

  transcription(itemId: string, contentIndex: number, usage: TranscriptionUsage | undefined): void {
    if (!this.#first(`item ${contentIndex} ${itemId}`, usage)) return;
    const { transcriptionModel: model, prices, endpoint } = this.#deps;
    this.#counters.transcriptions++;
    const cost = endpoint().free ? FREE : prices.transcription(model, usage);
    const amount =
      usage.kind === "tokens"
        ? { seconds: 0, ...figures(usage.tokens) }
        : { seconds: usage.seconds, input: NOTHING, cached: NOTHING, output: NOTHING, estimated: false };
    this.#count({ kind: "transcription", id: itemId, model, ...amount }, cost);
  }

  /** An answer that ran is lost with its connection: what it cost will never be told. */
  lost(): void {
    if (this.#deps.endpoint().free) return;
    this.#estimated = true;
  }

  /** Publishes the running cost as it is. */
  publishCost(): void {
    const { day, usd, unpriced } = this.#deps.ledger.total();
    this.#deps.publish("cost.updated", {
      day,
      session_usd: known(this.#usd, this.#unpriced),
      day_usd: known(usd, unpriced),
      unpriced: this.#unpriced,
      estimated: this.#estimated,
    });
  }

  counters(): Record<string, number> {
    return { ...this.#counters, unpriced: this.#unpriced, usd: this.#usd, day_usd: this.dayUsd };
  }

  #first<U>(key: string, usage: U | undefined): usage is U {
    if (usage === undefined) {
      this.#counters.without_usage++;
      return false;
    }
    if (this.#counted.has(key)) {
      this.#counters.duplicates++;
      return false;
    }
    this.#counted.add(key);
    return true;
  }

  #count(about: Omit<Topics["usage.updated"], "usd">, { usd, complete }: Cost): void {
    this.#usd += usd;
    this.#estimated ||= about.estimated;
    if (!complete) {
      this.#unpriced++;
      if (!this.#unpricedModels.has(about.model)) {
        this.#unpricedModels.add(about.model);
        this.#deps.onUnpriced(about.model);
      }
    }
    this.#deps.ledger.add(usd, complete ? 0 : 1);
    this.#deps.publish("usage.updated", { ...about, usd: complete ? usd : null });
    this.publishCost();
  }
}

function figures(
  usage: TokenUsage,
): Pick<Topics["usage.updated"], "input" | "cached" | "output" | "estimated"> {
  const { cached, output, estimated } = usage;
  return { input: uncached(usage), cached, output, estimated };
}

/** Nothing known is not nothing spent. */
function known(usd: number, unpriced: number): number | null {
  return usd === 0 && unpriced > 0 ? null : usd;
}
