import type { Logger, WebCaller, WebRole } from "myna";
import { findRoute, findSocket, kindsOf } from "./mounts.ts";
import type { MountedRoute, Mounts } from "./mounts.ts";
import { RateLimit } from "./rate-limit.ts";
import { Refusal } from "./refusal.ts";
import { withBody } from "./request-body.ts";
import type { SameSite } from "./same-site.ts";
import { SOCKET_HEADERS, secured } from "./security-headers.ts";
import { Sockets } from "./sockets.ts";
import type { Line } from "./sockets.ts";

/** Calls of one address within a minute, whatever it asks for, of those who did not log in. */
const STRANGER_PER_MINUTE = 3000;
const MINUTE_MS = 60_000;
/** A body that takes longer is a trick, or of no use any more. */
const BODY_LIMIT_MS = 5000;
const BODY_BYTES = 64 * 1024;
/** No route may ask for more; Bun itself cuts off here. */
const LARGEST_BODY_BYTES = 1024 * 1024;
/** No web socket message may be larger; Bun itself cuts off here. */
const LARGEST_MESSAGE_BYTES = 1024 * 1024;
/** Silent connections are closed after this; a web socket is pinged before. */
const IDLE_S = 30;
const RANK: Readonly<Record<WebRole, number>> = { public: 0, viewer: 1, operator: 2 };
/** Separators and control characters in disguise: no honest path has them. */
const DISGUISED = /%(2f|5c|00|0[1-9a-f]|1[0-9a-f]|7f)|\\|\/\//i;

/** Who a request is from; `key` is whom its limits count for. */
export type Identify = (request: Request, address: string) => { role: WebRole; key: string };

/** What the door is built of. */
export interface DoorParts {
  mounts: Mounts;
  site: SameSite;
  identify: Identify;
  log: Logger;
}

/** Every request passes here: known name, own origin, rate, role, size; then the plugin that mounted the path answers. */
export class Door {
  readonly #parts: DoorParts;
  readonly #rate = new RateLimit();
  readonly #sockets: Sockets;
  readonly #answers = new Map<number, number>();

  constructor(parts: DoorParts) {
    this.#parts = parts;
    this.#sockets = new Sockets((path, error) => this.#failed(`SOCKET ${path}`, error));
  }

  /** Throws Bun's error where the address is taken. */
  listen(options: { port: number; hostname: string; tls?: Bun.TLSOptions }): Bun.Server<Line> {
    const sockets = this.#sockets;
    return Bun.serve<Line>({
      ...options,
      maxRequestBodySize: LARGEST_BODY_BYTES,
      idleTimeout: IDLE_S,
      development: false,
      // Without development mode Bun 1.4.5 shares a port that another program listens on.
      reusePort: false,
      fetch: (request, server) => this.#answer(request, server),
      error: (error) => this.#refuse(error),
      websocket: {
        data: {} as Line,
        maxPayloadLength: LARGEST_MESSAGE_BYTES,
        idleTimeout: IDLE_S,
        perMessageDeflate: false,
        open: (socket) => sockets.opened(socket),
        message: (socket, message) => sockets.message(socket, message),
        close: (socket) => sockets.closed(socket),
      },
    });
  }

  /** Hangs up on whoever has this key; a session's is its id. */
  dismiss(key: string): void {
    this.#sockets.dismiss(key);
  }

