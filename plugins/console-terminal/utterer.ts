import { readFileSync } from "node:fs";
import { MynaError, RATE_HZ, decodeWav } from "myna";
import type { PluginContext } from "myna";
import type { Utterance } from "./script.ts";

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
      if (!this.#hinted) this.#hint(`${written}; what you type goes to the robot in writing`);
      this.#hinted = true;
      return this.#ctx.session.sendText(value);
    }
    await this.#feed(await this.#ctx.use("speech").synthesize(value, this.#voice));
  }

  /** Why the robot cannot hear; undefined when it can. */
  #deafness(): string | undefined {
    if (!this.#ctx.has("brain")) return undefined;
    const { available, hint } = this.#ctx.use("brain").hearing();
    return available ? undefined : (hint ?? "the robot has no speech recogniser");
  }

  async #feed(pcm: Int16Array): Promise<void> {
    const limitMs = (pcm.length * 1000) / RATE_HZ + FEED_SLACK_MS;
    const late = Promise.withResolvers<never>();
    const cancel = this.#ctx.after(limitMs, () => {
      const message = `the microphone did not take the sound within ${Math.round(limitMs / 1000)} s: is there a microphone plugin in the profile?`;
      late.reject(new MynaError("DEVICE_FAILED", message));
    });
    try {
      await Promise.race([this.#ctx.audio.feed(pcm), late.promise]);
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
