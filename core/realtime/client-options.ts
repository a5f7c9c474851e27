import type { z } from "zod";
import { MynaError } from "../errors.ts";
import { credentialsOf } from "./auth.ts";
import type { SessionConfig, sessionConfig } from "./config.ts";
import type { Endpoint } from "./endpoint.ts";
import type { WireSession } from "./event-shapes.ts";
import type { ToolDescription } from "./port.ts";
import SCHEMA from "./session-schema.json" with { type: "json" };
import { checked } from "./settings-check.ts";
import type { SettingsSchema } from "./settings-check.ts";
import type { Connect } from "./transport.ts";

/** Fields of `session.update`, without its type. */
export type SessionFields = Partial<Omit<Extract<WireSession, { type: "realtime" }>, "type">>;

/** Keys of a profile's [session] table that mean something without a robot. */
const SHARED = [
  "url",
  "dialect",
  "auth",
  "model",
  "voice",
  "temperature",
  "instructions",
  "transcription_model",
  "language",
  "max_output_tokens",
  "turn_detection",
  "reconnect",
  "outbox",
  "timeouts",
] as const;
const OWN: ReadonlySet<string> = new Set(["apiKey", "tools", "session", "connect"]);

/** What a client may be told: keys of a profile's [session] table, with the same defaults, and what a profile has from elsewhere. */
export interface RealtimeClientOptions extends Pick<
  NonNullable<z.input<typeof sessionConfig>>,
  (typeof SHARED)[number]
> {
  /**
   * In place of the environment's. A function is asked at each attempt. Sent over TLS or to this computer only, unless
   * `auth.method` says `api_key`.
   */
  apiKey?: string | (() => string);
  tools?: readonly ToolDescription[];
  /** Further fields of the session's configuration, in the names of the dialect; they win over the keys above. */
  session?: SessionFields;
  /** Another wire than `ws`. */
  connect?: Connect;
}

/** The checked settings; throws CONFIG_INVALID, naming the key. */
export function parseClientOptions(options: RealtimeClientOptions): SessionConfig {
  const settings: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const [key, value] of Object.entries(options)) {
    if (SHARED.some((one) => one === key)) settings[key] = value;
    else if (!OWN.has(key)) faults.push(`${key}: there is no such option`);
  }
  const config = checked(SCHEMA as SettingsSchema, settings, "", faults);
  if (faults.length > 0) throw new MynaError("CONFIG_INVALID", `RealtimeClient: ${faults.join("; ")}`);
  return config as SessionConfig;
}

/** Where the client connects next, and as what. */
export function clientEndpoint(
  options: RealtimeClientOptions,
  { url, dialect, auth }: SessionConfig,
): Endpoint {
  const { apiKey } = options;
  const key = typeof apiKey === "function" ? apiKey() : apiKey;
  const { OPENAI_ORG_ID, OPENAI_PROJECT_ID } = process.env;
  const env =
    key === undefined ? process.env : { OPENAI_ORG_ID, OPENAI_PROJECT_ID, [auth.key_variable]: key };
  return { url, dialect, credentials: credentialsOf(auth, env) };
}
