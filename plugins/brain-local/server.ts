import type { Server, ServerWebSocket } from "bun";
import type { Brain, BrainOptions, BrainSession, ReceivedEvent } from "./brain.ts";
import { WALL_CLOCK } from "./clock.ts";
import { BetaDialect } from "./beta-dialect.ts";
import { asksForBeta, keyOf, mayEnter, protocolsOf, type Rejection, rejectionOf } from "./door.ts";
import { Faults } from "./faults.ts";
import { answerHttp } from "./http.ts";
import { Outlet } from "./outlet.ts";
import { Refusal } from "./refusal.ts";
import { UNNAMED_MODEL } from "./session-config.ts";
import { Session, type SessionDeps } from "./session.ts";
import { Tokens } from "./tokens.ts";
import { CachedVoice } from "./voice-cache.ts";

/** Data of one socket. */
interface Connection {
  /** Why the client is turned away once it is connected. */
  rejection: Rejection | null;
  model: string;
  /** Null for a client that speaks GA. */
  beta: BetaDialect | null;
  outlet: Outlet | null;
  session: Session | null;
}

type Socket = ServerWebSocket<Connection>;

/** Bytes of one frame of the client: an append of 15 MiB with its envelope. */
const MAX_FRAME = 16 * 1024 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;
const PATH = "/v1/realtime";

/**
 * Starts an OpenAI-Realtime-compatible server on 127.0.0.1. PORT_IN_USE when another program holds the port.
 */
export async function startBrain(options: BrainOptions): Promise<Brain> {
  const script = options.script ?? {};
  const faults = new Faults(script.faults);
  const clock = options.clock ?? WALL_CLOCK;
  const dialect = options.dialect ?? "ga";
  const tokens = new Tokens(clock);
  const knowsKey = (key: string) => key === script.apiKey || tokens.accepts(key);
  const voice = new CachedVoice(options.voice);
  const open = new Map<Session, Socket>();
  const received: ReceivedEvent[] = [];
  const onFault = options.onFault ?? (() => {});
  const hearing = options.hearing ?? (() => ({ available: true }));
  const defaultVoice = options.defaultVoice ?? voice.names()[0] ?? "default";
  const deps = (model: string): SessionDeps => ({
    mind: options.mind,
    voice,
    recognizer: (async () => options.createRecognizer())(),
    clock,
    defaults: { model: model || UNNAMED_MODEL, voice: defaultVoice, silenceMs: options.silenceMs ?? 500 },
    sessionCapMs: options.sessionCapMs ?? DAY_MS,
    speed: options.speed ?? 4,
    lateDeltas: script.lateDeltas ?? 0,
    anonymousErrors: script.anonymousErrors ?? false,
    onFault,
  });

  function opened(socket: Socket): void {
    const { data } = socket;
    const sink = {
      send: (frame: string | Uint8Array<ArrayBuffer>) => void socket.send(frame),
      close: (code: number, reason: string) => socket.close(code, reason),
      terminate: () => socket.terminate(),
    };
    const { beta } = data;
    data.outlet = new Outlet(sink, faults, clock, beta ? (event) => beta.outbound(event) : undefined);
    if (data.rejection) {
      const { error, code } = data.rejection;
      data.outlet.emit({ type: "error", error: error.toWire(null) });
      return data.outlet.close(code, `invalid_request_error.${error.code}`);
    }
    data.session = new Session(data.outlet, deps(data.model));
    open.set(data.session, socket);
  }

  function message(socket: Socket, frame: string | Buffer): void {
    const { session, outlet } = socket.data;
    if (!session || !outlet || outlet.closed) return;
    if (typeof frame !== "string") {
      return session.refuse(
        new Refusal("invalid_event", "Binary frames are not part of the protocol."),
        null,
      );
    }
    if ((script.record || faults.any) && !passes(session, outlet, frame)) return;
    try {
      session.receive(socket.data.beta?.inbound(frame) ?? frame);
    } catch (thrown) {
      if (thrown instanceof Refusal) return session.refuse(thrown, eventIdIn(frame));
      onFault(`A client event failed: ${String(thrown)}`);
      session.refuse(
        new Refusal("server_error", "The server had an error while processing your event."),
        null,
      );
    }
  }

  /** Records a frame and lets scripted faults at its receipt happen; false when it is to be ignored. */
  function passes(session: Session, outlet: Outlet, frame: string): boolean {
    const event = objectIn(frame);
    if (!event) return true;
    const type = String(event.type);
    if (script.record) received.push({ session: session.id, type, event });
    const actions = faults.at(`received:${type}`);
    for (const action of actions) outlet.strike(action);
    return !outlet.closed && !actions.some((action) => action.kind === "swallow");
  }

  function fetch(request: Request, server: Server<Connection>): Response | Promise<Response> | undefined {
    const url = new URL(request.url);
    if (!mayEnter(request, options.origins ?? [])) {
      const text = `Pages of ${request.headers.get("origin")} are not let in; see the key origins of brain-local, or --origin.\n`;
      return new Response(text, { status: 403 });
    }
    if (url.pathname !== PATH) {
      const mayMint = () => script.apiKey === undefined || keyOf(request, []) === script.apiKey;
      return answerHttp(request, url, { voice, hearing, sessions: () => open.size, tokens, mayMint });
    }
    for (const action of faults.at("upgrade")) {
      if (action.kind !== "http") continue;
      return new Response(action.body ?? "", { status: action.status, headers: action.headers ?? {} });
    }
    const offered = protocolsOf(request);
    const model = url.searchParams.get("model") ?? "";
    const data: Connection = {
      rejection: rejectionOf(request, offered, model, { dialect, script, knowsKey }),
      model,
      beta:
        dialect === "beta" || (dialect === "both" && asksForBeta(request, offered))
          ? new BetaDialect()
          : null,
      outlet: null,
      session: null,
    };
    const headers = offered.includes("realtime") ? { "Sec-WebSocket-Protocol": "realtime" } : {};
    if (server.upgrade(request, { data, headers })) return undefined;
    return new Response("This is a WebSocket endpoint.\n", {
      status: 426,
      headers: { Upgrade: "websocket" },
    });
  }

  const server = await listen(options.port ?? 0, fetch, {
    open: opened,
    message,
    close(socket) {
      const { session } = socket.data;
      if (!session) return;
      open.delete(session);
      session.end();
    },
  });
  const port = server.port ?? 0;
  return {
    url: `ws://127.0.0.1:${port}${PATH}`,
    port,
    received,
    get sessions() {
      return [...open].map(([session, socket]) => outside(session, socket));
    },
    fault: (fault) => faults.add(fault),
    async close() {
      for (const [session] of open) session.end();
      open.clear();
      await server.stop(true);
    },
  };
}

