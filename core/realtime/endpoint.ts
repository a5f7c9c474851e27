import type { AccessRequest, Credentials } from "./credentials.ts";

/** Where to connect, as what, and with which key; asked for before each attempt. */
export interface Endpoint {
  /** `ws:` or `wss:`, without `?model=`. */
  url: string;
  /** A fixed key, sent as a bearer; for one that has to be fetched first there is `credentials`. */
  apiKey?: string;
  /** Its name in the profile. */
  name?: string;
  dialect?: "auto" | "ga" | "beta";
  /** "webrtc" is a plugin's; absent is "websocket". */
  transport?: "websocket" | "webrtc";
  /** In place of the session's. */
  model?: string;
  /** In place of the session's. */
  voice?: string;
  /** Answers of this server cost nothing: it is one of our own. */
  free?: boolean;
  /** Asked anew before each attempt; null where the server wants none. Rejects with a MynaError. */
  credentials?: (request: AccessRequest) => Promise<Credentials | null>;
}
