import { MynaError } from "../errors.ts";
import { hideSecret } from "../secrets.ts";
import type { AuthConfig } from "./auth-config.ts";
import type { AccessRequest, Credentials } from "./credentials.ts";
import { mintToken, tokenOfCommand } from "./token.ts";

/** OpenAI's own hosts: nothing is let in there without a key. */
const OPENAI_HOST = /(^|\.)openai\.com$/;

/** The host of a URL, lower case; "" for what is no URL. */
export function hostOf(url: string): string {
  return URL.parse(url)?.hostname ?? "";
}

/** True for OpenAI's own servers. */
export function isOpenAI(url: string): boolean {
  return OPENAI_HOST.test(hostOf(url));
}

/** True for a server on this computer. */
export function isLocal(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostOf(url));
}

/** True where nobody on the way can read what is sent: TLS, or this computer itself. */
export function isPrivateWay(url: string): boolean {
  return URL.parse(url)?.protocol === "wss:" || isLocal(url);
}

/**
 * How an `auth` table gets in: called before each attempt, so that a token is never older than the attempt. Secrets are
 * read from `env` and masked from then on. With method `auto` a key goes out only where nobody can read it on the way.
 */
export function credentialsOf(
  auth: AuthConfig,
  env: Record<string, string | undefined>,
): (request: AccessRequest) => Promise<Credentials | null> {
  const dressed = (secret: string): Credentials => {
    hideSecret(secret);
    return {
      secret,
      sendAs: auth.send_as,
      organization: auth.organization || (env["OPENAI_ORG_ID"] ?? ""),
      project: auth.project || (env["OPENAI_PROJECT_ID"] ?? ""),
    };
  };
  const fromVariable = (name: string): Credentials => {
    const secret = env[name]?.trim();
    if (!secret) throw new MynaError("LINK_AUTH", `no key: the environment variable ${name} is not set`);
    return dressed(secret);
  };
  return async (request) => {
    switch (methodOf(auth, env, request.url)) {
      case "none":
        if (auth.method !== "none" && isOpenAI(request.url))
          throw new MynaError(
            "LINK_AUTH",
            `no key for OpenAI: set the environment variable ${auth.key_variable}`,
          );
        return null;
      case "api_key":
        return fromVariable(auth.key_variable);
      case "ephemeral_token":
        return fromVariable(auth.token_variable);
      case "minted_token":
        return dressed(await mintToken(request, fromVariable(auth.key_variable), auth));
      case "token_command":
        return dressed(await tokenOfCommand(auth.token_command, auth.token_command_ms, request.signal));
    }
  };
}

function methodOf(
  auth: AuthConfig,
  env: Record<string, string | undefined>,
  url: string,
): Exclude<AuthConfig["method"], "auto"> {
  if (auth.method !== "auto") return auth.method;
  if (!isPrivateWay(url)) return "none";
  if (auth.token_command.length > 0) return "token_command";
  if (env[auth.token_variable]?.trim()) return "ephemeral_token";
  return env[auth.key_variable]?.trim() ? "api_key" : "none";
}
