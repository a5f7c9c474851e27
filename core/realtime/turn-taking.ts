import { AsyncLocalStorage } from "node:async_hooks";
import type { Bus } from "../bus.ts";
import type { SessionConfig } from "./config.ts";
import { Interruption } from "./interruption.ts";
import { silencesAtOnce } from "./interruption-policy.ts";
import type { KeptSpeech } from "./kept-speech.ts";
import type { ManualTurns } from "./manual-turns.ts";
import type { Session } from "./session.ts";

/** So long after the robot's own ears the server may tell of the same speech. */
const EARS_MS = 1500;

/** What {@link TurnTaking} works with. */
export interface TurnTakingDeps {
  config: SessionConfig;
  bus: Bus;
  session: Pick<Session, "bargeIn" | "foresee" | "commit" | "sayOn" | "port">;
  /** The loudspeaker that the session speaks to. */
  speech: KeptSpeech;
  /** The microphone that it hears, where the server does not look for turns. */
  manual: ManualTurns | undefined;
}

/**
 * Whose turn it is: what the robot's own ears, the server's and the talk key say, made into interruptions and, where the
 * server does not look for turns, into turns.
 */
export class TurnTaking {
  readonly #deps: TurnTakingDeps;
  readonly #interruption: Interruption;
  /** The context in which timers live as long as the session, whoever calls. */
  readonly #here = AsyncLocalStorage.snapshot();
  readonly #undos: (() => void)[];
  /** Somebody holds the talk key. */
  #talking = false;
  /** The robot's own ears hear speech. */
  #speaking = false;
  /** When they last heard the end of it. */
  #endedAtMs = -Infinity;

  constructor(deps: TurnTakingDeps) {
    this.#deps = deps;
    const { bus, session, speech, config } = deps;
    const interruption = new Interruption({
      config: config.interruption,
      speech,
      publish: (topic, event) => bus.publish(topic, event),
      cut: () => session.bargeIn(config.interruption.resume_after_ms > 0),
      cancel: () => session.port.interrupt(),
      say: (itemId, text, pcm) => session.sayOn(itemId, text, pcm),
    });
    this.#interruption = interruption;
    this.#undos = [
      bus.on("user.speech_started", ({ source, speech_at_ms }) =>
        this.#here(() => (source === "local" ? this.#began(speech_at_ms) : this.#serverBegan(speech_at_ms))),
      ),
      bus.on("user.speech_stopped", ({ source }) =>
        this.#here(() => (source === "local" ? this.#ended() : this.#serverEnded())),
      ),
      bus.on("keyword.heard", ({ role }) => this.#here(() => role === "wake" && this.#wake())),
      bus.on("user.talk_changed", ({ talking }) => this.#here(() => this.#talk(talking))),
      bus.on("user.transcript", ({ text, final }) => this.#here(() => interruption.words(text, final))),
      bus.on("assistant.transcript", ({ item_id, text }) => interruption.said(item_id, text)),
      bus.on("response.started", ({ response_id }) => interruption.answering(response_id)),
      bus.on("response.finished", () => interruption.answering("")),
    ];
  }

  close(): void {
    for (const undo of this.#undos) undo();
    this.#interruption.close();
    this.#deps.speech.close();
    this.#deps.manual?.close();
  }

  counters(): Record<string, number> {
    return this.#interruption.counters();
  }

  #began(atMs: number): void {
    this.#speaking = true;
    if (this.#deaf) return this.#deps.session.foresee();
    this.#deps.manual?.begin();
    if (this.#deps.config.barge_in) this.#interruption.began(atMs);
    else this.#deps.session.bargeIn();
  }

  /** What the robot's own ears hear or have just heard is decided by them. */
  #serverBegan(atMs: number): void {
    const { config } = this.#deps;
    if (!config.barge_in || silencesAtOnce(config)) this.#interruption.serverBegan();
    else if (!this.#speaking && performance.now() - this.#endedAtMs > EARS_MS) this.#interruption.began(atMs);
  }

  /** While the robot's own ears hear speech it is they who hear its end. */
  #serverEnded(): void {
    if (!this.#speaking) this.#interruption.ended();
  }

  /** It sleeps until it hears its name. */
  get #deaf(): boolean {
    const { config, session } = this.#deps;
    return config.idle.wake === "word" && session.port.state() === "idle";
  }

  /** Its name, for a robot that sleeps; said to one that is awake it is a word like others. */
  #wake(): void {
    if (this.#deps.session.port.state() !== "idle") return;
    if (this.#speaking) this.#deps.manual?.begin();
    this.#deps.session.bargeIn();
  }

  /** While the talk key is held the end of speech is a pause. */
  #ended(): void {
    this.#speaking = false;
    this.#endedAtMs = performance.now();
    this.#interruption.ended();
    if (!this.#talking && this.#deps.manual?.end() === true) this.#deps.session.commit();
  }

  /** The talk key: while it is held it is the user's turn, whatever is heard. */
  #talk(on: boolean): void {
    if (on === this.#talking) return;
    this.#talking = on;
    const { manual, session } = this.#deps;
    if (!on) {
      if (manual?.end() === true) session.commit();
      return;
    }
    manual?.begin();
    session.port.interrupt();
    session.bargeIn();
    this.#interruption.forget();
  }
}
