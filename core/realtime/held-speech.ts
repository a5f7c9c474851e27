import { FRAME_MS, FRAME_SAMPLES } from "../audio/port.ts";

/** Frames before the last sign of life of the server that it may have heard without having told us: 1 s. */
const UNHEARD_FRAMES = 1000 / FRAME_MS;
/** Frames in front of an utterance that are heard again with it, so that its beginning stands out: 200 ms. */
const LEAD_FRAMES = 200 / FRAME_MS;
/** How long after a replay the server may need to say what it makes of it: 2 s. */
const DOUBT_FRAMES = 2000 / FRAME_MS;
/** More utterances that nobody answers are not worth keeping. */
const MAX_UTTERANCES = 8;

interface Utterance {
  itemId: string;
  /** First frame, padding included. */
  start: number;
  /** Frame after the last one; null while it goes on. */
  end: number | null;
  /** Words of it are known: they can be told in writing. */
  worded: boolean;
  /** Response that began after it. */
  responseId: string | null;
}

/**
 * The latest audio of the microphone, and which of it the server has yet to deal with: utterances under way, and those
 * without known words that were not answered. After a drop the new session hears the microphone from the first of them on.
 * Positions count captured frames; the ring is allocated once.
 */
export class HeldSpeech {
  readonly #ring: Int16Array;
  readonly #frames: number;
  readonly #views: Int16Array[];
  /** Frames captured so far. */
  #captured = 0;
  /** Frame that the ring keeps even if it fills up; null while the oldest gives way. */
  #pinned: number | null = null;
  /** Audio was not kept since the ring was pinned. */
  #gap = false;
  /** Frame that the present session heard first. */
  #base = 0;
  /** Frame at the last sign of life of the server. */
  #alive = 0;
  /** Frame until which signs of life do not count: they may be older than what was replayed. */
  #doubtful = 0;
  /** An utterance was replayed, and the server has not said yet that it hears one. */
  #expecting = false;
  /** End of what needs no second hearing. */
  #settled = 0;
  #utterances: Utterance[] = [];
  readonly #counters = { replayed_frames: 0, dropped_frames: 0, cut_utterances: 0 };

