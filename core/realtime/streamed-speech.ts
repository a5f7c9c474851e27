import { AssistantSpeech, heardText } from "./assistant-speech.ts";
import type { AssistantSpeechDeps, Cut } from "./assistant-speech.ts";
import type { AudioDelta, ServerEvent } from "./events.ts";
import { RecentIds } from "./recent-ids.ts";

/** How long sound may still be on its way when the server says that its queue is empty: event and packet race. */
const LAST_PACKETS_MS = 200;
/** A response that was cut, or whose end is known, lasts at most so long without a sound and without word of the queue. */
const MUTE_MS = 3000;
/** Samples as small as these are what a codec makes of silence. */
const SILENCE = 32;
/** How fast a voice speaks where the length of its sound is not known: 150 words a minute. */
const CHARACTERS_PER_S = 15;

/** The sound of one response, from its announcement until the server's queue of it is empty. */
interface Sounding {
  responseId: string;
  /** The item that the sound counts for: the first one of the response that speaks. */
  itemId: string;
  /** Something was heard of it, or the server says that it began. */
  begun: boolean;
  /** The server's queue is empty: sound goes on until the next silence. */
  over: boolean;
  /** What the server has said to be complete meanwhile; told on when the sound is. */
  itemEnded: boolean;
  responseEnded: boolean;
  lastSoundMs: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Speech that a server streams at the pace it is heard, on a track beside the events, out of a queue of its own
 * (WebRTC). Sound does not say whose it is: it counts for the oldest response that was announced and is not over. The
 * ends of items and responses, which events tell long before, take effect when the sound has ended. With servers that
 * send sound in events it is plain {@link AssistantSpeech}.
 */
export class StreamedSpeech extends AssistantSpeech {
  readonly #flushServer: () => void;
  /** Oldest first. */
  readonly #soundings: Sounding[] = [];
  /** Responses that the server has thrown away. */
  readonly #cleared = new RecentIds();
  /** One for all frames. */
  readonly #delta: AudioDelta = { type: "audio", responseId: "", itemId: "", pcm: new Int16Array(0) };
  #streams = false;
  readonly #counts = { streamed_frames: 0, unclaimed_frames: 0 };

  /** `flushServer` empties the server's queue. */
  constructor(deps: AssistantSpeechDeps, flushServer: () => void) {
    super(deps);
    this.#flushServer = flushServer;
  }

  /** True for events that are about nothing but the robot's sound and words. */
  receive(event: ServerEvent): boolean {
    switch (event.type) {
      case "audio":
        this.audio(event);
        return true;
      case "audio_done":
        this.audioDone(event.itemId);
        return true;
      case "speech_announced":
        this.announced(event.responseId, event.itemId);
        return true;
      case "call_announced":
        this.goesOn(event.responseId);
        return true;
      case "output_buffer":
        this.outputBuffer(event.responseId, event.change);
        return true;
      case "text_delta":
        this.textDelta(event.responseId, event.itemId, event.delta);
        return true;
      case "text_done":
        this.textDone(event.responseId, event.itemId, event.text);
        return true;
      default:
        return false;
    }
  }

  /** The server keeps the queue of its sound. */
  protected get streams(): boolean {
    return this.#streams;
  }

  /** A connection is ready. */
  begin(ownsOutputBuffer: boolean): void {
    this.#drop();
    this.#streams = ownsOutputBuffer;
  }

