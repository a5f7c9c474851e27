import { MynaError } from "../errors.ts";
import type { AuthConfig } from "./auth-config.ts";
import { headersOf } from "./credentials.ts";
import type { AccessRequest, Credentials } from "./credentials.ts";
import { isRecord, textOf } from "./ga-fields.ts";
import { statusFailure } from "./link-failure.ts";

/** Characters of a command's output that are looked at; tokens have a few hundred. */
const LONGEST_TOKEN = 16_384;

/**
 * Buys a short-lived token with the key. GA: `POST …/client_secrets`, the token is `value`; beta: `POST …/sessions`, it is
 * `client_secret.value`. An `api-key` server gets the key as such; a token is always shown as the table says.
 */
export async function mintToken(
  request: AccessRequest,
  key: Credentials,
  auth: Pick<AuthConfig, "token_url" | "token_life_s">,
): Promise<string> {
  const beta = request.dialect === "beta";
  const url = auth.token_url ?? besideOf(request.url, beta ? "sessions" : "client_secrets");
  const shown: Credentials = key.sendAs === "subprotocol" ? { ...key, sendAs: "bearer" } : key;
  const body = beta
    ? { model: request.model }
    : {
        expires_after: { anchor: "created_at", seconds: auth.token_life_s },
        session: { type: "realtime", model: request.model },
      };
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...headersOf(shown),
        ...(beta && { "OpenAI-Beta": "realtime=v1" }),
      },
      body: JSON.stringify(body),
      redirect: "error",
      signal: request.signal,
    });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    throw new MynaError("TOKEN_UNAVAILABLE", `the server that mints tokens cannot be reached (${url})`, {
      cause,
    });
  }
  if (status < 200 || status > 299) {
    const { code, message, retryable } = statusFailure(status, text);
    throw new MynaError(retryable ? "TOKEN_UNAVAILABLE" : code, `no token was minted: ${message}`);
  }
  const token = tokenIn(text);
  if (token === "")
    throw new MynaError("TOKEN_UNAVAILABLE", `the answer of ${url} holds no token`, { retryable: false });
  return token;
}

/** The URL of the HTTP endpoint beside a Realtime URL. */
function besideOf(url: string, name: string): string {
  const target = new URL(url.replace(/^ws/, "http"));
  target.pathname = `${target.pathname.replace(/\/$/, "")}/${name}`;
  target.search = "";
  return target.href;
}

function tokenIn(body: string): string {
  try {
    const answer: unknown = JSON.parse(body);
    if (!isRecord(answer)) return "";
    const secret = answer["client_secret"];
    return textOf(answer["value"]) || (isRecord(secret) ? textOf(secret["value"]) : "");
  } catch {
    return "";
  }
}

/**
 * The token that a program prints, without blanks around it. The program runs without a shell, sees the environment, is
 * killed at the time limit or when `signal` aborts; neither what it prints nor its arguments are ever repeated.
 */
export async function tokenOfCommand(
  command: readonly string[],
  limitMs: number,
  signal: AbortSignal,
): Promise<string> {
  const [program = ""] = command;
  if (program === "")
    throw new MynaError("CONFIG_INVALID", "[session.auth] token_command: expected a program and arguments");
  const limit = AbortSignal.timeout(limitMs);
  const stop = AbortSignal.any([signal, limit]);
  const refused = (why: string, cause?: unknown) =>
    new MynaError("TOKEN_UNAVAILABLE", `the token command ${program} ${why}`, { cause });
  let child: Bun.Subprocess<"ignore", "pipe", "ignore">;
  try {
    child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  } catch {
    throw refused("cannot be started");
  }
  const stopped = Promise.withResolvers<null>();
  const kill = () => {
    child.kill("SIGKILL");
    stopped.resolve(null);
  };
  stop.addEventListener("abort", kill);
  if (stop.aborted) kill();
  try {
    const printed = (async () => ({ text: await child.stdout.text(), exit: await child.exited }))();
    const outcome = await Promise.race([printed, stopped.promise]);
    if (outcome === null)
      throw refused(limit.aborted ? `did not end within ${limitMs} ms` : "was no longer waited for");
    if (outcome.exit !== 0) throw refused(`failed (exit code ${outcome.exit})`);
    const token = outcome.text.trim();
    if (token === "") throw refused("printed nothing");
    if (token.length > LONGEST_TOKEN || /[^\x21-\x7e]/.test(token))
      throw refused("printed something that is not a token: it has to be one line without blanks");
    return token;
  } finally {
    stop.removeEventListener("abort", kill);
  }
}
