import { RATE_HZ } from "../audio/port.ts";
import type { Playback } from "../audio/port.ts";
import type { TopicName, Topics } from "../topics.ts";
import { newId } from "./events.ts";
import type { AudioDelta, ClientEvent } from "./events.ts";
import { RecentIds } from "./recent-ids.ts";

/** After its last item a response ends within this, ms, or has more to it. */
const MORE_MS = 300;

/** What an interruption has the server do to an item, so that the model remembers what was heard and no more. */
export interface Cut {
  itemId: string;
  /** Heard, whole milliseconds; 0 for an item that nobody heard: it is deleted. */
  playedMs: number;
}

/** What {@link AssistantSpeech} works with. */
export interface AssistantSpeechDeps {
  playback: Playback;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  /** Words of an item: so far, or all that were heard of it. */
  onWords?: (itemId: string, text: string) => void;
  /** What was heard of words that were cut off and said again. */
  onResumed?: (text: string) => void;
}

/** One item of the robot's answer. */
interface Utterance {
  itemId: string;
  responseId: string;
  samples: number;
  text: string;
  textDone: boolean;
  /** No more audio is written; the playback was told. */
  audioDone: boolean;
  /** Nothing more comes of the server. */
  ended: boolean;
  /** The loudspeaker has played all of it. */
  played: boolean;
  /** Its connection is gone: it cannot be cut at the server, and its end is missing. */
  orphan: boolean;
  /** Part of it is missing. */
  cutShort: boolean;
}

/**
 * What the robot says: deltas to the loudspeaker, words to `assistant.transcript`, and what is left of both when the
 * user breaks in. The final transcript comes when the item has been heard, not when it has been received.
 */
export class AssistantSpeech {
  readonly #playback: Playback;
  readonly #publish: AssistantSpeechDeps["publish"];
  readonly #onWords: AssistantSpeechDeps["onWords"];
  readonly #onResumed: (text: string) => void;
  /** The item of {@link AssistantSpeech.sayAgain}. */
  #resumed = "";
  readonly #utterances = new Map<string, Utterance>();
  readonly #cutResponses = new RecentIds();
  readonly #cutItems = new RecentIds();
  readonly #finished = new RecentIds();
  #begun = "";
  /** Response of which the last item is here in full, and since when. */
  #whole = "";
  #wholeAtMs = 0;
  readonly #undos: (() => void)[];
  readonly #counters = { deltas: 0, late_deltas: 0, interruptions: 0, truncated: 0, deleted: 0 };

