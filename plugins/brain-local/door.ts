import type { BrainDialect, BrainScript } from "./brain.ts";
import { Refusal } from "./refusal.ts";

/** Why a client is turned away, and the close code it gets. */
export interface Rejection {
  error: Refusal;
  code: number;
}

/** Subprotocols that the client offers, in its order. */
export function protocolsOf(request: Request): string[] {
  const header = request.headers.get("sec-websocket-protocol") ?? "";
  return header
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** True where the client asks for the beta dialect, by header or by subprotocol. */
export function asksForBeta(request: Request, offered: string[]): boolean {
  const header = request.headers.get("openai-beta")?.includes("realtime=v1") ?? false;
  return header || offered.includes("openai-beta.realtime-v1");
}

/** The key or token that a client shows: bearer, `api-key` header or subprotocol; undefined without one. */
export function keyOf(request: Request, offered: string[]): string | undefined {
  const prefix = "openai-insecure-api-key.";
  return (
    request.headers.get("authorization")?.replace(/^Bearer /, "") ??
    request.headers.get("api-key") ??
    offered.find((name) => name.startsWith(prefix))?.slice(prefix.length)
  );
}

/** A page of this machine itself. */
const LOOPBACK_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/**
 * False where a web page asks that is neither of this machine nor among `origins` ("*" lets in every one): any page that a
 * browser here shows could else talk to the robot. Programs send no Origin.
 */
export function mayEnter(request: Request, origins: readonly string[]): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || LOOPBACK_ORIGIN.test(origin)) return true;
  return origins.some((one) => one === "*" || one.replace(/\/$/, "") === origin);
}

/** Who is turned away at the door, as OpenAI does it: after the upgrade, by an error and a close code. */
export function rejectionOf(
  request: Request,
  offered: string[],
  model: string,
  {
    dialect,
    script,
    knowsKey,
  }: { dialect: BrainDialect; script: BrainScript; knowsKey: (key: string) => boolean },
): Rejection | null {
  if (dialect === "ga" && asksForBeta(request, offered)) {
    const text = "The Realtime Beta API is no longer supported. Please use the GA API.";
    return { error: new Refusal("beta_api_shape_disabled", text), code: 4000 };
  }
  if (script.apiKey !== undefined && !knowsKey(keyOf(request, offered) ?? "")) {
    return { error: new Refusal("invalid_api_key", "Incorrect API key provided."), code: 3000 };
  }
  if (script.modelRequired && model === "") {
    return { error: new Refusal("missing_model", "You must provide a model parameter."), code: 4000 };
  }
  return null;
}
