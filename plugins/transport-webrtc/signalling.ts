import { linkFailure, socketFailure, statusFailure } from "myna";
import type { LinkFailure, TransportRequest } from "myna";

/** An answer is a few kilobytes of SDP. */
const MAX_ANSWER_CHARACTERS = 100_000;
/** How browsers, which cannot set headers, hand over the key; here it becomes a header again. */
const KEY_PROTOCOL = "openai-insecure-api-key.";
const PROTOCOL_HEADERS = [
  [KEY_PROTOCOL, "Authorization", "Bearer "],
  ["openai-organization.", "OpenAI-Organization", ""],
  ["openai-project.", "OpenAI-Project", ""],
] as const;

/** The server's side of the call. */
export interface CallAnswer {
  sdp: string;
  /** `rtc_…`, of the Location header; "" where the server gave none. */
  callId: string;
}

/** The server did not take the call. */
export class CallRefused extends Error {
  readonly failure: LinkFailure;

  constructor(failure: LinkFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Offers a call: `POST /v1/realtime/calls`, either the bare SDP with an ephemeral key (which carries the session), or a
 * form of `sdp` and `session` with a real one or none; 201, the answer, and its Location
 * (platform.openai.com/docs/guides/realtime-webrtc). Throws {@link CallRefused}.
 */
export async function offerCall(
  request: TransportRequest,
  sdp: string,
  signal: AbortSignal,
): Promise<CallAnswer> {
  const { url, model } = callsUrl(request.url);
  const headers = callHeaders(request);
  const ephemeral = /^Bearer ek_/.test(headers.get("Authorization") ?? "");
  let body: string | FormData;
  if (ephemeral) {
    headers.set("Content-Type", "application/sdp");
    body = sdp;
  } else {
    body = new FormData();
    body.set("sdp", sdp);
    body.set("session", JSON.stringify({ type: "realtime", ...(model !== "" && { model }) }));
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(request.handshakeMs)]);
  try {
    // A redirect would carry the key to another host.
    const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: limit });
    const text = await response.text();
    if (!response.ok) {
      const retryAfter = response.headers.get("Retry-After") ?? "";
      throw new CallRefused(statusFailure(response.status, text, retryAfter));
    }
    if (!isAnswer(text)) {
      const message = "the server's answer to the call is no SDP with sound and a data channel";
      throw new CallRefused(linkFailure("LINK_FATAL", message));
    }
    return { sdp: text, callId: response.headers.get("Location")?.split("/").at(-1) ?? "" };
  } catch (thrown) {
    if (thrown instanceof CallRefused) throw thrown;
    throw new CallRefused(fetchFailure(thrown));
  }
}

/** Both parts of the offer taken: a port of 0 refuses one. */
function isAnswer(text: string): boolean {
  const sections = /^m=audio [1-9]/m.test(text) && /^m=application [1-9]/m.test(text);
  return text.startsWith("v=0") && sections && text.length <= MAX_ANSWER_CHARACTERS;
}

/** `wss://HOST/v1/realtime?model=M` as `https://HOST/v1/realtime/calls` and M. */
export function callsUrl(realtimeUrl: string): { url: string; model: string } {
  const url = new URL(realtimeUrl);
  const model = url.searchParams.get("model") ?? "";
  url.searchParams.delete("model");
  url.protocol = url.protocol === "wss:" ? "https:" : "http:";
  url.pathname = `${url.pathname.replace(/\/$/, "")}/calls`;
  return { url: url.href, model };
}

function callHeaders({ headers, protocols = [] }: TransportRequest): Headers {
  const all = new Headers(headers);
  for (const protocol of protocols) {
    for (const [prefix, header, before] of PROTOCOL_HEADERS) {
      if (protocol.startsWith(prefix)) all.set(header, before + protocol.slice(prefix.length));
    }
  }
  return all;
}

function fetchFailure(thrown: unknown): LinkFailure {
  if (!Error.isError(thrown)) return linkFailure("LINK_REFUSED", String(thrown));
  if (thrown.name === "TimeoutError")
    return linkFailure("LINK_TIMEOUT", "the server did not answer the call");
  return socketFailure(thrown.message, String((thrown as { code?: unknown }).code ?? ""));
}
