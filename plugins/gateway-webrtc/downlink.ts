import { FRAME_MS, FRAME_SAMPLES } from "myna";
import type { OpusEncoderHandle } from "libopus-wasm";
import { SILENT_PACKET } from "./codec.ts";
import type { RtpWriter } from "./rtp.ts";

/** Of the RTP clock (RFC 7587 §4.2: 48 kHz). */
const TICKS_PER_MS = 48;
const FRAME_TICKS = FRAME_MS * TICKS_PER_MS;
/** What a server sends as fast as speech goes out when it comes, also so much before its time: else a first frame that was late delays all. */
const EARLY_MS = 21;
/** And so much in all: a server that is faster than speech does not come into it. */
const LEAD_MS = 60;
/** Timers are no better. */
const EXACT_MS = 1;
/** Sound that is as fast as speech is waited for so long before silence takes its place. */
const PATIENCE_MS = 20;
/** Further behind than this, time is lost rather than made up. */
const LOST_MS = 200;
/** Silent frames that the encoder makes itself, for the sound before them to die away. */
const FADING_FRAMES = 3;
/** Silent frames after a sound; where nothing comes, a page goes on sounding for 200 ms. */
const QUIET_FRAMES = 10;
/** Then one packet that says so, and again so often, as Opus itself does in discontinuous transmission. */
const REST_MS = 400;
const REST_PACKET: Uint8Array = SILENT_PACKET.subarray(0, 1);

/** Runs something once, so much later, and tells it the time; the function takes that back. */
export type Later = (delayMs: number, run: (nowMs: number) => void) => () => void;

/** Where the sound comes from. */
export interface SoundSource {
  /** A frame is there. */
  ready(): boolean;
  /** How much there is. */
  waitingMs(): number;
  /** Something is being said, and the next of it is on its way. */
  expects(): boolean;
  /** Fills 20 ms; false where they are silent. */
  say(frame: Int16Array): boolean;
}

/**
 * What a page hears: frames of 20 ms (PCM16 mono 24 kHz) in, RTP packets out. One goes out as soon as it is there, and hardly before the
 * one ahead of it is over; nothing goes out while nothing is said.
 */
export class Downlink {
  readonly #encoder: OpusEncoderHandle;
  readonly #writer: RtpWriter;
  readonly #source: SoundSource;
  readonly #send: (packet: Buffer) => void;
  readonly #later: Later;
  /** Takes the timer back; undefined where none runs. */
  #undo: (() => void) | undefined;
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  /** When what was sent is over; -Infinity before the first packet. */
  #untilMs = -Infinity;
  #sentAtMs = -Infinity;
  /** How much went out before its time and was not made up by what went out late. */
  #leadMs = 0;
  #silentFrames = QUIET_FRAMES + 1;
  #freed = false;
  readonly counters = { sent_packets: 0, silent_packets: 0 };

  /** `send` copies. The encoder is freed with the downlink. */
  constructor(
    encoder: OpusEncoderHandle,
    writer: RtpWriter,
    source: SoundSource,
    send: (packet: Buffer) => void,
    later: Later,
  ) {
    this.#encoder = encoder;
    this.#writer = writer;
    this.#source = source;
    this.#send = send;
    this.#later = later;
  }

  /** Sound has come: it is sent if it is time, or nearly so. */
  come(nowMs: number): void {
    this.#pump(nowMs, EARLY_MS);
  }

  /** Sends what is due; to be called with every beat. */
  beat(nowMs: number): void {
    this.#pump(nowMs, EXACT_MS);
  }

  #pump(nowMs: number, earlyMs: number): void {
    while (!this.#freed && this.#isDue(nowMs, earlyMs)) {
      const sounds = this.#source.say(this.#frame);
      // Whoever was told of a beginning or an end may have hung up.
      if (this.#freed) return;
      this.#silentFrames = sounds ? 0 : this.#silentFrames + 1;
      if (this.#silentFrames <= FADING_FRAMES) this.#sendPacket(this.#encoder.encode(this.#frame), nowMs);
      else if (this.#silentFrames <= QUIET_FRAMES) this.#sendPacket(SILENT_PACKET, nowMs);
      else if (nowMs - this.#sentAtMs >= REST_MS || this.#silentFrames === QUIET_FRAMES + 1)
        this.#sendPacket(REST_PACKET, nowMs);
      else this.#writer.skip(FRAME_TICKS);
      this.#advance(this.#untilMs - nowMs);
    }
    this.#arm(nowMs);
  }

  /** A frame went out so early (late where negative): those that follow keep its time, so that they do not come unevenly. */
  #advance(earlyMs: number): void {
    const gainedMs = earlyMs > EXACT_MS ? earlyMs : 0;
    this.#leadMs = Math.max(0, this.#leadMs + gainedMs + Math.min(0, earlyMs));
    this.#untilMs += FRAME_MS - gainedMs;
  }

  /** Gives the encoder's memory back; idempotent. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#undo?.();
    this.#undo = undefined;
    this.#encoder.free();
  }

  /** Beats come at a time of their own: what waits, and the silence after a sound, goes out at the pace of the first frame. */
  #arm(nowMs: number): void {
    if (this.#freed || this.#undo) return;
    const fading = this.#silentFrames > 0 && this.#silentFrames <= QUIET_FRAMES;
    if (!fading && !this.#source.ready()) return;
    this.#undo = this.#later(Math.max(0, this.#untilMs - nowMs), this.#wake);
  }

  readonly #wake = (nowMs: number): void => {
    // A timer that has fired still belongs to its owner until it is taken back.
    this.#undo?.();
    this.#undo = undefined;
    this.beat(nowMs);
  };

  #isDue(nowMs: number, mostEarlyMs: number): boolean {
    const ready = this.#source.ready();
    const quiet = this.#silentFrames > QUIET_FRAMES;
    if (quiet && !ready && nowMs - this.#sentAtMs < REST_MS) return false;
    if (nowMs - this.#untilMs > (quiet ? 0 : LOST_MS)) this.#skipTo(nowMs);
    const earlyMs = this.#untilMs - nowMs;
    const leads = this.#source.waitingMs() < 2 * FRAME_MS && this.#leadMs + earlyMs <= LEAD_MS;
    if (ready) return earlyMs <= (leads ? mostEarlyMs : EXACT_MS);
    const patienceMs = this.#silentFrames === 0 && this.#source.expects() ? PATIENCE_MS : 0;
    return earlyMs <= EXACT_MS - patienceMs;
  }

  /** Time in which nothing was sent makes up for what went out before its time. */
  #skipTo(nowMs: number): void {
    if (this.#untilMs === -Infinity) this.#untilMs = nowMs;
    const madeUpMs = Math.min(this.#leadMs, nowMs - this.#untilMs);
    this.#leadMs -= madeUpMs;
    this.#untilMs += madeUpMs;
    const ticks = Math.round((nowMs - this.#untilMs) * TICKS_PER_MS);
    this.#writer.skip(ticks);
    this.#untilMs += ticks / TICKS_PER_MS;
  }

  #sendPacket(coded: Uint8Array, nowMs: number): void {
    this.counters.sent_packets++;
    if (this.#silentFrames > FADING_FRAMES) this.counters.silent_packets++;
    this.#sentAtMs = nowMs;
    this.#send(this.#writer.next(coded, FRAME_TICKS));
  }
}
