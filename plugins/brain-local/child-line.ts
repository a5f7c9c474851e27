/** The one line that a brain's process prints on stdout: where it listens, or why it cannot. */
export type ChildLine =
  | { url: string; hearing: { available: boolean; hint?: string } }
  | { error: { code: string; message: string } };

/** A line of its log on stderr. */
export interface ChildLog {
  level: "debug" | "info" | "warn" | "error";
  message: string;
}

/** Levels in rising order. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;

/** The lines of a stream as they come, without their ends; the last one may be cut off by the end of the stream. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
