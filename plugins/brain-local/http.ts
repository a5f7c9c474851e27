import { z } from "zod";
import type { Voice } from "./contracts.ts";
import { wavOf } from "./pcm.ts";
import { Refusal, refusalOf } from "./refusal.ts";
import type { Tokens } from "./tokens.ts";

/** What the plain HTTP side of the brain knows. */
export interface HttpParts {
  voice: Voice;
  hearing: () => { available: boolean; hint?: string };
  /** Sessions open now. */
  sessions: () => number;
  tokens: Tokens;
  /** False where the request shows a wrong key. */
  mayMint: () => boolean;
}

/** The body of `POST /v1/audio/speech`; what OpenAI's clients send besides is accepted and has no effect. */
const speechRequest = z.object({
  input: z.string().min(1).max(4096),
  voice: z.string().optional(),
  response_format: z.enum(["pcm", "wav"]).default("wav"),
});

const secretRequest = z.object({
  expires_after: z.object({ seconds: z.int().min(10).max(7200).default(600) }).optional(),
});

/** Answers `GET /healthz`, the two ways to mint an ephemeral token, and `POST /v1/audio/speech` (PCM16 mono 24 kHz); 404 for anything else. */
export async function answerHttp(request: Request, url: URL, parts: HttpParts): Promise<Response> {
  if (url.pathname === "/healthz" && request.method === "GET") {
    return Response.json({
      ok: true,
      sessions: parts.sessions(),
      hearing: parts.hearing(),
      voices: parts.voice.names(),
    });
  }
  if (url.pathname === "/v1/audio/speech" && request.method === "POST") {
    return synthesized(request, parts.voice);
  }
  if (url.pathname === "/v1/realtime/client_secrets" && request.method === "POST") {
    return minted(request, parts, (secret) => secret);
  }
  if (url.pathname === "/v1/realtime/sessions" && request.method === "POST") {
    return minted(request, parts, (secret) => ({ object: "realtime.session", client_secret: secret }));
  }
  return refused(404, new Refusal("invalid_value", `There is no ${request.method} ${url.pathname} here.`));
}

async function minted(
  request: Request,
  { tokens, mayMint }: HttpParts,
  answer: (secret: { value: string; expires_at: number }) => unknown,
): Promise<Response> {
  if (!mayMint()) return refused(401, new Refusal("invalid_api_key", "Incorrect API key provided."));
  const parsed = secretRequest.safeParse(await request.json().catch(() => ({})), { reportInput: true });
  if (!parsed.success) return refused(400, refusalOf(parsed.error, ""));
  return Response.json(answer(tokens.mint(parsed.data.expires_after?.seconds)));
}

async function synthesized(request: Request, voice: Voice): Promise<Response> {
  let body: unknown;
  try {
    body = await request.json();
  } catch {
    return refused(400, new Refusal("invalid_event", "The body is not valid JSON."));
  }
  const parsed = speechRequest.safeParse(body, { reportInput: true });
  if (!parsed.success) return refused(400, refusalOf(parsed.error, ""));
  const { input, voice: name, response_format } = parsed.data;
  try {
    const pcm = await voice.synthesize(input, name);
    if (response_format === "wav") {
      return new Response(wavOf(pcm), { headers: { "Content-Type": "audio/wav" } });
    }
    return new Response(pcm, { headers: { "Content-Type": "audio/pcm" } });
  } catch (thrown) {
    const message = Error.isError(thrown) ? thrown.message : String(thrown);
    return refused(500, new Refusal("server_error", message));
  }
}

function refused(status: number, refusal: Refusal): Response {
  return Response.json({ error: refusal.toWire(null) }, { status });
}
