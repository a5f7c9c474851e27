import type { Topics } from "myna";
import { Activity } from "./activity.ts";
import type { ActivityTopic } from "./activity.ts";

/** A sentence or a WAV file for the robot. */
export interface Utterance {
  kind: "say" | "wav";
  value: string;
}

/** Time limits of a script, milliseconds. */
export interface ScriptLimits {
  /** From the end of an utterance, or the last sign of life after it, to its answer. */
  answerMs: number;
  /** Until the link is ready. */
  readyMs: number;
  /** How long everything must be still before the robot counts as being at rest. */
  settleMs: number;
}

/** How one utterance ended: answered, or why not. */
export interface Outcome {
  utterance: Utterance;
  failure?: string;
}

/** What a script asks its surroundings to do next. */
export type Step =
  | { do: "wait" }
  | { do: "speak"; utterance: Utterance }
  | { do: "end"; failure?: string; outcomes: readonly Outcome[] };

/** An utterance is given up after this many answer limits, whatever goes on: a robot that never comes to rest. */
const PATIENCE = 6;
/** Speech in a sound is noticed within this time of its end, also by a server far away. */
const HEARD_LIMIT_MS = 3000;

/**
 * Gives utterances one after the other, each when the robot is at rest after answering the one before. Knows no clock, no
 * timer and no device: it is told of events and of the time, and asked for its next step.
 */
export class Script {
  readonly #activity: Activity;
  readonly #queue: Utterance[] = [];
  readonly #outcomes: Outcome[] = [];
  readonly #limits: ScriptLimits;
  #open: boolean;
  #current: Utterance | undefined;
  /** When the last sound of the utterance was in the microphone. */
  #spokenMs: number | undefined;

  /** `open`: more utterances may come, the script ends only after {@link close}. */
  constructor(limits: ScriptLimits, options: { nowMs: number; open: boolean }) {
    this.#limits = limits;
    this.#activity = new Activity(options.nowMs);
    this.#open = options.open;
  }

  add(utterance: Utterance): void {
    this.#queue.push(utterance);
  }

  /** No more utterances will come. */
  close(): void {
    this.#open = false;
  }

  /** What became of the utterances so far, in their order. */
  get outcomes(): readonly Outcome[] {
    return this.#outcomes;
  }

  /** True when nothing is being said, waits to be said, or may still come. */
  get finished(): boolean {
    return !this.#open && this.#current === undefined && this.#queue.length === 0;
  }

  take<T extends ActivityTopic>(topic: T, event: Topics[T], nowMs: number): void {
    this.#activity.take(topic, event, nowMs);
  }

  /** The utterance that `next` gave is in the microphone, or could not be brought there. */
  spoken(nowMs: number, failure?: string): void {
    if (failure !== undefined) this.#finish(failure);
    else this.#spokenMs = nowMs;
  }

  /** No answer comes any more to what was said before: the next one does not wait for it. Without a failure nobody wants one. */
  dismiss(failure?: string): void {
    if (this.#spokenMs !== undefined) this.#finish(failure);
  }

  /** What to do now; call it again after every event and every few ten milliseconds. */
  next(nowMs: number): Step {
    const unreachable = this.#linkFailure(nowMs);
    if (unreachable !== undefined) return this.#abandon(unreachable);
    const rest = this.#activity.atRest(nowMs, this.#limits.settleMs);
    if (this.#current) {
      if (this.#spokenMs === undefined) return { do: "wait" };
      const failure = this.#answerFailure(nowMs, rest);
      if (failure === undefined && !(rest && this.#activity.answered)) return { do: "wait" };
      this.#finish(failure);
    }
    const utterance = this.#queue[0];
    if (utterance && rest) {
      this.#queue.shift();
      this.#current = utterance;
      this.#spokenMs = undefined;
      this.#activity.expectAnswer(nowMs);
      return { do: "speak", utterance };
    }
    return this.finished && rest ? { do: "end", outcomes: this.#outcomes } : { do: "wait" };
  }

  #linkFailure(nowMs: number): string | undefined {
    const link = this.#activity.link;
    const why = link?.message === undefined ? "" : `: ${link.message}`;
    if (link?.state === "closed") return `the link to the Realtime server is closed${why}`;
    if (this.#activity.downMs(nowMs) < this.#limits.readyMs) return undefined;
    return `no link to the Realtime server for ${seconds(this.#limits.readyMs)}${why}`;
  }

  #answerFailure(nowMs: number, rest: boolean): string | undefined {
    const { answerMs } = this.#limits;
    const spokenMs = this.#spokenMs ?? nowMs;
    if (rest && !this.#activity.answered && this.#activity.failure !== undefined)
      return this.#activity.failure;
    const quietMs = this.#activity.busy(nowMs) ? 0 : nowMs - Math.max(spokenMs, this.#activity.changedMs);
    if (this.#current?.kind === "wav" && !this.#activity.heard && quietMs >= HEARD_LIMIT_MS)
      return "the robot heard no speech in it: it is silent, too quiet or too short";
    if (quietMs >= answerMs) return `no answer within ${seconds(answerMs)}`;
    if (nowMs - spokenMs >= answerMs * PATIENCE)
      return `the robot did not come to rest within ${seconds(answerMs * PATIENCE)}`;
    return undefined;
  }

  #finish(failure: string | undefined): void {
    if (this.#current) {
      this.#outcomes.push({ utterance: this.#current, ...(failure !== undefined && { failure }) });
    }
    this.#current = undefined;
    this.#spokenMs = undefined;
  }

  #abandon(failure: string): Step {
    this.#finish(failure);
    for (const utterance of this.#queue.splice(0)) this.#outcomes.push({ utterance, failure });
    this.#open = false;
    return { do: "end", failure, outcomes: this.#outcomes };
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
