import { MynaError } from "../errors.ts";
import type { ClientWireEvent } from "./event-map.ts";
import { isRecord, textOf } from "./ga-fields.ts";

/** Base64 of one event is at most that long (openai-openapi, input_audio_buffer.append). */
const MAX_CHARACTERS = 15 * 1024 * 1024;
const MAX_SAMPLES = (MAX_CHARACTERS / 4) * 1.5;

/** The text of an event. Throws ARGUMENT_INVALID for what is none. */
export function frameOf(event: ClientWireEvent | Record<string, unknown>): string {
  const type = isRecord(event) ? textOf(event["type"]) : "";
  if (type === "") throw new MynaError("ARGUMENT_INVALID", "an event is an object with a type");
  let text: string;
  try {
    text = JSON.stringify(event);
  } catch (cause) {
    throw new MynaError("ARGUMENT_INVALID", `${type} cannot be written as JSON`, { cause });
  }
  if (text.length > MAX_CHARACTERS)
    throw new MynaError("ARGUMENT_INVALID", `${type}: one event has 15 MiB at most`);
  return text;
}

/** PCM16 out of what an application holds: its own array where it can be, else a copy. Throws ARGUMENT_INVALID. */
export function inputSamples(audio: Int16Array | Uint8Array | string): Int16Array {
  const samples = samplesOf(audio);
  if (samples.length > MAX_SAMPLES)
    throw new MynaError("ARGUMENT_INVALID", "one event takes 15 MiB of base64 at most");
  return samples;
}

function samplesOf(audio: Int16Array | Uint8Array | string): Int16Array {
  if (audio instanceof Int16Array) return audio;
  const bytes = typeof audio === "string" ? decoded(audio) : audio;
  if (!(bytes instanceof Uint8Array))
    throw new MynaError("ARGUMENT_INVALID", "audio is an Int16Array, bytes of PCM16, or base64 of them");
  if (bytes.byteLength % 2 !== 0)
    throw new MynaError(
      "ARGUMENT_INVALID",
      `audio of ${bytes.byteLength} bytes: PCM16 has two for each sample`,
    );
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Int16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}

function decoded(base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch (cause) {
    throw new MynaError("ARGUMENT_INVALID", "audio is not valid base64", { cause });
  }
}
