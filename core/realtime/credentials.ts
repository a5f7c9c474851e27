/** What opens a server's door, and how it is shown. */
export interface Credentials {
  secret: string;
  sendAs: "bearer" | "api_key" | "subprotocol";
  /** "" is none. */
  organization: string;
  project: string;
}

/** What is asked for when credentials are. */
export interface AccessRequest {
  /** The Realtime server, without `?model=`. */
  url: string;
  model: string;
  dialect: "ga" | "beta";
  signal: AbortSignal;
}

/** What an upgrade request carries. */
export interface Handshake {
  url: string;
  headers: Record<string, string>;
  protocols?: readonly string[];
}

/**
 * A handshake with credentials. Subprotocols as OpenAI's browser clients offer them: `realtime`, then
 * `openai-insecure-api-key.<secret>`, organisation and project; the server chooses `realtime`.
 */
export function withCredentials(handshake: Handshake, credentials: Credentials | null): Handshake {
  if (!credentials) return handshake;
  const { secret, sendAs, organization, project } = credentials;
  const { url, headers } = handshake;
  if (sendAs === "subprotocol") {
    // Browsers cannot send the beta header: servers take it as a subprotocol.
    const beta = headers["OpenAI-Beta"] === undefined ? [] : ["openai-beta.realtime-v1"];
    return {
      url,
      headers,
      protocols: [
        "realtime",
        `openai-insecure-api-key.${secret}`,
        ...(organization ? [`openai-organization.${organization}`] : []),
        ...(project ? [`openai-project.${project}`] : []),
        ...beta,
      ],
    };
  }
  return {
    ...handshake,
    headers: {
      ...headers,
      ...headersOf(credentials),
    },
  };
}

/** Credentials as headers of a request, for a socket or for a POST beside it. */
export function headersOf({ secret, sendAs, organization, project }: Credentials): Record<string, string> {
  return {
    ...(sendAs === "api_key" ? { "api-key": secret } : { Authorization: `Bearer ${secret}` }),
    ...(organization && { "OpenAI-Organization": organization }),
    ...(project && { "OpenAI-Project": project }),
  };
}
