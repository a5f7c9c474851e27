import { signal } from "@preact/signals";
import { PICTURE } from "../wire.ts";
import type { Ask, FromRobot } from "../wire.ts";
import { forget, reach, retryAtMs, roundTripMs, steering, take } from "./live.ts";

const RETRY_MS = [250, 500, 1000, 2000, 3000] as const;
const PING_PERIOD_MS = 1000;
/** The robot beats twice a second: so long a silence is a dead line. */
const SILENT_MS = 4000;
/** An answer that takes longer is given up. */
const REPLY_LIMIT_MS = 15_000;
/** More unsent than this and the line stalls: intents would arrive late. */
const STALLED_BYTES = 4096;
const UNAUTHORIZED = 401;

/** The newest picture of the camera, and when it came on the page's clock. */
export const picture = signal<{ jpeg: Blob; atMs: number } | undefined>(undefined);

type Numbered = Extract<Ask, { n?: number | undefined }>;

let socket: WebSocket | undefined;
let tries = 0;
let heardAtMs = 0;
let retry: ReturnType<typeof setTimeout> | undefined;
let numbers = 0;
const waiting = new Map<number, { resolve: () => void; reject: (reason: Error) => void }>();
/** Said anew on every connection. */
const standing = new Map<string, Ask>();
const lost = new Set<() => void>();

/** Called when the connection is gone. */
export function onLost(handler: () => void): void {
  lost.add(handler);
}

/** True where it is on its way; false where there is no line, or a stalled one. */
export function tell(ask: Ask): boolean {
  if (socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > STALLED_BYTES) return false;
  socket.send(JSON.stringify(ask));
  return true;
}

/** Tells it now and again after every reconnection, until another ask of its type takes its place. */
export function keepTelling(ask: Ask): void {
  standing.set(ask.type, ask);
  tell(ask);
}

/** Resolves when the robot has done it; rejects with its reason, or when there is no line. */
export function ask(asked: Numbered): Promise<void> {
  const n = ++numbers;
  if (!tell({ ...asked, n } as Ask)) return Promise.reject(new Error("there is no connection to the robot"));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  waiting.set(n, { resolve, reject });
  const timer = setTimeout(() => reject(new Error("the robot does not answer")), REPLY_LIMIT_MS);
  return promise.finally(() => {
    clearTimeout(timer);
    waiting.delete(n);
  });
}

/** Begins, and never ends by itself. */
export function connect(): void {
  clearTimeout(retry);
  retryAtMs.value = undefined;
  if (reach.value !== "login") reach.value = tries === 0 ? "connecting" : "lost";
  const url = new URL("/console/socket", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const line = new WebSocket(url);
  line.binaryType = "blob";
  socket = line;
  line.onopen = () => {
    heardAtMs = performance.now();
    forget();
    for (const one of standing.values()) tell(one);
    ping();
  };
  line.onmessage = (event: MessageEvent<string | Blob>) => {
    if (socket !== line) return;
    heardAtMs = performance.now();
    tries = 0;
    if (reach.value !== "open") reach.value = "open";
    if (typeof event.data === "string") receive(JSON.parse(event.data) as FromRobot);
    else void receiveBinary(event.data);
  };
  line.onclose = () => socket === line && closed();
}

function closed(): void {
  socket = undefined;
  for (const one of waiting.values()) one.reject(new Error("the connection was lost"));
  for (const handler of lost) handler();
  if (reach.value !== "login") reach.value = "lost";
  const waitMs = RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]! * (0.8 + 0.4 * Math.random());
  retryAtMs.value = performance.now() + waitMs;
  retry = setTimeout(connect, waitMs);
  if (tries > 1) void askWhy();
}

/** A browser does not tell why a web socket was refused: a request does. */
async function askWhy(): Promise<void> {
  try {
    const { status } = await fetch("/assets/icon.svg", { cache: "no-store" });
    if (socket?.readyState !== WebSocket.OPEN) reach.value = status === UNAUTHORIZED ? "login" : "lost";
  } catch {
    if (socket?.readyState !== WebSocket.OPEN) reach.value = "lost";
  }
}

function receive(message: FromRobot): void {
  switch (message.type) {
    case "update":
      return take(message);
    case "pong":
      return void (roundTripMs.value = performance.now() - message.sent_at_ms);
    case "steering":
      return void (steering.value = message);
    case "reply": {
      const asked = waiting.get(message.to);
      if (message.ok) asked?.resolve();
      else asked?.reject(new Error(message.message ?? "refused"));
    }
  }
}

async function receiveBinary(message: Blob): Promise<void> {
  const [kind] = new Uint8Array(await message.slice(0, 1).arrayBuffer());
  if (kind === PICTURE) picture.value = { jpeg: message.slice(1), atMs: performance.now() };
}

function ping(): void {
  tell({ type: "ping", sent_at_ms: performance.now() });
}

function again(): void {
  if (socket && socket.readyState <= WebSocket.OPEN) return;
  tries = 0;
  connect();
}

setInterval(() => {
  if (socket?.readyState !== WebSocket.OPEN) return;
  if (performance.now() - heardAtMs > SILENT_MS) {
    const dead = socket;
    closed();
    dead.close();
  } else ping();
}, PING_PERIOD_MS);
addEventListener("online", again);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && again());
