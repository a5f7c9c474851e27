type Fields = Record<string, unknown>;

/** Names of server events that differ: GA, then beta (reference §1.5). */
export const BETA_TYPES: Readonly<Record<string, string>> = {
  "conversation.item.added": "conversation.item.created",
  "response.output_text.delta": "response.text.delta",
  "response.output_text.done": "response.text.done",
  "response.output_audio.delta": "response.audio.delta",
  "response.output_audio.done": "response.audio.done",
  "response.output_audio_transcript.delta": "response.audio_transcript.delta",
  "response.output_audio_transcript.done": "response.audio_transcript.done",
};

/** Paths of settings as errors name them: GA, then beta; longer ones first. */
export const BETA_PARAMETERS: readonly (readonly [string, string])[] = [
  ["session.audio.output.voice", "session.voice"],
  ["session.audio.output.speed", "session.speed"],
  ["session.audio.input.turn_detection", "session.turn_detection"],
  ["session.audio.input.transcription", "session.input_audio_transcription"],
  ["session.audio.input.noise_reduction", "session.input_audio_noise_reduction"],
  ["session.max_output_tokens", "session.max_response_output_tokens"],
  ["session.output_modalities", "session.modalities"],
  ["response.audio.output.voice", "response.voice"],
  ["response.max_output_tokens", "response.max_response_output_tokens"],
  ["response.output_modalities", "response.modalities"],
];

/** The flat session that beta clients know. */
export function betaSession(session: Fields, temperature: number): Fields {
  const { object, id, expires_at, model, instructions, tools, tool_choice, tracing } = session;
  const audio = session.audio as { input: Fields; output: Fields };
  return {
    id,
    object,
    expires_at,
    model,
    modalities: modalitiesOf(session.output_modalities),
    instructions,
    voice: audio.output.voice,
    speed: audio.output.speed,
    input_audio_format: "pcm16",
    output_audio_format: "pcm16",
    input_audio_transcription: audio.input.transcription,
    input_audio_noise_reduction: audio.input.noise_reduction,
    turn_detection: audio.input.turn_detection,
    tools,
    tool_choice,
    temperature,
    max_response_output_tokens: session.max_output_tokens,
    tracing,
    client_secret: null,
  };
}

/** A response with flat settings. */
export function betaResponse(response: Fields, temperature: number): Fields {
  const { output_modalities, audio, output, ...same } = response;
  const { voice } = (audio as { output?: Fields } | undefined)?.output ?? {};
  return {
    ...same,
    modalities: modalitiesOf(output_modalities),
    ...(voice !== undefined && { voice }),
    output_audio_format: "pcm16",
    temperature,
    output: Array.isArray(output) ? output.map((item: Fields) => betaItem(item)) : output,
  };
}

/** An item whose content is called `text` and `audio` where GA says `output_text` and `output_audio`. */
export function betaItem(item: Fields): Fields {
  if (!Array.isArray(item.content)) return item;
  const content = item.content.map((part: Fields) => ({
    ...part,
    type: String(part.type).replace(/^output_/, ""),
  }));
  return { ...item, content };
}

function modalitiesOf(modalities: unknown): string[] {
  return Array.isArray(modalities) && modalities.includes("audio") ? ["text", "audio"] : ["text"];
}
