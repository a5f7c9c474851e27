import type { Conversation } from "./conversation.ts";
import { type ItemRecord, parseItem } from "./items.ts";
import { Refusal } from "./refusal.ts";
import type { ResponseRequest } from "./response.ts";
import { callableTools, type SessionConfig, voiceName } from "./session-config.ts";
import type { ResponseOptions } from "./session-schema.ts";

/** The options of a `response.create` over the session's settings. Its instructions replace, they do not add. */
export function requestOf(
  options: ResponseOptions,
  config: SessionConfig,
  conversation: Conversation,
): ResponseRequest {
  const tools = options.tools ?? config.tools;
  return {
    modality: (options.output_modalities ?? config.output_modalities)[0],
    instructions: options.instructions ?? config.instructions,
    tools: callableTools(tools, options.tool_choice ?? config.tool_choice),
    voice: voiceName(options.audio?.output?.voice ?? config.audio.output.voice),
    maxOutputTokens: options.max_output_tokens ?? config.max_output_tokens,
    metadata: options.metadata ?? null,
    outOfBand: options.conversation === "none",
    input: options.input ? options.input.map((entry, at) => inputItem(entry, at, conversation)) : null,
  };
}

function inputItem(entry: Record<string, unknown>, at: number, conversation: Conversation): ItemRecord {
  const root = `response.input.${at}`;
  if (entry.type !== "item_reference") return { item: parseItem(entry, root).item, audio: [], heard: null };
  const record = conversation.find(String(entry.id));
  if (!record) {
    const text = `Invalid value for '${root}.id': the item '${String(entry.id)}' does not exist.`;
    throw new Refusal("invalid_value", text, `${root}.id`);
  }
  return record;
}
