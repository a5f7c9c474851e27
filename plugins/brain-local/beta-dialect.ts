import { z } from "zod";
import { betaItem, betaResponse, betaSession, BETA_PARAMETERS, BETA_TYPES } from "./beta-shapes.ts";
import type { ServerEvent } from "./outlet.ts";
import { Refusal, refusalOf } from "./refusal.ts";

type Fields = Record<string, unknown>;

/** Formats other than PCM16 exist in the API; this server has none of them. */
const format = z.literal("pcm16").nullish();
const anything = z.unknown().optional();
const modalities = z
  .array(z.enum(["text", "audio"]))
  .refine((given) => given.includes("text"), "either text, or text and audio")
  .nullish();
const temperature = z.number().min(0.6).max(1.2).nullish();
const common = {
  modalities,
  instructions: anything,
  voice: anything,
  output_audio_format: format,
  tools: anything,
  tool_choice: anything,
  temperature,
  max_response_output_tokens: anything,
};

/** The flat `session` of a `session.update`; what is `anything` here is checked in its GA shape. */
const sessionUpdate = z.strictObject({
  ...common,
  model: anything,
  input_audio_format: format,
  input_audio_transcription: anything,
  input_audio_noise_reduction: anything,
  turn_detection: anything,
  speed: anything,
  tracing: anything,
});
const responseOptions = z.strictObject({
  ...common,
  conversation: anything,
  input: anything,
  metadata: anything,
});

const DEFAULT_TEMPERATURE = 0.8;

/** The beta dialect at the edge of one session: its events come in and go out in beta, and are GA inside. */
export class BetaDialect {
  #temperature = DEFAULT_TEMPERATURE;

  /** A client's frame in the shape of GA; a Refusal where beta does not know what it says. */
  inbound(frame: string): string {
    if (frame.includes('"input_audio_buffer.append"')) return frame;
    let event: unknown;
    try {
      event = JSON.parse(frame);
    } catch {
      return frame;
    }
    if (!isFields(event)) return frame;
    if (event.type === "session.update" && isFields(event.session))
      return JSON.stringify({ ...event, session: this.#sessionUpdate(event.session) });
    if (event.type === "response.create" && isFields(event.response)) {
      const checked = responseOptions.safeParse(event.response, { reportInput: true });
      if (!checked.success) throw refusalOf(checked.error, "response");
      return JSON.stringify({ ...event, response: gaSettings(checked.data) });
    }
    if (event.type === "conversation.item.create" && isFields(event.item))
      return JSON.stringify({ ...event, item: gaItem(event.item) });
    return frame;
  }

  /** A GA event as beta clients know it; null for one that beta does not have. */
  outbound(event: ServerEvent): ServerEvent | null {
    const type = BETA_TYPES[event.type] ?? event.type;
    switch (event.type) {
      case "conversation.item.done":
        return null;
      case "session.created":
      case "session.updated":
        return { ...event, session: betaSession(fields(event.session), this.#temperature) };
      case "response.created":
      case "response.done":
        return { ...event, response: betaResponse(fields(event.response), this.#temperature) };
      case "conversation.item.added":
      case "conversation.item.retrieved":
      case "response.output_item.added":
      case "response.output_item.done":
        return { ...event, type, item: betaItem(fields(event.item)) };
      case "response.function_call_arguments.done": {
        const { name: _, ...rest } = event;
        return rest as ServerEvent;
      }
      case "error":
        return { ...event, error: betaError(fields(event.error)) };
      default:
        return type === event.type ? event : { ...event, type };
    }
  }

  #sessionUpdate(session: Fields): Fields {
    const checked = sessionUpdate.safeParse(session, { reportInput: true });
    if (!checked.success) throw refusalOf(checked.error, "session");
    const wanted = checked.data.temperature;
    if (wanted !== undefined) this.#temperature = wanted ?? DEFAULT_TEMPERATURE;
    return { type: "realtime", ...gaSettings(checked.data) };
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** Flat settings in the nested shape of GA; `undefined` disappears on the way through JSON. */
function gaSettings(flat: Fields): Fields {
  const {
    modalities: wanted,
    voice,
    speed,
    input_audio_format: _in,
    output_audio_format: _out,
    input_audio_transcription: transcription,
    input_audio_noise_reduction: noise_reduction,
    turn_detection,
    temperature: _temperature,
    max_response_output_tokens: max_output_tokens,
    ...same
  } = flat;
  const output_modalities = Array.isArray(wanted) ? [wanted.includes("audio") ? "audio" : "text"] : wanted;
  const input = { transcription, noise_reduction, turn_detection };
  const output = { voice, speed };
  const given = (part: Fields) => Object.values(part).some((value) => value !== undefined);
  const audio = { ...(given(input) && { input }), ...(given(output) && { output }) };
  return { ...same, output_modalities, max_output_tokens, ...(given(audio) && { audio }) };
}

/** `text` of the assistant becomes `output_text`; the GA name is not known in beta. */
function gaItem(item: Fields): Fields {
  if (item.role !== "assistant" || !Array.isArray(item.content)) return item;
  const content = item.content.map((part: unknown) => {
    if (!isFields(part)) return part;
    if (part.type === "output_text" || part.type === "output_audio") {
      const text = `Invalid value: '${part.type}'. Supported values are: 'text'.`;
      throw new Refusal("invalid_value", text, "item.content");
    }
    return part.type === "text" ? { ...part, type: "output_text" } : part;
  });
  return { ...item, content };
}

function betaError(error: Fields): Fields {
  const { message, param } = error;
  if (typeof param !== "string") return error;
  const found = BETA_PARAMETERS.find(([ga]) => param.startsWith(ga));
  if (!found) return error;
  const [ga, beta] = found;
  // The client wrote the GA name itself: that is what is unknown.
  if (error.code === "unknown_parameter" && param === ga) return error;
  const named = typeof message === "string" ? message.replaceAll(ga, beta) : message;
  return { ...error, param: param.replace(ga, beta), message: named };
}
