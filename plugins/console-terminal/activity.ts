import type { Topics } from "myna";

/** The server owes a response after a tool result or a rate limit; one that does not come within this time is no longer waited for. */
const OWED_LIMIT_MS = 5000;

/** Topics that tell whether the robot is busy, answered or connected. */
export const ACTIVITY_TOPICS = [
  "session.state_changed",
  "user.speech_started",
  "user.speech_stopped",
  "user.committed",
  "response.started",
  "response.finished",
  "response.delayed",
  "assistant.transcript",
  "playback.started",
  "playback.stopped",
  "tool.started",
  "tool.finished",
  "body.pose",
] as const satisfies readonly (keyof Topics)[];

/** One of {@link ACTIVITY_TOPICS}. */
export type ActivityTopic = (typeof ACTIVITY_TOPICS)[number];

type Reaction = { [T in ActivityTopic]: (event: Topics[T]) => void };

/** What the robot is doing, as its topics tell it. Times are milliseconds of one clock that the caller chooses. */
export class Activity {
  #link: Topics["session.state_changed"] | undefined;
  #downSinceMs: number;
  #moving = false;
  #talking = false;
  readonly #responses = new Set<string>();
  readonly #tools = new Set<string>();
  readonly #playing = new Set<string>();
  #owedUntilMs = -Infinity;
  #answers = 0;
  #heard = false;
  #failure: string | undefined;
  #changedMs: number;
  #nowMs: number;

  constructor(nowMs: number) {
    this.#downSinceMs = this.#changedMs = this.#nowMs = nowMs;
  }

  /** Last event of the link. */
  get link(): Topics["session.state_changed"] | undefined {
    return this.#link;
  }

  /** How long the link has not been ready; 0 when it is, and when it was hung up: speech and typing open it. */
  downMs(nowMs: number): number {
    return this.#up ? 0 : nowMs - this.#downSinceMs;
  }

  /** True when an answer was given in full since the last {@link expectAnswer} or commit of speech. */
  get answered(): boolean {
    return this.#answers > 0;
  }

  /** True when speech, or an answer to it, was noticed since the last {@link expectAnswer}. */
  get heard(): boolean {
    return this.#heard;
  }

  /** Why the last response failed, if it did, since {@link expectAnswer}. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** When the robot was last seen busy or changing. */
  get changedMs(): number {
    return this.#changedMs;
  }

  /** Forgets earlier answers: from now on a new one is waited for. */
  expectAnswer(nowMs: number): void {
    this.#answers = 0;
    this.#heard = false;
    this.#failure = undefined;
    this.#changedMs = nowMs;
  }

  get #up(): boolean {
    return this.#link?.state === "ready" || this.#link?.state === "idle";
  }

  /** Link ready (or hung up), nothing said, running, sounding or moving for `settleMs`. */
  atRest(nowMs: number, settleMs: number): boolean {
    return this.#up && !this.busy(nowMs) && nowMs - this.#changedMs >= settleMs;
  }

  /** Somebody speaks, or an answer, a tool or a movement is under way. */
  busy(nowMs: number): boolean {
    return (
      this.#moving ||
      this.#talking ||
      this.#responses.size > 0 ||
      this.#tools.size > 0 ||
      this.#playing.size > 0 ||
      nowMs < this.#owedUntilMs
    );
  }

  /** Takes an event of the bus. */
  take<T extends ActivityTopic>(topic: T, event: Topics[T], nowMs: number): void {
    this.#nowMs = nowMs;
    // Poses repeat while the body stands still: only a change counts.
    if (topic !== "body.pose") this.#changedMs = nowMs;
    this.#reactions[topic](event);
  }

  readonly #reactions: Reaction = {
    "session.state_changed": (event) => {
      if (event.state !== "ready" && this.#up) this.#downSinceMs = this.#nowMs;
      this.#link = event;
      if (event.state === "ready") return;
      // Whatever was under way on the lost connection is never finished by an event of its own.
      this.#responses.clear();
      this.#talking = false;
      this.#owedUntilMs = -Infinity;
    },
    "user.speech_started": () => {
      this.#talking = true;
      this.#heard = true;
    },
    "user.speech_stopped": () => void (this.#talking = false),
    "user.committed": () => {
      this.#talking = false;
      this.#heard = true;
      this.#answers = 0;
    },
    "response.started": ({ response_id }) => {
      this.#responses.add(response_id);
      this.#heard = true;
      this.#owedUntilMs = -Infinity;
    },
    "response.finished": ({ response_id, status, message }) => {
      this.#responses.delete(response_id);
      if (status === "failed") this.#failure = message ?? "the server reported a failed response";
    },
    "response.delayed": ({ wait_ms }) => {
      this.#failure = undefined;
      this.#owedUntilMs = this.#nowMs + wait_ms + OWED_LIMIT_MS;
    },
    "assistant.transcript": ({ final, interrupted }) => {
      if (final && !interrupted) this.#answers++;
    },
    "playback.started": ({ item_id }) => void this.#playing.add(item_id),
    "playback.stopped": ({ item_id }) => void this.#playing.delete(item_id),
    "tool.started": ({ call_id }) => void this.#tools.add(call_id),
    "tool.finished": ({ call_id, code }) => {
      this.#tools.delete(call_id);
      if (code !== "TOOL_ABORTED") this.#owedUntilMs = this.#nowMs + OWED_LIMIT_MS;
    },
    "body.pose": ({ moving }) => {
      if (moving || this.#moving) this.#changedMs = this.#nowMs;
      this.#moving = moving;
    },
  };
}