  constructor({ playback, publish, onWords, onResumed = () => {} }: AssistantSpeechDeps) {
    this.#playback = playback;
    this.#onWords = onWords;
    this.#onResumed = onResumed;
    this.#publish = (topic, event) => {
      publish(topic, event);
      if (topic !== "assistant.transcript" || !onWords) return;
      const { item_id, text } = event as Topics["assistant.transcript"];
      onWords(item_id, text);
    };
    this.#undos = [
      playback.onStarted((item_id, played_at_ms) => publish("playback.started", { item_id, played_at_ms })),
      playback.onStopped((item_id, played_ms, reason) => {
        publish("playback.stopped", { item_id, played_ms, reason });
        const utterance = this.#utterances.get(item_id);
        if (!utterance || reason !== "finished") return;
        utterance.played = true;
        this.#settle(utterance);
      }),
    ];
  }

  /** True once the response was cut: nothing of it is heard or run any more. */
  isCut(responseId: string): boolean {
    return this.#cutResponses.has(responseId);
  }

  /**
   * True where all that was said in the response is here to the end, and nothing else seems to come of it: its end
   * follows that of its last item at once, so a silence in between was the beginning of something else.
   */
  isWhole(responseId: string): boolean {
    return this.#whole === responseId && performance.now() - this.#wholeAtMs < MORE_MS;
  }

  /** The response has more to it than what was said so far. */
  goesOn(responseId: string): void {
    if (this.#whole === responseId) this.#whole = "";
  }

  /** True where some of the response's words or sounds are here, and nobody broke in. */
  begun(responseId: string): boolean {
    if (this.isCut(responseId)) return false;
    return (
      this.#begun === responseId ||
      [...this.#utterances.values()].some((utterance) => utterance.responseId === responseId)
    );
  }

  cutResponse(responseId: string): void {
    this.#cutResponses.add(responseId);
  }

  audio({ responseId, itemId, pcm }: AudioDelta): void {
    if (this.#isLate(responseId, itemId)) {
      this.#counters.late_deltas++;
      return;
    }
    if (pcm.length === 0) return;
    const utterance = this.#find(responseId, itemId);
    if (utterance.audioDone) {
      this.#counters.late_deltas++;
      return;
    }
    this.#counters.deltas++;
    utterance.samples += pcm.length;
    this.#playback.write(itemId, pcm);
    if (this.#begun === responseId) return;
    this.#begun = responseId;
    this.#publish("response.first_audio", {
      response_id: responseId,
      item_id: itemId,
      received_at_ms: performance.now(),
    });
  }

  audioDone(itemId: string): void {
    const utterance = this.#utterances.get(itemId);
    if (!utterance) return;
    if (utterance.samples > 0) this.#isHere(utterance.responseId);
    this.#endAudio(utterance);
  }

  textDelta(responseId: string, itemId: string, delta: string): void {
    if (delta === "" || this.#isLate(responseId, itemId) || this.#finished.has(itemId)) return;
    const utterance = this.#find(responseId, itemId);
    if (utterance.textDone) return;
    utterance.text += delta;
    this.#publish("assistant.transcript", {
      item_id: itemId,
      text: utterance.text,
      final: false,
      interrupted: false,
    });
  }

  textDone(responseId: string, itemId: string, text: string): void {
    if (this.#isLate(responseId, itemId) || this.#finished.has(itemId)) return;
    const utterance = this.#find(responseId, itemId);
    utterance.text = text;
    utterance.textDone = true;
    this.#settle(utterance);
  }

  itemEnded(itemId: string): void {
    const utterance = this.#utterances.get(itemId);
    if (!utterance) return;
    this.#endAudio(utterance);
    if (!utterance.cutShort && (utterance.samples > 0 || utterance.text !== ""))
      this.#isHere(utterance.responseId);
    utterance.ended = true;
    this.#settle(utterance);
  }

  /** A server makes one response at a time: what it forgot to end of earlier ones must not hold up the new one. */
  responseBegan(responseId: string): void {
    for (const utterance of this.#utterances.values())
      if (utterance.responseId !== responseId) this.responseEnded(utterance.responseId);
  }

  responseEnded(responseId: string): void {
    for (const utterance of this.#utterances.values()) {
      if (utterance.responseId !== responseId) continue;
      utterance.textDone = true;
      this.itemEnded(utterance.itemId);
    }
  }

  /**
   * Silence, at once. Returns what the server has to forget, at most once for each item; the response that runs is
   * cut: what still comes of it is dropped.
   */
  silence(activeResponseId: string | null): Cut[] {
    const flushed = this.#playback.flush();
    if (activeResponseId !== null) this.#cutResponses.add(activeResponseId);
    const cuts: Cut[] = [];
    for (const utterance of this.#utterances.values()) {
      const { itemId } = utterance;
      const receivedMs = Math.floor((utterance.samples * 1000) / RATE_HZ);
      const reported = flushed?.itemId === itemId ? flushed.playedMs : 0;
      const playedMs = utterance.played
        ? receivedMs
        : Math.min(receivedMs, Math.max(0, Math.floor(reported)));
      if (utterance.ended && playedMs >= receivedMs) {
        this.#finish(utterance, utterance.text, utterance.cutShort);
        continue;
      }
      this.#cutItems.add(itemId);
      this.#counters.interruptions++;
      this.#publish("assistant.interrupted", { item_id: itemId, played_ms: playedMs });
      const spoken = utterance.samples > 0;
      this.#finish(utterance, this.wordsHeard(itemId, utterance.text, playedMs, receivedMs), true);
      if (!spoken || utterance.orphan) continue;
      this.#counters[playedMs > 0 ? "truncated" : "deleted"]++;
      cuts.push({ itemId, playedMs });
    }
    return cuts;
  }

  /** Begins to say what was cut off, as an item that only the robot knows: a cut of it is not told to the server. */
  protected sayAgain(itemId: string, text: string): void {
    this.#resumed = itemId;
    const utterance = this.#find(`resumed ${itemId}`, itemId);
    utterance.orphan = true;
    utterance.text = text;
    utterance.textDone = true;
  }

  /** More of what {@link sayAgain} says; nothing where that was cut. */
  protected goOn(itemId: string, text: string, pcm: Int16Array): void {
    const utterance = this.#utterances.get(itemId);
    if (!utterance) return;
    utterance.text += text;
    utterance.samples += pcm.length;
    if (pcm.length > 0) this.#playback.write(itemId, pcm);
  }

  /** There is no more of it. */
  protected endResumed(itemId: string): void {
    const utterance = this.#utterances.get(itemId);
    if (!utterance) return;
    this.#endAudio(utterance);
    utterance.ended = true;
    this.#settle(utterance);
  }

  /** The link is gone. What was received is still played; an answer without its end counts as interrupted. */
  linkLost(): void {
    for (const utterance of this.#utterances.values()) {
      utterance.cutShort ||= !utterance.ended && (!utterance.audioDone || utterance.samples === 0);
      utterance.textDone = true;
      this.itemEnded(utterance.itemId);
    }
    for (const utterance of this.#utterances.values()) utterance.orphan = true;
  }

  close(): void {
    for (const undo of this.#undos) undo();
    this.#utterances.clear();
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  /** The link is gone in the middle of an item's sound: words that are ahead of it are not said any more. */
  protected breakOff(itemId: string): void {
    const utterance = this.#utterances.get(itemId);
    if (!utterance) return;
    const receivedMs = Math.floor((utterance.samples * 1000) / RATE_HZ);
    utterance.text = receivedMs > 0 ? this.wordsHeard(itemId, utterance.text, receivedMs, receivedMs) : "";
    utterance.cutShort = true;
    this.#onWords?.(itemId, utterance.text);
  }

  /** What of an item's words counts as heard when it is cut; words that nobody speaks are read, and count. */
  protected wordsHeard(_itemId: string, text: string, playedMs: number, receivedMs: number): string {
    return receivedMs > 0 ? heardText(text, playedMs, receivedMs) : text;
  }

  #isHere(responseId: string): void {
    this.#whole = responseId;
    this.#wholeAtMs = performance.now();
  }

  #isLate(responseId: string, itemId: string): boolean {
    return this.#cutResponses.has(responseId) || this.#cutItems.has(itemId);
  }

  #find(responseId: string, itemId: string): Utterance {
    let utterance = this.#utterances.get(itemId);
    if (!utterance) {
      utterance = {
        itemId,
        responseId,
        samples: 0,
        text: "",
        textDone: false,
        audioDone: false,
        ended: false,
        played: false,
        orphan: false,
        cutShort: false,
      };
      if (this.#whole === responseId) this.#whole = "";
      this.#utterances.set(itemId, utterance);
    }
    return utterance;
  }

  #endAudio(utterance: Utterance): void {
    if (utterance.audioDone) return;
    utterance.audioDone = true;
    if (utterance.samples > 0) this.#playback.end(utterance.itemId);
  }

  /** Publishes the final transcript once all of it is known and heard, or nobody plays it. */
  #settle(utterance: Utterance): void {
    if (!utterance.ended || !utterance.textDone) return;
    if (utterance.samples > 0 && !utterance.played && this.#playback.active) return;
    this.#finish(utterance, utterance.text, utterance.cutShort);
  }

  #finish(utterance: Utterance, text: string, interrupted: boolean): void {
    this.#utterances.delete(utterance.itemId);
    this.#finished.add(utterance.itemId);
    this.#publish("assistant.transcript", { item_id: utterance.itemId, text, final: true, interrupted });
    if (utterance.itemId === this.#resumed && text.trim() !== "") this.#onResumed(text);
  }
}

/** What a cut asks of the server. */
export function cutEvent({ itemId, playedMs }: Cut): ClientEvent {
  const eventId = newId("event");
  return playedMs > 0
    ? { type: "truncate_item", eventId, itemId, playedMs }
    : { type: "delete_item", eventId, itemId };
}

/**
 * The words that were plausibly heard: the share of the text that was played of the audio received, cut back to whole
 * words. Words and samples are not aligned by the server, so a word more or less is possible.
 */
export function heardText(text: string, playedMs: number, receivedMs: number): string {
  if (receivedMs <= 0 || playedMs <= 0) return "";
  const length = Math.floor(text.length * Math.min(1, playedMs / receivedMs));
  if (length >= text.length) return text;
  const end = /\s/.test(text.charAt(length)) ? length : text.lastIndexOf(" ", length);
  return text.slice(0, Math.max(0, end)).trimEnd();
}
