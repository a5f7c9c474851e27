import { readFileSync } from "node:fs";
import { MynaError, RATE_HZ, decodeWav } from "myna";
import type { PluginContext } from "myna";
import type { Utterance } from "./script.ts";

/** A sentence becomes speech within this time, milliseconds; a service that hangs must not hold up the next one. */
const SPEECH_LIMIT_MS = 15_000;
/** The microphone may lag behind the length of the sound by this much before it counts as dead. */
const FEED_SLACK_MS = 5000;

/** A sentence for which there is no voice at the moment is tried again so often, milliseconds. */
const AGAIN_MS = 250;
/** What may set the robot in motion is not said when it is older than this, milliseconds. */
const FRESH_MS = 5000;
/** Nothing is said that is older than this, milliseconds. */
const KEPT_MS = 30_000;
/** Questions about something: no order in them that a robot would carry out late. */
const HARMLESS = /^(what|who|whose|where|when|why|which|how|tell me)\b/i;
const MOVES =
  /\b(driv|mov|go|come|turn|spin|roll|revers|back|forward|left|right|steer|follow|dance|look|faster|slower|start|stop)/i;

/** Brings utterances to the robot: as sound into its microphone, or in writing where it has no ears. */
export class Utterer {
  readonly #ctx: Pick<PluginContext, "audio" | "session" | "use" | "has" | "after">;
  readonly #voice: string | undefined;
  readonly #hint: (text: string) => void;
  readonly #now: () => number;
  #hinted = false;
  /** Gives up the sentence that is kept until there is a voice again. */
  #giveUp: () => void = () => {};
  /** One utterance is in the microphone at a time. */
  #last: Promise<void> = Promise.resolve();
  #abort = new AbortController();

  /** `hint` is told what becomes of a sentence that cannot be spoken now. */
  constructor(
    ctx: Pick<PluginContext, "audio" | "session" | "use" | "has" | "after">,
    voice: string | undefined,
    hint: (text: string) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#ctx = ctx;
    this.#voice = voice;
    this.#hint = hint;
    this.#now = now;
  }

  /**
   * Resolves when the last sound is in the microphone, or when it was dropped; rejects with a MynaError that says what is
   * wrong, but not with which utterance.
   */
  utter(utterance: Utterance): Promise<void> {
    const { signal } = this.#abort;
    const saidAtMs = this.#now();
    // One is kept at most: the latest.
    this.#giveUp();
    const turn = this.#last.then(() =>
      signal.aborted ? undefined : this.#bring(utterance, saidAtMs, signal),
    );
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Drops what is being spoken, to the last sample, and what waits behind it. */
  drop(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
  }

  async #bring({ kind, value }: Utterance, saidAtMs: number, signal: AbortSignal): Promise<void> {
    const deaf = this.#deafness();
    if (kind === "wav") {
      if (deaf !== undefined) throw new MynaError("SPEECH_UNAVAILABLE", deaf);
      return await this.#feed(readWav(value), signal);
    }
    const mute = this.#ctx.has("speech") ? undefined : "no plugin can speak a typed sentence";
    const written = deaf ?? mute;
    if (written !== undefined) {
      if (!this.#hinted)
        this.#hint(`${written.replace(/\.$/, "")}; what you type goes to the robot in writing`);
      this.#hinted = true;
      return this.#ctx.session.sendText(value);
    }
    const dropped = Promise.withResolvers<undefined>();
    signal.addEventListener("abort", () => dropped.resolve(undefined), { once: true });
    const pcm = await Promise.race([this.#speech(value, saidAtMs, signal), dropped.promise]);
    if (pcm && !signal.aborted) await this.#feed(pcm, signal);
  }

  /** The sentence as sound; where the voice is gone for a moment, as its process is started again, a little later. */
  async #speech(text: string, saidAtMs: number, signal: AbortSignal): Promise<Int16Array | undefined> {
    const slow = new MynaError("SPEECH_UNAVAILABLE", "the voice did not speak it in time; say it again");
    const given = Promise.withResolvers<boolean>();
    for (let kept = false; ;) {
      try {
        const spoken = this.#ctx.use("speech").synthesize(text, this.#voice);
        const pcm = await this.#within(SPEECH_LIMIT_MS, spoken, slow);
        const ageMs = this.#now() - saidAtMs;
        if (ageMs > (HARMLESS.test(text) && !MOVES.test(text) ? KEPT_MS : FRESH_MS) && kept)
          throw new MynaError(
            "SPEECH_UNAVAILABLE",
            "the robot is back, but this is too old by now; say it again",
          );
        return pcm;
      } catch (thrown) {
        const error = MynaError.from(thrown, "SPEECH_UNAVAILABLE");
        if (error.code !== "SERVICE_UNAVAILABLE" || signal.aborted) throw error;
        if (this.#now() - saidAtMs > KEPT_MS) throw error;
        if (!kept) this.#hint("the robot's voice is gone; what you typed is said when it is back soon");
        kept = true;
        this.#giveUp = () => given.resolve(false);
        const again = Promise.withResolvers<boolean>();
        const cancel = this.#ctx.after(AGAIN_MS, () => again.resolve(true));
        const goesOn = await Promise.race([again.promise, given.promise]);
        cancel();
        if (!goesOn)
          throw new MynaError("SPEECH_UNAVAILABLE", "the voice was gone, and you said something else");
        if (signal.aborted) return undefined;
      }
    }
  }

  /** Why the robot cannot hear; undefined when it can. */
  #deafness(): string | undefined {
    if (!this.#ctx.has("brain")) return undefined;
    const { available, hint } = this.#ctx.use("brain").hearing();
    return available ? undefined : (hint ?? "the robot has no speech recogniser");
  }

  async #feed(pcm: Int16Array, signal: AbortSignal): Promise<void> {
    const limitMs = (pcm.length * 1000) / RATE_HZ + FEED_SLACK_MS;
    const message = `the microphone did not take the sound within ${Math.round(limitMs / 1000)} s: is there a microphone plugin in the profile?`;
    await this.#within(limitMs, this.#ctx.audio.feed(pcm, signal), new MynaError("DEVICE_FAILED", message));
  }

  /** What `work` gives; rejects with `late` when it takes longer. */
  async #within<T>(limitMs: number, work: Promise<T>, late: MynaError): Promise<T> {
    const limit = Promise.withResolvers<never>();
    const cancel = this.#ctx.after(limitMs, () => limit.reject(late));
    try {
      return await Promise.race([work, limit.promise]);
    } finally {
      cancel();
    }
  }
}

function readWav(file: string): Int16Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const message = missing ? "there is no such file" : `cannot be read: ${(cause as Error).message}`;
    throw new MynaError(missing ? "CONFIG_NOT_FOUND" : "CONFIG_INVALID", message, { cause });
  }
  return decodeWav(bytes).pcm;
}
