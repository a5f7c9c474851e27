import { z } from "zod";
import { Refusal, refusalOf } from "./refusal.ts";
import { responseOptions } from "./session-schema.ts";

/** Longest text of an audio append, characters: 15 MiB, as the Realtime API has it. */
const MAX_APPEND = 15 * 1024 * 1024;

const event_id = z.string().max(512).nullish();
const anything = z.record(z.string(), z.unknown());
const previous = z.string().nullish();
const wholeNumber = z.int().min(0);

const append = z.strictObject({
  event_id,
  type: z.literal("input_audio_buffer.append"),
  audio: z.string().max(MAX_APPEND),
});

const clientEvent = z.discriminatedUnion("type", [
  append,
  z.strictObject({ event_id, type: z.literal("input_audio_buffer.commit") }),
  z.strictObject({ event_id, type: z.literal("input_audio_buffer.clear") }),
  z.strictObject({ event_id, type: z.literal("session.update"), session: anything }),
  z.strictObject({
    event_id,
    type: z.literal("conversation.item.create"),
    previous_item_id: previous,
    item: anything,
  }),
  z.strictObject({ event_id, type: z.literal("conversation.item.retrieve"), item_id: z.string() }),
  z.strictObject({
    event_id,
    type: z.literal("conversation.item.truncate"),
    item_id: z.string(),
    content_index: wholeNumber,
    audio_end_ms: wholeNumber,
  }),
  z.strictObject({ event_id, type: z.literal("conversation.item.delete"), item_id: z.string() }),
  z.strictObject({ event_id, type: z.literal("response.create"), response: responseOptions.nullish() }),
  z.strictObject({ event_id, type: z.literal("response.cancel"), response_id: z.string().nullish() }),
]);

/** What a client may send (GA, without `output_audio_buffer.clear`, which is for WebRTC). */
export type ClientEvent = z.infer<typeof clientEvent>;

const KNOWN: ReadonlySet<unknown> = new Set(clientEvent.options.map((option) => option.shape.type.value));

/** The client's event_id at once, so that an error can name it; `event()` checks the rest or throws a Refusal. */
export function parseEvent(frame: string): { eventId: string | null; event: () => ClientEvent } {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    throw new Refusal("invalid_event", "The event is not valid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Refusal("invalid_event", "An event must be a JSON object.");
  }
  const given = value as Record<string, unknown>;
  const eventId = typeof given.event_id === "string" ? given.event_id.slice(0, 512) : null;
  return { eventId, event: () => checked(given) };
}

function checked(given: Record<string, unknown>): ClientEvent {
  if (given.type === undefined) {
    throw new Refusal("missing_required_parameter", "Missing required parameter: 'type'.", "type");
  }
  if (!KNOWN.has(given.type)) {
    const known = [...KNOWN].map((name) => `'${String(name)}'`).join(", ");
    const text = `Invalid value: '${String(given.type)}'. Supported values are: ${known}.`;
    throw new Refusal("invalid_value", text, "type");
  }
  const parsed = clientEvent.safeParse(given, { reportInput: true });
  if (!parsed.success) throw refusalOf(parsed.error, "");
  return parsed.data;
}