  /** An item is going to speak. */
  announced(responseId: string, itemId: string): void {
    if (!this.#streams || this.#of(responseId)) return;
    this.#expect(responseId, itemId);
    // By a second time the server may be at the next response, which would be thrown away instead.
    if (this.isCut(responseId) && !this.#cleared.has(responseId)) this.#flushServer();
  }

  /** 20 ms or more of the track, PCM16 mono 24 kHz, borrowed. Silence before an answer and between two is left out. */
  sound(pcm: Int16Array): void {
    const sounding = this.#soundings[0];
    const silent = isSilent(pcm);
    if (!sounding) {
      if (!silent) this.#counts.unclaimed_frames++;
      return;
    }
    if (silent && sounding.over) {
      this.#finish(sounding);
      return;
    }
    if (silent && !sounding.begun) return;
    sounding.begun = true;
    if (!silent) sounding.lastSoundMs = performance.now();
    this.#counts.streamed_frames++;
    this.#delta.responseId = sounding.responseId;
    this.#delta.itemId = sounding.itemId;
    this.#delta.pcm = pcm;
    this.audio(this.#delta);
  }

  /** What the server says of its queue. */
  outputBuffer(responseId: string, change: "started" | "stopped" | "cleared"): void {
    if (!this.#streams) return;
    if (change === "started") {
      // One at a time: what sounded before is over. A server that announces nothing is heard all the same.
      const sounding = this.#of(responseId) ?? this.#expect(responseId, responseId);
      for (const other of [...this.#soundings]) if (other !== sounding && other.begun) this.#finish(other);
      this.#soundings.splice(this.#soundings.indexOf(sounding), 1);
      this.#soundings.unshift(sounding);
      sounding.begun = true;
      return;
    }
    if (change === "cleared") this.#cleared.add(responseId);
    const sounding = this.#of(responseId);
    if (!sounding) return;
    sounding.over = true;
    if (change === "cleared" || !sounding.begun) this.#finish(sounding);
    else this.#check(sounding, LAST_PACKETS_MS, () => true);
  }

  override audioDone(itemId: string): void {
    if (!this.#soundings.some((one) => one.itemId === itemId)) super.audioDone(itemId);
  }

  override itemEnded(itemId: string): void {
    const sounding = this.#soundings.find((one) => one.itemId === itemId);
    if (sounding) sounding.itemEnded = true;
    else super.itemEnded(itemId);
  }

  override responseEnded(responseId: string): void {
    const sounding = this.#of(responseId);
    if (!sounding) {
      super.responseEnded(responseId);
      return;
    }
    sounding.responseEnded = true;
    this.#awaitMute(sounding);
  }

  override silence(activeResponseId: string | null): Cut[] {
    if (!this.#streams) return super.silence(activeResponseId);
    for (const { responseId } of this.#soundings) this.cutResponse(responseId);
    super.silence(activeResponseId);
    for (const sounding of this.#soundings) this.#awaitMute(sounding);
    // The server knows what it has sent, and truncates by itself.
    return [];
  }

  /** Has the server throw away what it has not sent yet, where it keeps that; after `response.cancel`. */
  flushServer(): void {
    if (this.#streams && this.#soundings.length > 0) this.#flushServer();
  }

  /** True where the server has told all of an answer, and its sound is still on the way: it is lost with the link. */
  get unsounded(): boolean {
    return this.#soundings.some((one) => one.responseEnded && !one.over && !this.isCut(one.responseId));
  }

  override linkLost(): void {
    for (const { itemId, over } of this.#soundings) if (!over) this.breakOff(itemId);
    this.#drop();
    super.linkLost();
  }

  override close(): void {
    this.#drop();
    super.close();
  }

  override counters(): Record<string, number> {
    return this.#streams ? { ...super.counters(), ...this.#counts } : super.counters();
  }

  protected override wordsHeard(itemId: string, text: string, playedMs: number, receivedMs: number): string {
    const sounding = this.#soundings.find((one) => one.itemId === itemId);
    // The words are ahead of the sound, and how long the sound will be is not known.
    const lengthMs = sounding ? Math.max(receivedMs, (text.length * 1000) / CHARACTERS_PER_S) : receivedMs;
    return sounding
      ? heardText(text, playedMs, lengthMs)
      : super.wordsHeard(itemId, text, playedMs, receivedMs);
  }

  #of(responseId: string): Sounding | undefined {
    return this.#soundings.find((one) => one.responseId === responseId);
  }

  #expect(responseId: string, itemId: string): Sounding {
    const sounding: Sounding = {
      responseId,
      itemId,
      begun: false,
      over: false,
      itemEnded: false,
      responseEnded: false,
      lastSoundMs: performance.now(),
      timer: undefined,
    };
    this.#soundings.push(sounding);
    return sounding;
  }

  /** A server that never tells of its queue shall not hold an answer open for ever. */
  #awaitMute(sounding: Sounding): void {
    const isMute = () =>
      this.#soundings[0] === sounding && performance.now() - sounding.lastSoundMs >= MUTE_MS;
    this.#check(sounding, MUTE_MS, isMute);
  }

  #check(sounding: Sounding, everyMs: number, isOver: () => boolean): void {
    clearTimeout(sounding.timer);
    sounding.timer = setTimeout(() => {
      if (isOver()) this.#finish(sounding);
      else this.#check(sounding, everyMs, isOver);
    }, everyMs);
  }

  #finish(sounding: Sounding): void {
    const at = this.#soundings.indexOf(sounding);
    if (at < 0) return;
    clearTimeout(sounding.timer);
    this.#soundings.splice(at, 1);
    super.audioDone(sounding.itemId);
    if (sounding.itemEnded) super.itemEnded(sounding.itemId);
    if (sounding.responseEnded) super.responseEnded(sounding.responseId);
  }

  #drop(): void {
    for (const { timer } of this.#soundings.splice(0)) clearTimeout(timer);
  }
}

function isSilent(pcm: Int16Array): boolean {
  for (let at = 0; at < pcm.length; at++) {
    const sample = pcm[at]!;
    if (sample > SILENCE || sample < -SILENCE) return false;
  }
  return true;
}
