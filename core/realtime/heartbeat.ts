/** Why signs of life are looked for closely at the moment. */
export type Attention = "none" | "awaiting" | "moving";

/** What {@link Heartbeat} works with. */
export interface HeartbeatDeps {
  /** How long the other side may be silent before it is asked for a sign of life, ms. */
  pingMs: number;
  /** How long it may be silent after that, ms. */
  pongMs: number;
  /** The same two while it is watched. */
  watchedPingMs: number;
  watchedPongMs: number;
  /** "moving": what moves has to stop when nobody is there; "awaiting": somebody waits for the other side. */
  attention?: () => Attention;
  ping: () => void;
  /** No sign of life came in time. */
  onDead: () => void;
  /** A server does not answer pings at all: told once. */
  onDeaf?: () => void;
}

/** How often the silence is measured, ms: its ends are found that late. */
const STEP_MS = 250;
const WATCHED_STEP_MS = 50;
/** A look that comes later than this, ms, comes of a busy event loop: what has arrived meanwhile is read first. */
const LATE_MS = 50;
/** A slow way gets so many times its latest round trips. */
const ROUND_TRIPS = 3;
const ROUND_TRIP_DECAY = 0.9;
/** A way that is slow, or busy with a picture, gets at most so many times the usual limit while something moves. */
const MOVING_STRETCH = 2;
/** A server that is back so soon after it was given up was only busy, ms. */
const MISTAKE_MS = 10_000;
/** A frame of ours from this size on, characters, may keep a question waiting behind it. */
const LARGE_FRAME = 16_384;
/** The slowest uplink that is reckoned with, characters per ms: 0.8 Mbit/s. */
const UPLINK_PER_MS = 100;

/**
 * Asks for a sign of life where the other side is silent: half-open Wi-Fi sends no FIN, and a process that hangs closes
 * nothing. Everything that arrives is a sign. Only silence that this program was awake for counts; a server that never
 * answered a ping is not judged by them.
 */
export class Heartbeat {
  readonly #deps: HeartbeatDeps;
  readonly #stepMs: number;
  readonly #watchedStepMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stepBeganMs = 0;
  #waitMs = 0;
  #silentMs = 0;
  /** Silence since the question that is open, ms; null while there is none. */
  #openMs: number | null = null;
  /** The open question was asked, or still open, while the other side was watched. */
  #urgent = false;
  #repeatMs = 0;
  #graced = false;
  /** It has answered a ping of this connection. */
  #answers = false;
  /** When the oldest ping was sent that has no pong yet; null while there is none. */
  #pingedAtMs: number | null = null;
  /** The slowest of the latest round trips, ms. */
  #roundTripMs = 0;
  #uploadedAtMs = 0;
  #server = "";
  /** The server that was given up for its silence while it was awaited. */
  #suspect = { server: "", atMs: 0 };
  /** Servers that were there after all: so many times the usual limit is theirs. */
  readonly #slow = new Map<string, number>();
  readonly #counters = { pings: 0, unanswered: 0 };

  constructor(deps: HeartbeatDeps) {
    this.#deps = deps;
    const { pingMs, pongMs, watchedPingMs, watchedPongMs } = deps;
    this.#stepMs = Math.min(STEP_MS, pingMs, pongMs);
    this.#watchedStepMs = Math.min(WATCHED_STEP_MS, watchedPingMs, watchedPongMs, this.#stepMs);
  }

  /** A connection stands; asks at once, to know whether this server answers pings at all. */
  arrived(server: string): void {
    const { server: suspect, atMs } = this.#suspect;
    if (suspect === server && performance.now() - atMs < MISTAKE_MS) {
      this.#slow.set(server, 2 * (this.#slow.get(server) ?? 1));
      this.#suspect = { server: "", atMs: 0 };
    }
    this.#server = server;
    this.#answers = false;
    this.#pingedAtMs = null;
    this.#roundTripMs = 0;
    this.#uploadedAtMs = 0;
    this.beat();
    this.#ping();
    this.#wait(this.#stepMs);
  }

  /** Something arrived, whatever it is. */
  beat(): void {
    this.#silentMs = 0;
    this.#openMs = null;
    this.#graced = false;
  }

  /** A ping was answered. */
  pong(): void {
    this.#answers = true;
    if (this.#pingedAtMs !== null) {
      const tookMs = performance.now() - this.#pingedAtMs;
      this.#roundTripMs = Math.max(tookMs, this.#roundTripMs * ROUND_TRIP_DECAY);
      this.#pingedAtMs = null;
    }
    this.beat();
  }

  /** A frame of so many characters is on its way: what is asked after it arrives after it. */
  sent(characters: number): void {
    if (characters < LARGE_FRAME) return;
    this.#uploadedAtMs = Math.max(performance.now(), this.#uploadedAtMs) + characters / UPLINK_PER_MS;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#waitMs = ms;
    this.#stepBeganMs = performance.now();
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look(): void {
    const { pingMs, watchedPingMs, attention, onDead } = this.#deps;
    const elapsedMs = performance.now() - this.#stepBeganMs;
    const late = elapsedMs > this.#waitMs + LATE_MS;
    const awakeMs = Math.min(elapsedMs, this.#waitMs + LATE_MS);
    const why = attention?.() ?? "none";
    const watched = why !== "none";
    this.#silentMs += awakeMs;
    this.#wait(watched ? this.#watchedStepMs : this.#stepMs);
    if (this.#openMs === null) {
      this.#urgent = watched;
      if (this.#silentMs >= (watched ? watchedPingMs : pingMs)) this.#ask();
      return;
    }
    this.#openMs += awakeMs;
    this.#urgent ||= watched;
    if (this.#openMs < this.#limitMs(why)) {
      // A datagram may have been lost; on a stream it costs a few bytes.
      if (this.#urgent && this.#openMs >= this.#repeatMs) this.#again();
    } else if (late && !this.#graced) {
      this.#graced = true;
    } else if (this.#answers) {
      if (why !== "moving" && this.#urgent) this.#suspect = { server: this.#server, atMs: performance.now() };
      this.stop();
      onDead();
    } else {
      if (this.#counters.unanswered++ === 0) this.#deps.onDeaf?.();
      this.beat();
    }
  }

  /** How long the open question may stay open. */
  #limitMs(why: Attention): number {
    const { pongMs, watchedPongMs } = this.#deps;
    if (!this.#urgent) return pongMs;
    const slowMs = this.#roundTripMs * ROUND_TRIPS;
    const uploadMs = Math.max(0, this.#uploadedAtMs - performance.now());
    if (why === "moving")
      return Math.min(watchedPongMs * MOVING_STRETCH, Math.max(watchedPongMs, slowMs) + uploadMs);
    const usualMs = watchedPongMs * (this.#slow.get(this.#server) ?? 1);
    return Math.min(Math.max(pongMs, watchedPongMs), Math.max(usualMs, slowMs) + uploadMs);
  }

  #ask(): void {
    this.#openMs = 0;
    this.#repeatMs = this.#deps.watchedPingMs;
    this.#ping();
  }

  #again(): void {
    this.#repeatMs += this.#deps.watchedPingMs;
    this.#ping();
  }

  #ping(): void {
    this.#counters.pings++;
    this.#pingedAtMs ??= performance.now();
    this.#deps.ping();
  }
}
