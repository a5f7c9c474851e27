import { isRecord, numberOf, textOf } from "./ga-fields.ts";

/** Tokens by what they stand for. */
export interface TokenCounts {
  text: number;
  audio: number;
  image: number;
}

/** What an answer or a transcription consumed. */
export interface TokenUsage {
  /** Everything that went in, `cached` included. */
  input: TokenCounts;
  /** The part of `input` that the server had in its cache; never more than `input`. */
  cached: TokenCounts;
  output: TokenCounts;
  /** True where the server did not say which kind all tokens were: the rest counts as audio, the dearest kind. */
  estimated: boolean;
}

/** Recognisers are paid for by the token or by the second of audio. */
export type TranscriptionUsage =
  { kind: "tokens"; tokens: TokenUsage } | { kind: "duration"; seconds: number };

/** A limit of the server on what we may send. */
export interface RateLimit {
  /** "requests", "tokens", or whatever else the server counts. */
  name: string;
  limit: number | undefined;
  remaining: number | undefined;
  /** Until the limit is whole again, seconds. */
  resetS: number | undefined;
}

const KINDS = ["text", "audio", "image"] as const;

/**
 * `usage` of a `response.done` (or of a transcription): all of its fields are optional in the official types, and
 * cached ⊂ input. Undefined where there is nothing that can be counted. Source: openai 7.55.0, RealtimeResponseUsage.
 */
export function readUsage(value: unknown): TokenUsage | undefined {
  if (!isRecord(value)) return undefined;
  const inputDetails = recordAt(value, "input_token_details");
  const outputDetails = recordAt(value, "output_token_details");
  const input = split(count(value["input_tokens"]), inputDetails);
  const output = split(count(value["output_tokens"]), outputDetails);
  if (!input || !output) {
    const total = count(value["total_tokens"]);
    if (!input && !output && total === undefined) return undefined;
    return {
      input: input?.counts ?? { text: 0, audio: output ? 0 : (total ?? 0), image: 0 },
      cached: { text: 0, audio: 0, image: 0 },
      output: output?.counts ?? { text: 0, audio: 0, image: 0 },
      estimated: true,
    };
  }
  const cached = readCached(input.counts, inputDetails);
  return {
    input: input.counts,
    cached: cached.counts,
    output: output.counts,
    estimated: input.estimated || output.estimated || cached.estimated,
  };
}

/** `usage` of a finished transcription: `{type:"tokens",…}` or `{type:"duration",seconds}`. */
export function readTranscriptionUsage(value: unknown): TranscriptionUsage | undefined {
  if (!isRecord(value)) return undefined;
  const seconds = count(value["seconds"]);
  if (seconds !== undefined && value["type"] !== "tokens") return { kind: "duration", seconds };
  const tokens = readUsage(value);
  return tokens && { kind: "tokens", tokens };
}

/** The list of a `rate_limits.updated`; entries without a name are left out. */
export function readRateLimits(value: unknown): RateLimit[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: unknown) => {
    if (!isRecord(entry) || textOf(entry["name"]) === "") return [];
    return [
      {
        name: textOf(entry["name"]),
        limit: numberOf(entry["limit"]),
        remaining: numberOf(entry["remaining"]),
        resetS: count(entry["reset_seconds"]),
      },
    ];
  });
}

/** Input that had to be read, without what was in the cache. */
export function uncached({ input, cached }: TokenUsage): TokenCounts {
  return {
    text: input.text - cached.text,
    audio: input.audio - cached.audio,
    image: input.image - cached.image,
  };
}

/** All kinds together. */
export function sum(counts: TokenCounts): number {
  return counts.text + counts.audio + counts.image;
}

interface Split {
  counts: TokenCounts;
  estimated: boolean;
}

/** What the details name; tokens of the total that they leave open count as audio. */
function split(total: number | undefined, details: Record<string, unknown>): Split | undefined {
  const counts = countsOf(details);
  const named = sum(counts);
  if (total === undefined && Object.keys(details).length === 0) return undefined;
  const open = Math.max(0, (total ?? named) - named);
  counts.audio += open;
  return { counts, estimated: open > 0 };
}

/** Without details, cached tokens are taken from the text first: instructions and tools are the prefix of everything. */
function readCached(input: TokenCounts, details: Record<string, unknown>): Split {
  const named = countsOf(recordAt(details, "cached_tokens_details"));
  const counts = { text: 0, audio: 0, image: 0 };
  for (const kind of KINDS) counts[kind] = Math.min(input[kind], named[kind]);
  let open = Math.max(0, (count(details["cached_tokens"]) ?? 0) - sum(counts));
  const estimated = open > 0;
  for (const kind of KINDS) {
    const taken = Math.min(open, input[kind] - counts[kind]);
    counts[kind] += taken;
    open -= taken;
  }
  return { counts, estimated };
}

function countsOf(details: Record<string, unknown>): TokenCounts {
  return {
    text: count(details["text_tokens"]) ?? 0,
    audio: count(details["audio_tokens"]) ?? 0,
    image: count(details["image_tokens"]) ?? 0,
  };
}

function recordAt(value: Record<string, unknown>, key: string): Record<string, unknown> {
  const inner = value[key];
  return isRecord(inner) ? inner : {};
}

/** A number that can be a count: below zero and not finite are none. */
function count(value: unknown): number | undefined {
  const number = numberOf(value);
  return number !== undefined && number >= 0 ? number : undefined;
}
