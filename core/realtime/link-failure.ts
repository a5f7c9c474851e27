import type { ErrorCode } from "../errors.ts";
import { ERRORS } from "../errors.ts";
import { maskSecrets } from "../log.ts";
import type { ServerFault } from "./events.ts";

/** Why a connection ended or did not come about; secrets are masked. */
export interface LinkFailure {
  code: ErrorCode;
  message: string;
  /** True where a new attempt may succeed. */
  retryable: boolean;
  /** WebSocket close code, where the connection stood. */
  closeCode?: number;
  /** The server wants to be left alone for so long. */
  retryAfterMs?: number;
  /** The session's time was up: no failure, the next one may begin at once. */
  expired?: boolean;
  /** It stands, but nobody answers: another attempt at the same server would be lost time where there is another. */
  hung?: boolean;
}

/** 1000 is retried as well, but only once: see the connection. */
const RETRYABLE_CLOSES = new Set([1000, 1001, 1005, 1006, 1011, 1012, 1013]);
const RETRYABLE_STATUSES = new Set([408, 429, 500, 502, 503, 504]);
/** Errors that no retry mends, with what does. */
const REMEDIES: ReadonlyMap<string, string> = new Map([
  ["invalid_api_key", "check the key, by default OPENAI_API_KEY in the environment"],
  ["insufficient_quota", "add credit to the account, or use another endpoint"],
  ["billing_hard_limit_reached", "raise the spending limit of the account, or use another endpoint"],
  ["account_deactivated", "use the key of another account"],
  ["model_not_found", "give a model that this account may use as `model` in [session]"],
  ["missing_model", "give a `model` in [session]"],
  ["beta_api_shape_disabled", 'set `dialect` in [session] to "ga" or "auto"'],
]);
const BENIGN_FAULTS = new Set([
  "response_cancel_not_active",
  "conversation_already_has_active_response",
  "input_audio_buffer_commit_empty",
  "item_truncate_invalid_item_id",
  "item_delete_invalid_item_id",
  "item_retrieve_invalid_item_id",
]);
const BENIGN_MESSAGES =
  /already truncated|is already shorter than|Only model output audio messages can be truncated/;
/** Longer than this no server is obeyed. */
const MAX_RETRY_AFTER_S = 600;
const TLS_ERROR = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH)/;

/** A failure with the code's own retryability, unless told otherwise. */
export function linkFailure(code: ErrorCode, message: string, retryable?: boolean): LinkFailure {
  return { code, message: maskSecrets(message), retryable: retryable ?? ERRORS[code].retryable };
}

/** What a close code means: the recoverable ones as in openai-node's `isRecoverableClose`. */
export function closeFailure(closeCode: number, reason: string): LinkFailure {
  const message = `the server closed the connection (${closeCode}${reason && `: ${reason}`})`;
  if (RETRYABLE_CLOSES.has(closeCode)) return { ...linkFailure("LINK_CLOSED", message), closeCode };
  const auth = closeCode === 3000 || reason.includes("invalid_api_key");
  const known = [...REMEDIES].find(([code]) => reason.includes(code))?.[1];
  const remedy = known ?? (auth ? REMEDIES.get("invalid_api_key") : undefined);
  const advice = remedy === undefined ? "" : ` (${remedy})`;
  return { ...linkFailure(auth ? "LINK_AUTH" : "LINK_FATAL", message + advice), closeCode };
}

/** What the HTTP answer to the upgrade means; `body` is the server's, usually JSON with an error; `retryAfter` its header. */
export function statusFailure(status: number, body: string, retryAfter = ""): LinkFailure {
  const detail = errorMessageOf(body);
  const message = `the server refused the connection with HTTP ${status}${detail && `: ${detail}`}`;
  if (status === 401 || status === 403) {
    return linkFailure("LINK_AUTH", `${message} (${REMEDIES.get("invalid_api_key")})`);
  }
  if (!RETRYABLE_STATUSES.has(status)) return linkFailure("LINK_FATAL", message);
  const retryAfterMs = retryAfterOf(retryAfter);
  return {
    ...linkFailure("LINK_REFUSED", message),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
}

/** The header's seconds or date in milliseconds from now; undefined for anything else. */
function retryAfterOf(header: string): number | undefined {
  const seconds = /^\s*\d+\s*$/.test(header)
    ? Number(header)
    : Math.ceil((Date.parse(header) - Date.now()) / 1000);
  return Number.isFinite(seconds) ? Math.min(MAX_RETRY_AFTER_S, Math.max(0, seconds)) * 1000 : undefined;
}

/** What an error of the socket means, before it was open. */
export function socketFailure(message: string, errno: string): LinkFailure {
  if (TLS_ERROR.test(errno))
    return linkFailure("LINK_FATAL", `the server's certificate is not valid: ${message}`);
  if (/handshake has timed out/i.test(message))
    return linkFailure("LINK_TIMEOUT", "the server did not answer");
  return linkFailure("LINK_REFUSED", `the server cannot be reached: ${message}`);
}

/** A failure where the server's error means that no retry can help; its message says what does. */
export function fatalFault(fault: ServerFault): LinkFailure | undefined {
  const remedy = REMEDIES.get(fault.code);
  if (remedy === undefined) return undefined;
  return linkFailure(
    fault.code === "invalid_api_key" ? "LINK_AUTH" : "LINK_FATAL",
    `${fault.code}: ${fault.message.replace(/[.\s]+$/, "")} (${remedy})`,
  );
}

/** The end of a session's time, which the server tells before it closes. */
export function expiredFault(fault: ServerFault): LinkFailure | undefined {
  if (fault.code !== "session_expired") return undefined;
  return { ...linkFailure("LINK_CLOSED", fault.message), expired: true };
}

/** The failure in which an error of the server ends the connection; undefined where it goes on. */
export function endingFault(fault: ServerFault, answersConfiguration: boolean): LinkFailure | undefined {
  const end = fatalFault(fault) ?? expiredFault(fault);
  if (end || !answersConfiguration) return end;
  const text = `the server does not accept the session's configuration: ${fault.message}`;
  return linkFailure(fault.kind === "server_error" ? "LINK_CLOSED" : "LINK_FATAL", text);
}

/** True for errors that come of two sides acting at once; they need no one's attention. */
export function isBenign(fault: ServerFault): boolean {
  return BENIGN_FAULTS.has(fault.code) || BENIGN_MESSAGES.test(fault.message);
}

function errorMessageOf(body: string): string {
  try {
    const parsed = JSON.parse(body) as { error?: { message?: unknown } | string } | null;
    const error = parsed?.error;
    if (typeof error === "string") return error;
    if (typeof error?.message === "string") return error.message;
  } catch {
    // Not JSON: shown as it is.
  }
  return body.trim().slice(0, 300);
}
