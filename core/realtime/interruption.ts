import type { TopicName, Topics } from "../topics.ts";
import type { InterruptionConfig } from "./interruption-config.ts";
import { newId } from "./events.ts";
import type { KeptSpeech, Rest } from "./kept-speech.ts";

/** How loud the robot is while it is not known whether somebody interrupts it. */
const DUCK_GAIN = 0.1;
const DUCK_RAMP_MS = 20;
/** Without `min_speech_ms`, how long speech must last in mode `duck`. */
const DUCK_CONFIRM_MS = 250;
/** A shorter rest than this is no interruption worth counting. */
const LEAST_MS = 500;
/** Items whose words are known. */
const REMEMBERED = 16;

/** What {@link Interruption} works with. */
export interface InterruptionDeps {
  config: InterruptionConfig;
  speech: KeptSpeech;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
  /** The robot is silent at once, and the server told what was heard. */
  cut: () => void;
  /** Cancels the answer that runs or is about to. */
  cancel: () => void;
  /** Says what was cut off, and what came since, as an item that the server does not know; answers how much, ms: 0 for none. */
  say: (itemId: string, text: string, pcm: Int16Array) => number;
}

/**
 * What becomes of the robot's speech when somebody speaks over it: cut or quieter at once, spoken on when it was a cough, a
 * "mhm" or nothing.
 */
