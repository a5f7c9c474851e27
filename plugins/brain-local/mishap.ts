/** Thrown by a Mind to fail an answer as OpenAI would: `response.done` with status failed and this error. */
export class Mishap extends Error {
  override readonly name = "Mishap";

  constructor(
    /** Such as `rate_limit_exceeded`, `server_error`. */
    readonly code: string,
    message: string,
    readonly type: string = "server_error",
  ) {
    super(message);
  }
}
