import { RATE_HZ } from "../audio/port.ts";
import type { AssistantSpeechDeps, Cut } from "./assistant-speech.ts";
import type { AudioDelta } from "./events.ts";
import { StreamedSpeech } from "./streamed-speech.ts";

/** So much of an answer that goes on unheard is kept. */
const MOST_SAMPLES = 60 * RATE_HZ;
/** So long after it was cut an answer goes on at the server, ms. */
const HELD_MS = 10_000;
/** A shorter rest is not worth saying, ms. */
const LEAST_MS = 500;

/** What {@link RecoverableSpeech} works with. */
export interface RecoverableSpeechDeps extends AssistantSpeechDeps {
  /** Empties the server's queue of sound. */
  flushServer: () => void;
  /** Cancels the answer that runs. */
  cancel: () => void;
  /** The server is told what was heard of an item. */
  cut: (cut: Cut) => void;
}

/**
 * Speech that can be taken up again after it was cut. What the robot's own ears cut, and the server has not heard why, goes on at the
 * server and is kept here, until it is clear whether somebody spoke: then it is cancelled, or the rest is said. What was heard is told
 * when the answer is over, since an item that grows cannot be truncated.
 */
export class RecoverableSpeech extends StreamedSpeech {
  readonly #deps: RecoverableSpeechDeps;
  /** Response that goes on unheard. */
  #held: string | null = null;
  #cuts: Cut[] = [];
  #parts: Int16Array[] = [];
  #samples = 0;
  /** More has come than is kept: what follows would be said behind a hole. */
  #full = false;
  #text = "";
  /** The item as which the rest of it is said. */
  #resumed: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #counts = { held_answers: 0, held_ms: 0 };

  constructor(deps: RecoverableSpeechDeps) {
    super(deps, deps.flushServer);
    this.#deps = deps;
  }

  /** The response was cut, with these cuts to be told, and goes on; false where it has to be cancelled: it was held before. */
  hold(responseId: string, cuts: Cut[]): boolean {
    if (this.streams || this.#held !== null) return false;
    this.#forget();
    this.#held = responseId;
    this.#full = false;
    this.#cuts = cuts;
    this.#counts.held_answers++;
    this.#timer = setTimeout(() => this.#resumed === null && this.confirm(), HELD_MS);
    return true;
  }

  /** Somebody did speak, or wants silence: what goes on is cancelled. Idempotent. */
  confirm(): void {
    if (this.#held !== null) this.#deps.cancel();
    this.#end();
    this.#forget();
  }

  override audio(delta: AudioDelta): void {
    super.audio(delta);
    const { responseId, pcm } = delta;
    if (responseId !== this.#held) return;
    this.#counts.held_ms += Math.round((pcm.length * 1000) / RATE_HZ);
    if (this.#resumed !== null) return this.goOn(this.#resumed, "", pcm);
    this.#full ||= this.#samples + pcm.length > MOST_SAMPLES;
    if (this.#full) return;
    this.#samples += pcm.length;
    this.#parts.push(pcm.slice());
  }

  override textDelta(responseId: string, itemId: string, delta: string): void {
    super.textDelta(responseId, itemId, delta);
    if (responseId !== this.#held) return;
    if (this.#resumed === null) this.#text += delta;
    else this.goOn(this.#resumed, delta, new Int16Array(0));
  }

  override responseEnded(responseId: string): void {
    super.responseEnded(responseId);
    if (responseId === this.#held) this.#end();
  }

  /**
   * Says `pcm`, what has come since it was cut, and what is still to come; an answer longer than what is kept ends there. Answers how long that is so far, ms; 0 where it was too
   * little, and nothing is said.
   */
  resume(itemId: string, text: string, pcm: Int16Array): number {
    const restMs = Math.round(((pcm.length + this.#samples) * 1000) / RATE_HZ);
    if (restMs < LEAST_MS) return 0;
    this.sayAgain(itemId, text + this.#text);
    for (const part of [pcm, ...this.#parts]) this.goOn(itemId, "", part);
    this.#forget();
    if (this.#held === null) this.endResumed(itemId);
    else this.#resumed = itemId;
    if (this.#full) this.confirm();
    return restMs;
  }

  override linkLost(): void {
    this.#end();
    super.linkLost();
  }

  override close(): void {
    this.#end();
    super.close();
  }

  override counters(): Record<string, number> {
    return { ...super.counters(), ...this.#counts };
  }

  /** The response is over, or is not kept any more. */
  #end(): void {
    clearTimeout(this.#timer);
    const [itemId, cuts] = [this.#resumed, this.#cuts];
    this.#held = this.#resumed = null;
    this.#cuts = [];
    for (const cut of cuts) this.#deps.cut(cut);
    if (itemId !== null) this.endResumed(itemId);
  }

  #forget(): void {
    this.#text = "";
    this.#parts = [];
    this.#samples = 0;
  }
}
