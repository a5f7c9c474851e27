/** What a page may say on its channel; anything else is ignored. */
export type PageMessage =
  | { type: "microphone"; open: boolean }
  /** How long sound waits in the page before it is heard. A page that says so also mutes at once when it is told to. */
  | { type: "playout"; delayMs: number };

/** Longest delay that a page is believed. */
const MAX_DELAY_MS = 1000;

/** Null for what is no message of ours. */
export function readPageMessage(text: string): PageMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("type" in value)) return null;
  if (value.type === "microphone" && "open" in value && typeof value.open === "boolean")
    return { type: "microphone", open: value.open };
  if (value.type === "playout" && "delay_ms" in value) {
    const { delay_ms } = value;
    if (typeof delay_ms === "number" && delay_ms >= 0 && delay_ms <= MAX_DELAY_MS)
      return { type: "playout", delayMs: delay_ms };
  }
  return null;
}
