import { MynaError } from "../errors.ts";
import { authConfig } from "./auth-config.ts";
import { credentialsOf, hostOf, isOpenAI, isPrivateWay } from "./auth.ts";
import { DEFAULT_URL } from "./config.ts";
import type { SessionConfig } from "./config.ts";
import type { Endpoint } from "./endpoint.ts";
import type { EndpointConfig } from "./endpoints-config.ts";
import type { EndpointSource } from "./endpoints.ts";

/** What {@link endpointSources} needs of the runtime. */
export interface SourceParts {
  env: Record<string, string | undefined>;
  /** The local brain, where it runs at the moment. */
  brain: () => Endpoint | null;
  warn: (message: string) => void;
}

/** The servers that a profile names, in order: `[[session.endpoints]]`, or else the one of [session] itself. */
export function endpointSources(
  session: SessionConfig,
  parts: SourceParts,
): [EndpointSource, ...EndpointSource[]] {
  const { service, url, endpoints } = session;
  const [first, ...rest] = endpoints.map((entry) => sourceOf(entry, session, parts));
  if (first) return [first, ...rest];
  const { transport } = session;
  if (service !== undefined) return [sourceOf({ name: service, service, transport }, session, parts)];
  return [sourceOf({ name: "", url, auth: session.auth }, session, parts)];
}

function sourceOf(entry: EndpointConfig, session: SessionConfig, parts: SourceParts): EndpointSource {
  const { name, service, model, voice } = entry;
  const own = {
    name,
    dialect: entry.dialect ?? session.dialect,
    // What serves the service may not have a wire other than WebSocket: an entry has to say so.
    transport: entry.transport ?? (service === undefined ? session.transport : "websocket"),
    ...(model !== undefined && { model }),
    ...(voice !== undefined && { voice }),
  };
  if (service !== undefined) {
    if (service === "brain") {
      return () => {
        const brain = parts.brain();
        return brain && { ...brain, ...own };
      };
    }
    return () => {
      throw new MynaError(
        "CONFIG_INVALID",
        `[session] there is no service "${service}" for a Realtime server`,
      );
    };
  }
  const url = entry.url ?? session.url;
  const auth = authOf(entry, url, session);
  const { env } = parts;
  const key = env[auth.key_variable] ?? env[auth.token_variable];
  if (auth.method === "auto" && !isPrivateWay(url) && (key || auth.token_command.length > 0))
    parts.warn(
      `no key is sent to ${hostOf(url)}: the way there is not encrypted; take wss://, or say \`method\` in its auth table`,
    );
  const endpoint: Endpoint = { url, ...own, credentials: credentialsOf(auth, env) };
  if (own.dialect === "auto" && isOpenAI(url)) endpoint.dialect = "ga";
  return () => endpoint;
}

/** The keys of [session.auth] are for OpenAI and for the server of [session]; any other gets what its entry says. */
function authOf(entry: EndpointConfig, url: string, session: SessionConfig): SessionConfig["auth"] {
  const host = hostOf(url);
  const known = host === hostOf(DEFAULT_URL) || host === hostOf(session.url);
  if (known) return authConfig.parse({ ...session.auth, ...entry.auth });
  return authConfig.parse(entry.auth ?? { method: "none" });
}
