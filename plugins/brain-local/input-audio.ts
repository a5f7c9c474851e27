import { newId } from "./ids.ts";
import { RATE_HZ, SAMPLES_PER_MS, toMs } from "./pcm.ts";
import { Refusal } from "./refusal.ts";
import { SampleStore } from "./sample-store.ts";
import { prefixMsOf, silenceMsOf, type TurnDetection } from "./session-config.ts";
import { Vad, VAD_FRAME } from "./vad.ts";

/** Less than this cannot be committed, samples. */
const MIN_COMMIT = 100 * SAMPLES_PER_MS;
/** Audio that may wait for a commit, samples: ten minutes. */
const MAX_WAITING = 10 * 60 * RATE_HZ;

/** What the buffer tells the session. Arrays are handed over. */
export interface InputListener {
  /** An utterance begins; `itemId` is of the user item to come. */
  utteranceStarted(itemId: string): void;
  /** More of it. */
  utteranceAudio(pcm: Int16Array): void;
  /** It was cleared away, or turn detection was switched; its audio may come again in another one. */
  utteranceDropped(): void;
  speechStarted(itemId: string, audioStartMs: number): void;
  speechStopped(itemId: string, audioEndMs: number): void;
  /** The utterance is complete and becomes the user item. */
  committed(itemId: string, pcm: Int16Array<ArrayBuffer>, by: "client" | "vad"): void;
}

/**
 * The input audio buffer of a session, with VAD when `turn_detection` is set. Positions count the samples appended in
 * the session, never time.
 */
export class InputAudio {
  #listener: InputListener;
  #turn: TurnDetection | null;
  #store = new SampleStore();
  #vad: Vad;
  /** First sample that the VAD has not seen. */
  #cursor = 0;
  /** First sample since the last commit or clear. */
  #uncommitted = 0;
  /** Position and item id of the utterance under way. */
  #utterance: { start: number; itemId: string } | null = null;

  constructor(turn: TurnDetection | null, listener: InputListener) {
    this.#listener = listener;
    this.#turn = turn;
    this.#vad = new Vad(vadSettings(turn));
  }

  /** True while an utterance is under way. */
  get listening(): boolean {
    return this.#utterance !== null;
  }

  configure(turn: TurnDetection | null): void {
    if ((turn === null) !== (this.#turn === null)) {
      if (this.#utterance) this.#listener.utteranceDropped();
      this.#utterance = null;
      this.#vad.reset();
      this.#cursor = this.#store.end;
    }
    this.#turn = turn;
    this.#vad.configure(vadSettings(turn));
  }

  append(pcm: Int16Array): void {
    if (this.#store.end - this.#store.start + pcm.length > MAX_WAITING) {
      throw new Refusal("invalid_value", "The input audio buffer is full; commit or clear it.", "audio");
    }
    this.#store.append(pcm);
    if (this.#turn) this.#detect(this.#turn);
    else if (this.#utterance) this.#listener.utteranceAudio(pcm);
    else this.#beginWithWaiting();
  }

  /** By the client; a Refusal below 100 ms. */
  commit(): void {
    const samples = this.#store.end - this.#uncommitted;
    if (samples < MIN_COMMIT) {
      const text = `Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, but buffer only has ${(samples / SAMPLES_PER_MS).toFixed(2)}ms of audio.`;
      throw new Refusal("input_audio_buffer_commit_empty", text);
    }
    if (!this.#utterance) this.#beginWithWaiting();
    this.#vad.reset();
    this.#commit(this.#store.end, "client");
  }

  clear(): void {
    if (this.#utterance) this.#listener.utteranceDropped();
    this.#utterance = null;
    this.#vad.reset();
    this.#forget(this.#store.end);
  }

  #beginWithWaiting(): void {
    const { start } = this.#begin(Math.max(this.#uncommitted, this.#store.start));
    this.#listener.utteranceAudio(this.#store.slice(start, this.#store.end));
  }

  #begin(start: number): { start: number; itemId: string } {
    this.#utterance = { start, itemId: newId("item") };
    this.#listener.utteranceStarted(this.#utterance.itemId);
    return this.#utterance;
  }

  #detect(turn: TurnDetection): void {
    while (this.#cursor + VAD_FRAME <= this.#store.end) {
      const frame = this.#store.view(this.#cursor, this.#cursor + VAD_FRAME);
      const change = this.#vad.process(frame);
      const before = this.#cursor;
      this.#cursor += VAD_FRAME;
      if (change === "started" && !this.#utterance) this.#speechStarts(turn);
      else if (this.#utterance) this.#listener.utteranceAudio(this.#store.slice(before, this.#cursor));
      if (change === "stopped" && this.#utterance) {
        this.#listener.speechStopped(this.#utterance.itemId, toMs(this.#cursor));
        this.#commit(this.#cursor, "vad");
      }
    }
    if (!this.#utterance) this.#forgetSilence(turn);
  }

  /** Keeps what an onset may reach back to; in strides, since forgetting moves what is kept. */
  #forgetSilence(turn: TurnDetection): void {
    const reach = (prefixMsOf(turn) + this.#vad.onsetFrames * 20) * SAMPLES_PER_MS;
    const kept = Math.max(reach, RATE_HZ);
    if (this.#cursor - this.#store.start > 2 * kept) this.#store.forget(this.#cursor - kept);
  }

  #speechStarts(turn: TurnDetection): void {
    const onset = this.#cursor - this.#vad.onsetFrames * VAD_FRAME;
    const start = Math.max(onset - prefixMsOf(turn) * SAMPLES_PER_MS, this.#uncommitted, this.#store.start);
    const { itemId } = this.#begin(start);
    this.#listener.speechStarted(itemId, toMs(start));
    this.#listener.utteranceAudio(this.#store.slice(start, this.#cursor));
  }

  #commit(end: number, by: "client" | "vad"): void {
    const utterance = this.#utterance;
    if (!utterance) return;
    this.#utterance = null;
    const pcm = this.#store.slice(utterance.start, end);
    this.#forget(end);
    this.#listener.committed(utterance.itemId, pcm, by);
  }

  #forget(end: number): void {
    this.#store.forget(end);
    this.#uncommitted = end;
    this.#cursor = Math.max(this.#cursor, end);
  }
}

function vadSettings(turn: TurnDetection | null): { threshold: number; silenceMs: number } {
  if (!turn) return { threshold: 0.5, silenceMs: 500 };
  return { threshold: turn.type === "server_vad" ? turn.threshold : 0.5, silenceMs: silenceMsOf(turn) };
}