  /** How many requests were answered with which status, and the web sockets. */
  counters(): Record<string, unknown> {
    return { answers: Object.fromEntries(this.#answers), sockets: this.#sockets.counters() };
  }

  async #answer(request: Request, server: Bun.Server<Line>): Promise<Response | undefined> {
    let response: Response;
    try {
      const answer = await this.#ask(request, server);
      if (answer === undefined) return undefined;
      response = answer;
    } catch (error) {
      response = this.#refuse(error, request);
    }
    this.#answers.set(response.status, (this.#answers.get(response.status) ?? 0) + 1);
    return secured(response);
  }

  async #ask(request: Request, server: Bun.Server<Line>): Promise<Response | undefined> {
    const address = server.requestIP(request)?.address ?? "";
    const { site, mounts, identify } = this.#parts;
    site.checkHost(request);
    site.checkUse(request);
    const caller = identify(request, address);
    const { key, role } = caller;
    if (role === "public") this.#limit(address, STRANGER_PER_MINUTE);
    const { pathname } = new URL(request.url);
    if (DISGUISED.test(pathname)) throw new Refusal(400, "there is no such path");
    const upgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket";
    if (request.method === "GET" && upgrade)
      return this.#openSocket(request, server, address, pathname, caller);
    const mounted = findRoute(mounts, request.method, pathname);
    if (!mounted) throw nobody(kindsOf(mounts, pathname));
    const { route } = mounted;
    if (request.method !== "GET" && request.method !== "HEAD") site.checkOrigin(request, false);
    this.#limit(`${key} ${route.method} ${route.path}`, route.maxPerMinute ?? 600);
    if (asksForPage(request) && role === "public" && route.role !== "public") return toLogin();
    admit(role, route.role);
    return await this.#handle(mounted, request, { role, address });
  }

  async #handle({ route, gone }: MountedRoute, request: Request, caller: WebCaller): Promise<Response> {
    const limit = Math.min(route.maxBodyBytes ?? BODY_BYTES, LARGEST_BODY_BYTES);
    const whole = request.body ? await withBody(request, limit, AbortSignal.timeout(BODY_LIMIT_MS)) : request;
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(new Refusal(503, "reloaded; ask again", { "retry-after": "1" }));
    if (gone.signal.aborted) leave();
    gone.signal.addEventListener("abort", leave);
    try {
      return await Promise.race([route.handle(whole, caller), left.promise]);
    } finally {
      gone.signal.removeEventListener("abort", leave);
    }
  }

  #openSocket(
    request: Request,
    server: Bun.Server<Line>,
    address: string,
    path: string,
    { key, role }: ReturnType<Identify>,
  ): undefined {
    const { mounts, site } = this.#parts;
    const mounted = findSocket(mounts, path);
    if (!mounted) throw nobody(kindsOf(mounts, path));
    site.checkOrigin(request, true);
    this.#limit(`${key} SOCKET ${path}`, 120);
    admit(role, mounted.route.role);
    if (!this.#sockets.room(key, role))
      throw new Refusal(503, "too many open connections", { "retry-after": "10" });
    const data: Line = { mounted, caller: { role, address }, key };
    if (!server.upgrade(request, { data, headers: SOCKET_HEADERS }))
      throw new Refusal(400, "this is no web socket handshake");
    return undefined;
  }

  #limit(key: string, perMinute: number): void {
    const waitS = this.#rate.take(key, perMinute, MINUTE_MS);
    if (waitS > 0) throw new Refusal(429, "too many requests", { "retry-after": String(waitS) });
  }

  #refuse(error: unknown, request?: Request): Response {
    if (error instanceof Refusal) return error.response();
    this.#failed(request ? `${request.method} ${new URL(request.url).pathname}` : "a request", error);
    return new Refusal(500, "it failed here").response();
  }

  #failed(what: string, error: unknown): void {
    this.#parts.log.error("a web request failed", { request: what, error: String(error) });
  }
}

function admit(role: WebRole, least: WebRole): void {
  if (RANK[role] >= RANK[least]) return;
  if (role === "public") throw new Refusal(401, "log in first", { "www-authenticate": "Bearer" });
  throw new Refusal(403, "a viewer may only look");
}

/** A person with a browser, and not a program. */
function asksForPage(request: Request): boolean {
  return request.method === "GET" && (request.headers.get("accept") ?? "").includes("text/html");
}

function toLogin(): Response {
  return new Response(null, { status: 303, headers: { location: "/login" } });
}

function nobody(kinds: readonly string[]): Refusal {
  if (kinds.length === 0) return new Refusal(404, "there is nothing here");
  const methods = kinds.filter((kind) => kind !== "SOCKET");
  if (methods.length === 0) return new Refusal(426, "a web socket is here", { upgrade: "websocket" });
  return new Refusal(405, "not this way", { allow: methods.join(", ") });
}
