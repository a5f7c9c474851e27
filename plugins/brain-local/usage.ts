import type { Remembered, SpokenTool } from "./contracts.ts";
import { RATE_HZ } from "./pcm.ts";

/** Tokens of a text: about four characters each. */
export function textTokens(text: string): number {
  return Math.ceil(text.length / 4);
}

/** Tokens of what the assistant says: one per 50 ms. */
export function spokenTokens(samples: number): number {
  return Math.ceil(samples / (RATE_HZ / 20));
}

/** Tokens of what the user said: one per 100 ms. */
export function heardTokens(samples: number): number {
  return Math.ceil(samples / (RATE_HZ / 10));
}

/** Text of everything that goes into an answer, as tokens. */
export function inputTokens(view: Remembered[], instructions: string, tools: SpokenTool[]): number {
  const texts = view.map((entry) => {
    if (entry.kind === "call") return entry.name + entry.arguments;
    if (entry.kind === "result") return entry.output;
    if (entry.kind === "image") return entry.caption ?? "";
    return entry.kind === "user" && entry.spoken ? "" : entry.text;
  });
  return textTokens(texts.join("") + instructions + (tools.length > 0 ? JSON.stringify(tools) : ""));
}

/** `usage` of a `response.done`; nothing is cached and nothing costs money here. */
export function usageOf(tokens: {
  textIn: number;
  audioIn: number;
  textOut: number;
  audioOut: number;
}): Record<string, unknown> {
  const input = tokens.textIn + tokens.audioIn;
  const output = tokens.textOut + tokens.audioOut;
  return {
    total_tokens: input + output,
    input_tokens: input,
    output_tokens: output,
    input_token_details: {
      text_tokens: tokens.textIn,
      audio_tokens: tokens.audioIn,
      image_tokens: 0,
      cached_tokens: 0,
      cached_tokens_details: { text_tokens: 0, audio_tokens: 0, image_tokens: 0 },
    },
    output_token_details: { text_tokens: tokens.textOut, audio_tokens: tokens.audioOut },
  };
}
