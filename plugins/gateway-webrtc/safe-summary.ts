import { MynaError } from "myna";

/** Longer than this nobody would listen to; what is longer is data. */
const MAX_CHARACTERS = 1000;

/** How the model is told to speak about a summary: it has nothing else to tell of. */
export const SPEAK_SUMMARY =
  "Tell the user in one short sentence what the last system note says. Say nothing that is not in it.";

/**
 * A summary as it may go into a conversation: one paragraph of plain words. ARGUMENT_INVALID for what is no summary: nothing, too
 * much, or data (JSON, base64, a key), which the model would read to the user and the server would keep.
 */
export function safeSummary(text: unknown): string {
  if (typeof text !== "string") throw refused("it is no text");
  const plain = text.replace(/[\s\x00-\x1f\x7f]+/g, " ").trim();
  if (plain === "") throw refused("it is empty");
  if (plain.length > MAX_CHARACTERS) throw refused(`it has more than ${MAX_CHARACTERS} characters`);
  if (/^[[{]/.test(plain) && parses(plain)) throw refused("it is JSON, not words");
  if (/[A-Za-z0-9+/_-]{64,}/.test(plain)) throw refused("it holds encoded data or a key");
  if (/\b(?:sk|ek|rk)[-_][A-Za-z0-9_-]{16,}/.test(plain)) throw refused("it holds a key");
  return plain;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function refused(why: string): MynaError {
  return new MynaError("ARGUMENT_INVALID", `the summary is not sent: ${why}`);
}
