import type { ToolDescription } from "./port.ts";

/** Most tokens that instructions and tools may have together. Source: OpenAI's Realtime guide, realtime-protocol §3.2. */
export const PREFIX_LIMIT_TOKENS = 16_384;
/** The estimate may be this much too low before the limit is met unawares. */
export const PREFIX_MARGIN_TOKENS = 1_638;
/** English text and JSON have about four characters to a token. */
const CHARACTERS_PER_TOKEN = 4;

/** What goes in front of every conversation, estimated. */
export interface ContextSize {
  instructionsTokens: number;
  toolsTokens: number;
  tools: number;
  /** Names of the tools with the longest descriptions, longest first, each with its tokens. */
  largest: { name: string; tokens: number }[];
}

/** Estimates the tokens of instructions and tool definitions: they are paid for with every answer. */
export function measureContext(instructions: string, tools: readonly ToolDescription[]): ContextSize {
  const each = tools.map((tool) => ({ name: tool.name, tokens: estimate(JSON.stringify(tool)) }));
  return {
    instructionsTokens: estimate(instructions),
    toolsTokens: each.reduce((total, { tokens }) => total + tokens, 0),
    tools: tools.length,
    largest: each.toSorted((a, b) => b.tokens - a.tokens).slice(0, 3),
  };
}

function estimate(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}
