import { isRecord } from "./ga-fields.ts";

type Fields = Record<string, unknown>;

/** Names of server events in the beta dialect, with those of GA. The other names are the same. */
export const GA_NAMES: Readonly<Record<string, string>> = {
  "response.text.delta": "response.output_text.delta",
  "response.text.done": "response.output_text.done",
  "response.audio.delta": "response.output_audio.delta",
  "response.audio.done": "response.output_audio.done",
  "response.audio_transcript.delta": "response.output_audio_transcript.delta",
  "response.audio_transcript.done": "response.output_audio_transcript.done",
  "transcription_session.created": "session.created",
  "transcription_session.updated": "session.updated",
};

const FORMATS: Readonly<Record<string, string>> = {
  "audio/pcm": "pcm16",
  "audio/pcmu": "g711_ulaw",
  "audio/pcma": "g711_alaw",
};

/** Settings of a GA session that the beta dialect does not know; naming one gets the whole update refused. */
const GA_ONLY: ReadonlySet<string> = new Set([
  "type",
  "audio",
  "output_modalities",
  "max_output_tokens",
  "truncation",
  "reasoning",
  "parallel_tool_calls",
  "prompt",
  "include",
]);

/** A client event of GA in the shape of the beta dialect. */
export function betaEvent(event: Fields, temperature?: number): Fields {
  if (isRecord(event["session"]))
    return {
      ...event,
      session: { ...betaSettings(event["session"]), ...(temperature !== undefined && { temperature }) },
    };
  if (isRecord(event["response"])) return { ...event, response: betaSettings(event["response"]) };
  if (isRecord(event["item"])) return { ...event, item: betaItem(event["item"]) };
  return event;
}

/** Settings of a session or of one response, flat. What GA leaves out stays left out. */
function betaSettings(settings: Fields): Fields {
  const flat: Fields = {};
  for (const [key, value] of Object.entries(settings)) if (!GA_ONLY.has(key)) flat[key] = value;
  const modalities = settings["output_modalities"];
  if (Array.isArray(modalities))
    flat["modalities"] = modalities.includes("audio") ? ["text", "audio"] : ["text"];
  if (settings["max_output_tokens"] !== undefined)
    flat["max_response_output_tokens"] = settings["max_output_tokens"];
  const audio = isRecord(settings["audio"]) ? settings["audio"] : {};
  const input = isRecord(audio["input"]) ? audio["input"] : {};
  const output = isRecord(audio["output"]) ? audio["output"] : {};
  for (const [key, value] of Object.entries(input)) {
    if (key === "format") flat["input_audio_format"] = formatName(value);
    else flat[key === "turn_detection" ? key : `input_audio_${key}`] = value;
  }
  for (const [key, value] of Object.entries(output)) {
    if (key === "format") flat["output_audio_format"] = formatName(value);
    else flat[key] = value;
  }
  return flat;
}

function formatName(format: unknown): unknown {
  return isRecord(format) && typeof format["type"] === "string" ? FORMATS[format["type"]] : format;
}

/** What the assistant said is `text` where GA has `output_text`. */
function betaItem(item: Fields): Fields {
  if (!Array.isArray(item["content"])) return item;
  const content = item["content"].map((part: unknown) =>
    isRecord(part) && part["type"] === "output_text" ? { ...part, type: "text" } : part,
  );
  return { ...item, content };
}

/** Which dialect a `session.created` is in: the flat settings of beta, or the nested ones of GA. */
export function dialectOfSession(session: unknown): "ga" | "beta" | undefined {
  if (!isRecord(session)) return undefined;
  if (session["type"] === "realtime" || "audio" in session || "output_modalities" in session) return "ga";
  if ("modalities" in session || "input_audio_format" in session || "output_audio_format" in session)
    return "beta";
  return undefined;
}
