import type { ErrorCode } from "../errors.ts";

/** An error for the main thread, which knows what the code means. */
export function deviceError(code: ErrorCode, message: string, cause?: unknown): Error & { code: ErrorCode } {
  return Object.assign(new Error(message, { cause }), { code });
}
