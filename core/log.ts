import { isMynaError } from "./errors.ts";
import { withoutSecrets } from "./secrets.ts";

/** One subject of the log. Never hand it spoken words at info level or above; secrets are masked. */
export interface Logger {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  child(name: string): Logger;
}

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
/** How much a line matters; a log shows its own level and those above. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A line of the log as data, masked as it is written. */
export interface LogLine {
  /** ISO 8601. */
  time: string;
  level: LogLevel;
  /** Who speaks: "session", "plugin.part". */
  name: string;
  message: string;
  fields: Record<string, unknown>;
}

export interface LogOptions {
  level: LogLevel;
  /** "pretty" for a terminal, "json" for a log collector. */
  format: "pretty" | "json";
  write: (line: string) => void;
}

/** Fields that carry what was said; shown at debug level only. */
const SPOKEN_FIELDS = new Set([
  "text",
  "transcript",
  "utterance",
  "sentence",
  "arguments",
  "output",
  "words",
]);
const SECRET_FIELD = /key|token|secret|password|authorization/i;
/** OpenAI's key prefixes, and bearer headers. */
const SECRET_VALUE = /\b(sk|ek|rk)[-_][A-Za-z0-9_-]{6,}|Bearer\s+[A-Za-z0-9._~+/-]{6,}=*/g;

/** User and password of a URL, and what its query names as a secret. */
const USER_INFO = /\/\/[^/@\s"']+@/g;
const SECRET_QUERY = /([?&][\w.-]*(?:key|token|secret|password|signature|auth)[\w.-]*=)[^&#\s"']+/gi;

/** Writes to stderr: readable on a terminal, one JSON object a line elsewhere. */
export function createLog(options: Partial<LogOptions> = {}): Logger {
  const format = options.format ?? (process.stderr.isTTY ? "pretty" : "json");
  const write = options.write ?? ((line: string) => void process.stderr.write(line + "\n"));
  return new Log("myna", { level: options.level ?? "info", format, write }, new Set());
}

/** Every line from level info on, whatever level `log` and its children write; the undo ends it. */
export function tapLog(log: Logger, handler: (line: LogLine) => void): () => void {
  return log instanceof Log ? log.tap(handler) : () => {};
}

class Log implements Logger {
  readonly #name: string;
  readonly #options: LogOptions;
  /** Shared with the children. */
  readonly #taps: Set<(line: LogLine) => void>;
  static #tapping = false;

  constructor(name: string, options: LogOptions, taps: Set<(line: LogLine) => void>) {
    this.#name = name;
    this.#options = options;
    this.#taps = taps;
  }

  tap(handler: (line: LogLine) => void): () => void {
    const own = (line: LogLine) => handler(line);
    this.#taps.add(own);
    return () => void this.#taps.delete(own);
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    this.#write("debug", message, fields);
  }
  info(message: string, fields?: Record<string, unknown>): void {
    this.#write("info", message, fields);
  }
  warn(message: string, fields?: Record<string, unknown>): void {
    this.#write("warn", message, fields);
  }
  error(message: string, fields?: Record<string, unknown>): void {
    this.#write("error", message, fields);
  }

  child(name: string): Logger {
    return new Log(this.#name === "myna" ? name : `${this.#name}.${name}`, this.#options, this.#taps);
  }

  #write(level: LogLevel, message: string, fields: Record<string, unknown> = {}): void {
    const written = LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#options.level);
    // What a tap logs itself is not told to taps: it would never end.
    const tapped = this.#taps.size > 0 && level !== "debug" && !Log.#tapping;
    if (!written && !tapped) return;
    const safe: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(fields))
      if (value !== undefined) safe[key] = redact(key, value, level !== "debug");
    const text = maskSecrets(message);
    const time = new Date().toISOString();
    if (tapped) {
      Log.#tapping = true;
      try {
        for (const tap of this.#taps) tap({ time, level, name: this.#name, message: text, fields: safe });
      } finally {
        Log.#tapping = false;
      }
    }
    if (!written) return;
    if (this.#options.format === "json") {
      this.#options.write(JSON.stringify({ time, level, name: this.#name, message: text, ...safe }));
      return;
    }
    const details = Object.entries(safe).map(
      ([key, value]) => ` ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
    );
    this.#options.write(
      `${time.slice(11, 23)} ${level.toUpperCase().padEnd(5)} ${this.#name}: ${text}${details.join("")}`,
    );
  }
}

/** A value as JSON can carry it, with what is or may be a secret masked. */
export function withoutSecretFields(value: unknown): unknown {
  return redact("", value, false);
}

/** Keys and bearer tokens in a text, masked; in URLs the user, the password and secrets of the query as well. */
export function maskSecrets(text: string): string {
  const known = withoutSecrets(text).replace(SECRET_VALUE, "[secret]");
  return known.replace(USER_INFO, "//[secret]@").replace(SECRET_QUERY, "$1[secret]");
}

function redact(key: string, value: unknown, hideSpeech: boolean): unknown {
  if (value === undefined || value === null || typeof value === "number" || typeof value === "boolean")
    return value;
  if (SECRET_FIELD.test(key)) return "[secret]";
  if (hideSpeech && SPOKEN_FIELDS.has(key)) return "[speech]";
  if (typeof value === "string") return maskSecrets(value);
  if (Error.isError(value)) return describeError(value);
  if (Array.isArray(value)) return value.map((item) => redact("", item, hideSpeech));
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, redact(k, v, hideSpeech)]));
  }
  return String(value);
}

/** Code, message, place and causes of an error, secrets masked. */
export function describeError(error: unknown): string {
  if (!Error.isError(error)) return maskSecrets(String(error));
  const code = isMynaError(error) ? `${error.code}: ` : "";
  const frame = isMynaError(error) ? "" : firstFrame(error.stack);
  const cause = error.cause === undefined ? "" : ` (caused by ${describeError(error.cause)})`;
  return maskSecrets(`${code}${error.message}${frame}`) + cause;
}

function firstFrame(stack: string | undefined): string {
  const frame = stack?.split("\n").find((line) => line.trim().startsWith("at ") && /:\d+/.test(line));
  return frame ? ` ${frame.trim()}` : "";
}
