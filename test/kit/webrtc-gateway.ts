import type { Server } from "bun";
import { surviveUdpErrors } from "../../plugins/transport-webrtc/udp-errors.ts";
import { WebRtcCall } from "./webrtc-call.ts";
import type { Sent } from "./webrtc-call.ts";

/** A call as it was asked for. */
export interface CallRequest {
  /** Without parameters. */
  contentType: string;
  authorization: string;
  /** The form's `session`; null where the body was the bare SDP. */
  session: Record<string, unknown> | null;
}

/**
 * A WebRTC door for any Realtime server that speaks WebSocket, for tests: `POST /v1/realtime/calls` as OpenAI answers it
 * (201, SDP, Location), everything else of a call by {@link WebRtcCall}.
 */
export class WebRtcGateway implements AsyncDisposable {
  /** Every request so far, refused ones included. */
  readonly requests: CallRequest[] = [];
  /** Every call so far. */
  readonly calls: WebRtcCall[] = [];
  readonly #server: Server<undefined>;
  readonly #upstream: (request: Request) => string;
  readonly #sent: (request: Request) => (() => Sent) | undefined;
  #refusal: { status: number; body: string; headers: Record<string, string> } | undefined;
  #answer: string | undefined;
  #mute = false;

  /**
   * `upstream` is the server's URL, `ws://…/v1/realtime`, or says which one a request is for. `sent` gives, where it is
   * known, what the client of a request has sent so far: the server's pings are answered when all of that is there.
   */
  constructor(
    upstream: string | ((request: Request) => string),
    sent: (request: Request) => (() => Sent) | undefined = () => undefined,
  ) {
    surviveUdpErrors();
    this.#upstream = typeof upstream === "string" ? () => upstream : upstream;
    this.#sent = sent;
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#take(request) });
  }

  /** What a client is given as the server's URL. */
  get url(): string {
    return `ws://127.0.0.1:${this.#server.port}/v1/realtime`;
  }

  /** Every call is answered with this status from now on. */
  refuse(status: number, body: unknown, headers: Record<string, string> = {}): void {
    this.#refusal = { status, body: typeof body === "string" ? body : JSON.stringify(body), headers };
  }

  /** Every call gets this text for an answer from now on. */
  answerWith(text: string): void {
    this.#answer = text;
  }

  /** Every call is answered from now on, and nothing more is heard of it. */
  stayMute(): void {
    this.#mute = true;
  }

  /** Takes calls again. */
  welcome(): void {
    this.#mute = false;
    this.#refusal = undefined;
    this.#answer = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.calls.map((call) => call.end()));
    await this.#server.stop(true);
  }

  async #take(request: Request): Promise<Response> {
    if (request.method !== "POST" || new URL(request.url).pathname !== "/v1/realtime/calls")
      return refusal(404, "not_found", "There is nothing here.");
    const authorization = request.headers.get("authorization") ?? "";
    const contentType = request.headers.get("content-type")?.split(";")[0] ?? "";
    const form = contentType === "multipart/form-data" ? await request.formData() : null;
    const session = form && (JSON.parse(String(form.get("session"))) as Record<string, unknown>);
    const offer = form ? String(form.get("sdp")) : await request.text();
    this.requests.push({ contentType, authorization, session });
    if (this.#refusal)
      return new Response(this.#refusal.body, {
        status: this.#refusal.status,
        headers: this.#refusal.headers,
      });
    if (this.#answer !== undefined) return new Response(this.#answer, { status: 201 });
    if (!form && !authorization.startsWith("Bearer ek_"))
      return refusal(401, "invalid_api_key", "A bare offer needs an ephemeral key.");
    const model = String(session?.["model"] ?? "of-the-key");
    const call = new WebRtcCall({
      url: `${this.#upstream(request)}?model=${encodeURIComponent(model)}`,
      headers: authorization ? { Authorization: authorization } : {},
      sent: this.#sent(request),
    });
    const refused = await call.dial();
    if (refused) return refused;
    this.calls.push(call);
    const sdp = await call.answer(offer);
    if (this.#mute) await call.vanish();
    const headers = {
      "Content-Type": "application/sdp",
      Location: `/v1/realtime/calls/rtc_${this.calls.length}`,
    };
    return new Response(sdp, { status: 201, headers });
  }
}

function refusal(status: number, code: string, message: string): Response {
  return Response.json({ error: { type: "invalid_request_error", code, message } }, { status });
}
