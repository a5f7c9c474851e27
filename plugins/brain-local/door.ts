import type { BrainScript } from "./brain.ts";
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

/** Who is turned away at the door, as OpenAI does it: after the upgrade, by an error and a close code. */
export function rejectionOf(
  request: Request,
  offered: string[],
  model: string,
  script: BrainScript,
): Rejection | null {
  const beta = request.headers.get("openai-beta")?.includes("realtime=v1");
  if (beta || offered.includes("openai-beta.realtime-v1")) {
    const text = "The Realtime Beta API is no longer supported. Please use the GA API.";
    return { error: new Refusal("beta_api_shape_disabled", text), code: 4000 };
  }
  if (script.apiKey !== undefined) {
    const protocol = offered.find((name) => name.startsWith("openai-insecure-api-key."));
    const key = request.headers.get("authorization")?.replace(/^Bearer /, "") ?? protocol?.split(".")[1];
    if (key !== script.apiKey) {
      return { error: new Refusal("invalid_api_key", "Incorrect API key provided."), code: 3000 };
    }
  }
  if (script.modelRequired && model === "") {
    return { error: new Refusal("missing_model", "You must provide a model parameter."), code: 4000 };
  }
  return null;
}
