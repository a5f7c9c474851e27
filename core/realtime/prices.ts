import type { ModelPrice, TokenPrice } from "./budget-config.ts";
import list from "./prices.json" with { type: "json" };
import { uncached } from "./usage.ts";
import type { TokenUsage, TranscriptionUsage } from "./usage.ts";

const BUILT_IN: Record<string, ModelPrice> = list.models;
/** Day of the built-in list, ISO 8601. */
export const PRICES_AS_OF = list.as_of;

/** US dollars; where something consumed has no known price, `usd` is only the part that has. */
export interface Cost {
  usd: number;
  complete: boolean;
}

/** What a server of one's own takes. */
export const FREE: Cost = { usd: 0, complete: true };

/** Prices by model, those of the owner before the built-in ones. */
export class PriceTable {
  readonly #own: Readonly<Record<string, ModelPrice>>;

  constructor(own: Readonly<Record<string, ModelPrice>> = {}) {
    this.#own = own;
  }

  /** A dated snapshot ("…-2026-05-01") has the price of its model unless it is listed by itself. */
  of(model: string): ModelPrice | undefined {
    const family = model.replace(/-\d{4}-\d{2}-\d{2}$/, "");
    for (const name of [model, family]) {
      for (const prices of [this.#own, BUILT_IN]) {
        if (Object.hasOwn(prices, name)) return prices[name];
      }
    }
    return undefined;
  }

  /** cost = Σ over kinds of (in − cached)·p_in + cached·p_cached + out·p_out. */
  tokens(model: string, usage: TokenUsage): Cost {
    const price = this.of(model);
    const fresh = uncached(usage);
    let usd = 0;
    let complete = true;
    const add = (tokens: number, perMillion: number | undefined) => {
      if (tokens <= 0) return;
      if (perMillion === undefined) complete = false;
      else usd += (tokens * perMillion) / 1e6;
    };
    for (const kind of ["text", "audio", "image"] as const) {
      const kindPrice: TokenPrice | undefined = price?.[kind];
      add(fresh[kind], kindPrice?.in);
      add(usage.cached[kind], kindPrice?.cached);
      add(usage.output[kind], kindPrice?.out);
    }
    return { usd, complete };
  }

  transcription(model: string, usage: TranscriptionUsage): Cost {
    if (usage.kind === "tokens") return this.tokens(model, usage.tokens);
    const perMinute = this.of(model)?.per_minute;
    if (perMinute === undefined) return { usd: 0, complete: usage.seconds <= 0 };
    return { usd: (usage.seconds / 60) * perMinute, complete: true };
  }
}