  constructor(seconds: number) {
    this.#frames = Math.max(LEAD_FRAMES, Math.ceil((seconds * 1000) / FRAME_MS));
    this.#ring = new Int16Array(this.#frames * FRAME_SAMPLES);
    this.#views = Array.from({ length: this.#frames }, (_, at) =>
      this.#ring.subarray(at * FRAME_SAMPLES, (at + 1) * FRAME_SAMPLES),
    );
  }

  /** A frame was captured; it is copied. */
  frame(pcm: Int16Array): void {
    if (this.#pinned !== null && this.#captured - this.#pinned >= this.#frames) {
      this.#gap = true;
      this.#counters.dropped_frames++;
      return;
    }
    (this.#views[this.#captured % this.#frames] as Int16Array).set(pcm);
    this.#captured++;
  }

  /** The server said something: it is there, and has heard what came before. */
  alive(): void {
    if (this.#captured >= this.#doubtful) this.#alive = this.#captured;
  }

  /** `audioMs` counts the audio of the present session; undefined is about now. */
  started(itemId: string, audioMs: number | undefined): void {
    if (this.#find(itemId)) return;
    const known = audioMs === undefined ? this.#captured - UNHEARD_FRAMES : this.#at(audioMs);
    const start = Math.max(this.#settled, known);
    this.#doubtful = 0;
    this.#expecting = false;
    this.#utterances.push({ itemId, start, end: null, worded: false, responseId: null });
    const [oldest] = this.#utterances;
    if (oldest && this.#utterances.length > MAX_UTTERANCES) this.#settle((utterance) => utterance === oldest);
  }

  stopped(itemId: string, audioMs: number | undefined): void {
    const utterance = this.#find(itemId);
    if (utterance) utterance.end = audioMs === undefined ? this.#captured : this.#at(audioMs);
  }

  /** It is an item of the conversation now; said by hand it may not have had a beginning. */
  committed(itemId: string): void {
    if (!this.#find(itemId)) this.started(itemId, undefined);
    const utterance = this.#find(itemId);
    if (utterance) utterance.end ??= this.#captured;
  }

  /** Its words are known. */
  worded(itemId: string): void {
    const utterance = this.#find(itemId);
    if (utterance) utterance.worded = true;
  }

  /** A response began: it answers what was committed before. */
  answerBegan(responseId: string): void {
    for (const utterance of this.#utterances) if (utterance.end !== null) utterance.responseId ??= responseId;
  }

  /** A response ended, or all of it that matters is here: what it answers is settled. */
  answered(responseId: string): void {
    this.#settle((utterance) => utterance.responseId === responseId);
  }

  /**
   * The link is gone, or about to be left with the server known to be alive. Keeps from now on what has to be heard again.
   * True where words of the user that are told in writing were not answered.
   */
  linkLost(answers: boolean, serverIsAlive = false): boolean {
    if (this.#captured >= this.#doubtful) this.#expecting = false;
    if (serverIsAlive) this.#alive = this.#captured;
    const owed = answers && this.#utterances.some((utterance) => utterance.worded);
    this.#settle((utterance) => utterance.worded);
    for (const utterance of this.#utterances) utterance.responseId = null;
    if (this.#utterances.length > 0 || this.#expecting) this.#pinned ??= this.#rewind();
    return owed;
  }

  /**
   * A new session is ready: hands out, in order, what it has to hear before the present, and settles from where its time
   * counts; `queued` frames went before. `pauseMs` of silence stand for audio that did not fit. True where an utterance begins or goes on in it.
   */
  replay(
    queued: number,
    pauseMs: number,
    hear: (frame: Int16Array) => void,
  ): { frames: number; speech: boolean } {
    const speech = this.#utterances.length > 0 || this.#expecting;
    this.#expecting = speech;
    const from = this.#rewind();
    const missing = from - Math.max(0, this.#settled, this.#wanted());
    if (missing > 0) this.#counters.dropped_frames += missing;
    if (speech && missing > LEAD_FRAMES) this.#counters.cut_utterances++;
    let frames = 0;
    for (; from + frames < this.#captured; frames++)
      hear(this.#views[(from + frames) % this.#frames] as Int16Array);
    this.#pinned = null;
    for (let left = this.#gap ? Math.ceil(pauseMs / FRAME_MS) : 0; left > 0; left--, frames++) {
      this.frame(SILENCE);
      hear(SILENCE);
    }
    this.#gap = false;
    this.#utterances = [];
    this.#base = from - queued;
    this.#alive = from + UNHEARD_FRAMES;
    this.#doubtful = this.#captured + DOUBT_FRAMES;
    this.#counters.replayed_frames += frames;
    return { frames, speech };
  }

  /** Too old to be of interest: nothing has to be heard again. */
  forget(): void {
    this.#utterances = [];
    this.#expecting = false;
    this.#pinned = null;
    this.#gap = false;
    this.#settled = this.#captured;
  }

  /** An utterance is under way or waits for its answer. */
  get open(): boolean {
    return this.#utterances.length > 0;
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  /** Where a new session would have to begin to hear. */
  #wanted(): number {
    const [first] = this.#utterances.toSorted((a, b) => a.start - b.start);
    return first ? first.start - LEAD_FRAMES : this.#alive - UNHEARD_FRAMES;
  }

  /** Where it can begin, for what is kept. */
  #rewind(): number {
    const oldest = Math.max(0, this.#captured - this.#frames);
    return Math.min(this.#captured, Math.max(oldest, this.#settled, this.#wanted()));
  }

  #settle(done: (utterance: Utterance) => boolean): void {
    for (const utterance of this.#utterances)
      if (done(utterance)) this.#settled = Math.max(this.#settled, utterance.end ?? utterance.start);
    this.#utterances = this.#utterances.filter((utterance) => !done(utterance));
  }

  #at(audioMs: number): number {
    return Math.min(this.#captured, this.#base + Math.floor(audioMs / FRAME_MS));
  }

  #find(itemId: string): Utterance | undefined {
    return this.#utterances.find((utterance) => utterance.itemId === itemId);
  }
}

const SILENCE = new Int16Array(FRAME_SAMPLES);
