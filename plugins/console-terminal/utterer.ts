import { readFileSync } from "node:fs";
import { MynaError, RATE_HZ, decodeWav } from "myna";
import type { PluginContext } from "myna";
import type { Utterance } from "./script.ts";

/** A sentence becomes speech within this time, milliseconds; a service that hangs must not hold up the next one. */
const SPEECH_LIMIT_MS = 15_000;
/** The microphone may lag behind the length of the sound by this much before it counts as dead. */
const FEED_SLACK_MS = 5000;

/** Brings utterances to the robot: as sound into its microphone, or in writing where it has no ears. */
export class Utterer {
  readonly #ctx: Pick<PluginContext, "audio" | "session" | "use" | "has" | "after">;
  readonly #voice: string | undefined;
  readonly #hint: (text: string) => void;
  #hinted = false;
  /** One utterance is in the microphone at a time. */
  #last: Promise<void> = Promise.resolve();

  /** `hint` is told once why sentences go to the robot in writing. */
  constructor(
    ctx: Pick<PluginContext, "audio" | "session" | "use" | "has" | "after">,
    voice: string | undefined,
    hint: (text: string) => void,
  ) {
    this.#ctx = ctx;
    this.#voice = voice;
    this.#hint = hint;
  }

  /** Resolves when the last sound is in the microphone; rejects with a MynaError that says what is wrong, but not with which utterance. */
  utter(utterance: Utterance): Promise<void> {
    const turn = this.#last.then(() => this.#bring(utterance));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #bring({ kind, value }: Utterance): Promise<void> {
    const deaf = this.#deafness();
    if (kind === "wav") {
      if (deaf !== undefined) throw new MynaError("SPEECH_UNAVAILABLE", deaf);
      return await this.#feed(readWav(value));
    }
    const mute = this.#ctx.has("speech") ? undefined : "no plugin can speak a typed sentence";
    const written = deaf ?? mute;
    if (written !== undefined) {
      if (!this.#hinted)
        this.#hint(`${written.replace(/\.$/, "")}; what you type goes to the robot in writing`);
      this.#hinted = true;
      return this.#ctx.session.sendText(value);
    }
    const spoken = this.#ctx.use("speech").synthesize(value, this.#voice);
    const slow = new MynaError("SPEECH_UNAVAILABLE", "the voice did not speak it in time; say it again");
    await this.#feed(await this.#within(SPEECH_LIMIT_MS, spoken, slow));
  }

  /** Why the robot cannot hear; undefined when it can. */
  #deafness(): string | undefined {
    if (!this.#ctx.has("brain")) return undefined;
    const { available, hint } = this.#ctx.use("brain").hearing();
    return available ? undefined : (hint ?? "the robot has no speech recogniser");
  }

  async #feed(pcm: Int16Array): Promise<void> {
    const limitMs = (pcm.length * 1000) / RATE_HZ + FEED_SLACK_MS;
    const message = `the microphone did not take the sound within ${Math.round(limitMs / 1000)} s: is there a microphone plugin in the profile?`;
    await this.#within(limitMs, this.#ctx.audio.feed(pcm), new MynaError("DEVICE_FAILED", message));
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
