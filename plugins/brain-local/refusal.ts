import type { z } from "zod";

/** `error.code` of the Realtime API, as observed (realtime-protocol reference, §3.4). */
export type RefusalCode =
  | "unknown_parameter"
  | "missing_required_parameter"
  | "invalid_value"
  | "invalid_event"
  | "string_above_max_length"
  | "cannot_update_voice"
  | "conversation_already_has_active_response"
  | "response_cancel_not_active"
  | "input_audio_buffer_commit_empty"
  | "item_truncate_invalid_item_id"
  | "item_delete_invalid_item_id"
  | "item_retrieve_invalid_item_id"
  | "unsupported_content_type"
  | "session_expired"
  | "beta_api_shape_disabled"
  | "invalid_api_key"
  | "missing_model"
  | "server_error";

/** Why a client event was not done; becomes an `error` event. The session goes on. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly code: RefusalCode,
    message: string,
    /** Path of the offending value, such as `session.audio.output.voice`. */
    readonly param: string | null = null,
  ) {
    super(message);
  }

  /** The `error` object of the event. `clientEventId` is the `event_id` the client gave, if any. */
  toWire(clientEventId: string | null): Record<string, unknown> {
    const type = this.code === "server_error" ? "server_error" : "invalid_request_error";
    return { type, code: this.code, message: this.message, param: this.param, event_id: clientEventId };
  }
}

/** The first fault that zod found, in the words of the Realtime API. `root` is prefixed to the path. */
export function refusalOf(error: z.ZodError, root: string): Refusal {
  return refusalOfIssue(error.issues[0], root === "" ? [] : [root]);
}

function refusalOfIssue(issue: z.core.$ZodIssue | undefined, at: PropertyKey[]): Refusal {
  if (!issue) return new Refusal("invalid_value", "Invalid value.");
  const path = [...at, ...issue.path];
  const param = path.map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    const name = [...path, issue.keys[0] ?? ""].map(String).join(".");
    return new Refusal("unknown_parameter", `Unknown parameter: '${name}'.`, name);
  }
  if (issue.code === "invalid_union") {
    const deepest = issue.errors.flat().toSorted((a, b) => b.path.length - a.path.length)[0];
    if (deepest && deepest.path.length > 0) return refusalOfIssue(deepest, path);
  }
  if (isMissing(issue)) {
    return new Refusal("missing_required_parameter", `Missing required parameter: '${param}'.`, param);
  }
  if (issue.code === "too_big" && issue.origin === "string") {
    const text = `Invalid '${param}': string too long. Expected a string with maximum length ${issue.maximum}.`;
    return new Refusal("string_above_max_length", text, param);
  }
  return new Refusal("invalid_value", `Invalid value for '${param}': ${issue.message}.`, param);
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  if (issue.code === "invalid_union" && issue.discriminator) {
    const given = issue.input as Record<string, unknown> | undefined;
    return given?.[issue.discriminator] === undefined;
  }
  return issue.input === undefined;
}
