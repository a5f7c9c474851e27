import { MynaError } from "myna";

/** What a page posts to `/talk/offer`, checked but for the SDP. */
export interface OfferRequest {
  sdp: string;
  mode: "robot" | "own";
  /** Begins with the microphone closed. */
  muted: boolean;
  voice?: string;
}

const MAX_VOICE_CHARACTERS = 64;

/** `usual` is the mode of an offer that names none. ARGUMENT_INVALID says which field is wrong. */
export function readOfferRequest(text: string, usual: OfferRequest["mode"]): OfferRequest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MynaError("ARGUMENT_INVALID", "the body is no JSON", { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new MynaError("ARGUMENT_INVALID", "the body is no object");
  const { sdp, mode = usual, muted = false, voice } = value as Record<string, unknown>;
  if (typeof sdp !== "string") throw new MynaError("ARGUMENT_INVALID", "sdp: a text is expected");
  if (mode !== "robot" && mode !== "own")
    throw new MynaError("ARGUMENT_INVALID", 'mode: "robot" or "own" is expected');
  if (typeof muted !== "boolean") throw new MynaError("ARGUMENT_INVALID", "muted: true or false is expected");
  if (voice === undefined || voice === null) return { sdp, mode, muted };
  if (typeof voice !== "string" || voice === "" || voice.length > MAX_VOICE_CHARACTERS)
    throw new MynaError(
      "ARGUMENT_INVALID",
      `voice: a name of 1 to ${MAX_VOICE_CHARACTERS} characters is expected`,
    );
  return { sdp, mode, muted, voice };
}