function outside(session: Session, socket: Socket): BrainSession {
  return {
    id: session.id,
    model: socket.data.model,
    items: session.conversation.items,
    send: (event) => socket.data.outlet?.emit(event),
    drop: () => socket.data.outlet?.drop(),
    close: (code, reason) => socket.data.outlet?.close(code, reason ?? ""),
  };
}

/** The id that a client gave its event, so that an error can name it. */
function eventIdIn(frame: string): string | null {
  const id = objectIn(frame)?.event_id;
  return typeof id === "string" ? id.slice(0, 512) : null;
}

function objectIn(frame: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(frame);
    return typeof value === "object" ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

async function listen(
  port: number,
  fetch: (request: Request, server: Server<Connection>) => Response | Promise<Response> | undefined,
  on: {
    open: (socket: Socket) => void;
    message: (socket: Socket, frame: string | Buffer) => void;
    close: (socket: Socket) => void;
  },
): Promise<Server<Connection>> {
  try {
    return Bun.serve<Connection>({
      hostname: "127.0.0.1",
      port,
      fetch,
      websocket: {
        ...on,
        perMessageDeflate: false,
        maxPayloadLength: MAX_FRAME,
        backpressureLimit: 4 * MAX_FRAME,
        closeOnBackpressureLimit: true,
        idleTimeout: 0,
      },
    });
  } catch (cause) {
    const { MynaError } = await import("myna");
    if ((cause as { code?: string }).code !== "EADDRINUSE") throw MynaError.from(cause, "DEVICE_FAILED");
    throw new MynaError("PORT_IN_USE", `Port ${port} on 127.0.0.1 is in use by another program.`, { cause });
  }
}
