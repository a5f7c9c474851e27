import { MynaError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { withCredentials } from "./credentials.ts";
import type { Credentials } from "./credentials.ts";
import { dialectOfSession } from "./dialect-beta-shapes.ts";
import type { SwitchedDialect } from "./dialect-switch.ts";
import { isRecord, textOf } from "./ga-fields.ts";
import { linkFailure } from "./link-failure.ts";
import { LateTransport } from "./late-transport.ts";
import type { LinkFailure } from "./link-failure.ts";
import type { Connect, TransportEvents, TransportRequest } from "./transport.ts";

/** What {@link dialer} works with. */
export interface DialerDeps {
  /** The wire itself. */
  connect: Connect;
  dialect: SwitchedDialect;
  model: string;
  /** What an endpoint speaks that does not say so itself; "auto" if not given. */
  speaks?: "auto" | "ga" | "beta";
  log: Logger;
  /** Which dialect servers turned out to speak, by URL; may be shared. */
  known?: Map<string, "ga" | "beta">;
}

/** Words of a refusal by a server that wants the beta header (HTTP answer or close reason). */
const WANTS_BETA = /OpenAI-Beta|beta[ _-]header|realtime=v1/i;
const REFUSED_BETA = "beta_api_shape_disabled";

/**
 * Before a wire is opened: fetches credentials and chooses the dialect. A server that turns out to speak the other one is
 * called again in that, once, within the same attempt; this is remembered. The caller sees one transport that opens late.
 */
export function dialer(deps: DialerDeps): Connect {
  const known = deps.known ?? new Map<string, "ga" | "beta">();
  return (request, events) => {
    const call = new Call(deps, known, request, events);
    call.begin();
    return call;
  };
}

class Call extends LateTransport {
  readonly #deps: DialerDeps;
  readonly #known: Map<string, "ga" | "beta">;
  readonly #request: TransportRequest;
  readonly #events: TransportEvents;
  readonly #abort = new AbortController();
  /** What an earlier wire of this call still says is dropped. */
  #wires = 0;
  #ended = false;
  /** The server's dialect is known, or given: nothing is looked at any more. */
  #sure: boolean;
  #switched = false;

  constructor(
    deps: DialerDeps,
    known: Map<string, "ga" | "beta">,
    request: TransportRequest,
    events: TransportEvents,
  ) {
    super();
    this.#deps = deps;
    this.#known = known;
    this.#request = request;
    this.#events = events;
    this.#sure = this.#wanted !== "auto";
  }

  get #wanted(): "auto" | "ga" | "beta" {
    return this.#request.endpoint?.dialect ?? this.#deps.speaks ?? "auto";
  }

  begin(): void {
    const { endpoint } = this.#request;
    const wanted = this.#wanted;
    this.#deps.dialect.use(
      wanted === "auto" ? (this.#known.get(endpoint?.url ?? this.#request.url) ?? "ga") : wanted,
    );
    if (endpoint?.credentials) void this.#fetchCredentials(endpoint.url, endpoint.credentials);
    else this.#open(null);
  }

  protected override end(): void {
    this.#ended = true;
    this.#abort.abort();
  }

  async #fetchCredentials(
    url: string,
    fetchThem: NonNullable<NonNullable<TransportRequest["endpoint"]>["credentials"]>,
  ): Promise<void> {
    const { dialect } = this.#deps;
    const call = ++this.#wires;
    try {
      const model = this.#request.endpoint?.model ?? this.#deps.model;
      const { signal } = this.#abort;
      const credentials = await fetchThem({ url, model, dialect: dialect.name, signal });
      if (!this.#ended && call === this.#wires) this.#open(credentials);
    } catch (thrown) {
      if (this.#ended || call !== this.#wires) return;
      this.#ended = true;
      const { code, message, retryable } = MynaError.from(thrown, "TOKEN_UNAVAILABLE");
      this.#events.onClose(linkFailure(code, message, retryable));
    }
  }

  #open(credentials: Credentials | null): void {
    const { connect, dialect, model } = this.#deps;
    const { endpoint, ...request } = this.#request;
    const bare = endpoint
      ? dialect.request(endpoint.url, endpoint.model ?? model, endpoint.apiKey)
      : { url: request.url, headers: request.headers };
    const number = ++this.#wires;
    const mine = () => !this.#ended && number === this.#wires;
    const events = this.#events;
    this.takeWire(
      connect(
        { ...request, ...withCredentials(bare, credentials), ...(endpoint && { endpoint }) },
        {
          onOpen: () => mine() && events.onOpen(),
          onText: (text) => {
            if (!mine()) return;
            if (this.#sure || !this.#mistaken(text)) events.onText(text);
          },
          onAudio: (pcm) => mine() && events.onAudio(pcm),
          onBinary: (bytes) => mine() && events.onBinary(bytes),
          onPong: () => mine() && events.onPong(),
          onClose: (failure) => {
            if (!mine() || this.#wantsOther(failure)) return;
            this.#ended = true;
            events.onClose(failure);
          },
        },
      ),
    );
  }

  /** Looks at the first frames of a server; true where it was called in the wrong dialect and is called again. */
  #mistaken(text: string): boolean {
    let event: unknown;
    try {
      event = JSON.parse(text);
    } catch {
      return false;
    }
    if (!isRecord(event)) return false;
    const { dialect } = this.#deps;
    switch (event["type"]) {
      case "session.created": {
        const spoken = dialectOfSession(event["session"]);
        if (spoken !== undefined && spoken !== dialect.name) return this.#switch(spoken);
        this.#sure = spoken !== undefined;
        return false;
      }
      case "session.updated":
        this.#sure = true;
        return false;
      case "error": {
        const error = isRecord(event["error"]) ? event["error"] : {};
        const code = textOf(error["code"]);
        if (code === REFUSED_BETA) return dialect.name === "beta" && this.#switch("ga");
        if (WANTS_BETA.test(textOf(error["message"]))) return dialect.name === "ga" && this.#switch("beta");
        const aboutShape = code === "unknown_parameter" || textOf(error["param"]).startsWith("session");
        return aboutShape && dialect.name === "ga" && this.#switch("beta");
      }
      default:
        return false;
    }
  }

  #wantsOther({ message }: LinkFailure): boolean {
    if (this.#sure) return false;
    if (this.#deps.dialect.name === "beta") return message.includes(REFUSED_BETA) && this.#switch("ga");
    return WANTS_BETA.test(message) && this.#switch("beta");
  }

  /** False where it was done before: the server speaks neither. */
  #switch(to: "ga" | "beta"): boolean {
    if (this.#switched) return false;
    this.#switched = true;
    const { log, dialect } = this.#deps;
    const url = this.#request.endpoint?.url ?? this.#request.url;
    if (this.#known.get(url) !== to) log.warn(`the server speaks the ${to} dialect: using it from now on`);
    this.#known.set(url, to);
    dialect.use(to);
    this.#wires++;
    this.wire?.terminate();
    const credentials = this.#request.endpoint?.credentials;
    if (credentials) void this.#fetchCredentials(url, credentials);
    else this.#open(null);
    return true;
  }
}