export class Interruption {
  readonly #deps: InterruptionDeps;
  readonly #backChannel: ReadonlySet<string>;
  readonly #undos: (() => void)[];
  /** When the robot began to speak after silence. */
  #startedAtMs = -Infinity;
  #audible = false;
  /** Somebody speaks. */
  #heard = false;
  #ducked = false;
  /** The answer that the server gives at the moment. */
  #answering = "";
  /** The answer that was cut. */
  #cutAnswer = "";
  #beganAtMs = 0;
  #confirm: ReturnType<typeof setTimeout> | undefined;
  #resume: ReturnType<typeof setTimeout> | undefined;
  /** What was flushed in this turn of the event loop, or earlier where there was nothing left to flush. */
  #flushed: Rest | null = null;
  #fresh = false;
  /** What was cut off and may be said yet. */
  #cutOff: Rest | null = null;
  /** The item that says what was cut off. */
  #resumedId = "";
  /** By item: all of its words, and those of the last announcement. */
  readonly #words = new Map<string, { all: string; last: string }>();
  readonly #counters = {
    interruptions: 0,
    ducked: 0,
    restored: 0,
    too_short: 0,
    warm_up_waits: 0,
    back_channels: 0,
    false_interruptions: 0,
    /** From the beginning of speech to the order to be silent. */
    barge_in_ms_sum: 0,
    barge_in_ms_max: 0,
  };

  constructor(deps: InterruptionDeps) {
    this.#deps = deps;
    this.#backChannel = new Set(deps.config.back_channel.map(plain));
    this.#undos = [
      deps.speech.onStarted((itemId, atMs) => {
        if (!this.#audible) this.#startedAtMs = atMs;
        this.#audible = true;
        if (itemId !== this.#resumedId) this.forget();
      }),
      deps.speech.onStopped((_, __, reason) => {
        this.#audible = reason === "finished" && deps.speech.active;
      }),
      deps.speech.onFlushed((rest) => {
        // Whoever flushes without a cause that is known here wants silence.
        this.#fresh = rest !== null && rest.restMs >= LEAST_MS;
        this.#flushed = rest ?? this.#cutOff;
        this.#cutOff = null;
        queueMicrotask(() => void (this.#flushed = null));
      }),
    ];
  }

  /** The robot's own ears hear the beginning of speech that was at `atMs`. */
  began(atMs: number): void {
    const { config, speech } = this.#deps;
    clearTimeout(this.#resume);
    this.#heard = true;
    if (this.#confirm !== undefined) return;
    this.#beganAtMs = atMs;
    const { mode, min_speech_ms = mode === "duck" ? DUCK_CONFIRM_MS : 0 } = config;
    const warmUpMs = speech.active ? this.#startedAtMs + config.warm_up_ms - performance.now() : 0;
    if (warmUpMs > 0) this.#counters.warm_up_waits++;
    else if (mode === "duck" && speech.active) this.#duck();
    const waitMs = Math.max(min_speech_ms, warmUpMs);
    if (waitMs <= 0) this.#cut();
    else this.#confirm = setTimeout(() => this.#cut(), waitMs);
  }

  /** The server hears speech, and the session has silenced the robot already. */
  serverBegan(): void {
    clearTimeout(this.#resume);
    this.#heard = true;
    this.#stopWaiting();
    this.#unduck();
    if (!this.#flushed) return;
    if (this.#fresh) this.#counters.interruptions++;
    this.#cutOff = this.#flushed;
  }

  /** The end of speech. */
  ended(): void {
    this.#heard = false;
    if (this.#confirm !== undefined) {
      this.#counters.too_short++;
      if (this.#ducked) this.#counters.restored++;
      this.#stopWaiting();
      this.#unduck();
    }
    this.#awaitResume();
  }

  /** The server began an answer, or, with "", ended one. */
  answering(responseId: string): void {
    this.#answering = responseId;
  }

  /** What the user said, as far as it is known. */
  words(text: string, final: boolean): void {
    if (!this.#cutOff) return;
    const words = plain(text).split(" ").filter(Boolean);
    if (words.some((word) => !this.#backChannel.has(word))) {
      this.forget();
    } else if (final) {
      if (words.length > 0) this.#counters.back_channels++;
      const cut = this.#cutOff;
      this.#deps.cancel();
      this.#cutOff = cut;
      this.#speakOn();
    }
  }

  /** The robot's words: of an item so far, or at last those that were heard. */
  said(itemId: string, text: string): void {
    const known = this.#words.get(itemId);
    const all = known && known.all.length > text.length ? known.all : text;
    this.#words.set(itemId, { all, last: text });
    for (const id of this.#words.keys()) {
      if (this.#words.size <= REMEMBERED) break;
      this.#words.delete(id);
    }
  }

  /** What was cut off stays so: somebody answered, or wants silence. */
  forget(): void {
    clearTimeout(this.#resume);
    this.#cutOff = null;
  }

  close(): void {
    for (const undo of this.#undos) undo();
    this.#stopWaiting();
    this.forget();
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  #duck(): void {
    this.#ducked = true;
    this.#counters.ducked++;
    this.#deps.speech.duck(DUCK_GAIN, DUCK_RAMP_MS);
  }

  #unduck(): void {
    if (this.#ducked) this.#deps.speech.duck(1, DUCK_RAMP_MS);
    this.#ducked = false;
  }

  #cut(): void {
    this.#stopWaiting();
    const audible = this.#deps.speech.active;
    if (audible) this.#cutAnswer = this.#answering;
    this.#deps.cut();
    this.#unduck();
    this.#cutOff = this.#flushed;
    if (!audible) return;
    this.#counters.interruptions++;
    const tookMs = Math.round(performance.now() - this.#beganAtMs);
    this.#counters.barge_in_ms_sum += tookMs;
    this.#counters.barge_in_ms_max = Math.max(this.#counters.barge_in_ms_max, tookMs);
  }

  /** After the cut every item has been announced once more, with the words that were heard. */
  #unheard(itemIds: string[]): string {
    return itemIds
      .map((id) => this.#words.get(id))
      .map((words) => (words && words.last !== words.all ? words.all.slice(words.last.length) : ""))
      .join(" ")
      .trim();
  }

  #awaitResume(): void {
    const { resume_after_ms } = this.#deps.config;
    clearTimeout(this.#resume);
    if (!this.#cutOff || resume_after_ms === 0) return;
    this.#resume = setTimeout(() => {
      if (!this.#heard && (this.#answering === "" || this.#answering === this.#cutAnswer)) this.#speakOn();
    }, resume_after_ms);
  }

  #speakOn(): void {
    const cut = this.#cutOff;
    this.forget();
    if (!cut || this.#deps.speech.active || this.#deps.config.resume_after_ms === 0) return;
    const itemId = newId("item");
    this.#resumedId = itemId;
    const restMs = this.#deps.say(itemId, this.#unheard(cut.itemIds), cut.pcm);
    if (restMs === 0) return;
    this.#counters.false_interruptions++;
    this.#deps.publish("assistant.resumed", {
      item_id: itemId,
      interrupted_item_id: cut.itemIds[0] ?? "",
      rest_ms: restMs,
    });
  }

  #stopWaiting(): void {
    clearTimeout(this.#confirm);
    this.#confirm = undefined;
  }
}

/** Lower case, without what is not a letter, a digit or a hyphen; words between single blanks. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s-]/gu, "")
    .replace(/\s+/g, " ")
    .trim();
}
