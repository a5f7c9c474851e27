import type { Hearing, Recognizer, SpokenTool } from "./contracts.ts";

type Step =
  | { kind: "tools"; tools: SpokenTool[] }
  | { kind: "start"; onPartial: (text: string) => void }
  | { kind: "write"; pcm: Int16Array }
  | { kind: "finish"; resolve: (hearing: Hearing) => void; reject: (reason: unknown) => void };

/** Recognition may hold the thread this long before sockets get their turn, milliseconds. */
const TURN_MS = 20;

/**
 * A recogniser behind a queue: audio may come before the speech models are loaded, and computing starts only after the
 * events of the same moment went out on the socket.
 */
export class Ear {
  #recognizer: Promise<Recognizer>;
  #onFault: (message: string) => void;
  #queue: Step[] = [];
  #working = false;
  #closed = false;
  #onPartial: (text: string) => void = () => {};
  /** Why the utterance under way cannot be understood. */
  #failure: { reason: unknown } | null = null;

  /** A rejected promise means that every utterance fails with its reason. `onFault` hears why tools were not learnt. */
  constructor(recognizer: Promise<Recognizer>, onFault: (message: string) => void) {
    this.#recognizer = recognizer;
    this.#onFault = onFault;
    recognizer.catch(() => {});
  }

  setTools(tools: SpokenTool[]): void {
    this.#add({ kind: "tools", tools });
  }

  /** A new utterance; one that was not finished is dropped. `onPartial` gets all words so far, each time they change. */
  start(onPartial: (text: string) => void): void {
    this.#add({ kind: "start", onPartial });
  }

  /** Takes over the array. */
  write(pcm: Int16Array): void {
    this.#add({ kind: "write", pcm });
  }

  finish(): Promise<Hearing> {
    return new Promise((resolve, reject) => this.#add({ kind: "finish", resolve, reject }));
  }

  /** Utterances under way are left unanswered. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#recognizer.then(
      (recognizer) => recognizer.close(),
      () => {},
    );
  }

  #add(step: Step): void {
    if (this.#closed) return;
    this.#queue.push(step);
    if (this.#working) return;
    this.#working = true;
    setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    let recognizer: Recognizer | null = null;
    try {
      recognizer = await this.#recognizer;
    } catch (reason) {
      this.#failure = { reason };
    }
    let turnEndsMs = performance.now() + TURN_MS;
    for (let step = this.#queue.shift(); step; step = this.#queue.shift()) {
      this.#do(step, recognizer);
      if (performance.now() < turnEndsMs) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnEndsMs = performance.now() + TURN_MS;
    }
    this.#working = false;
  }

  #do(step: Step, recognizer: Recognizer | null): void {
    if (!recognizer) {
      if (step.kind === "finish") step.reject(this.#failure?.reason);
      return;
    }
    try {
      if (step.kind === "tools") recognizer.setTools(step.tools);
      else if (step.kind === "start") {
        this.#failure = null;
        this.#onPartial = step.onPartial;
        recognizer.start();
      } else if (step.kind === "write") {
        const text = recognizer.write(step.pcm);
        if (text !== null) this.#onPartial(text);
      } else if (this.#failure) step.reject(this.#failure.reason);
      else step.resolve(recognizer.finish());
    } catch (reason) {
      if (step.kind === "finish") step.reject(reason);
      else if (step.kind === "tools") this.#onFault(`The tools were not learnt: ${String(reason)}`);
      else this.#failure = { reason };
    }
  }
}

/** Turns hypotheses, which may change their mind, into deltas, which cannot: only words that more words follow are told. */
export class StableWords {
  #told = "";

  /** The new words of a hypothesis; "" while there are none or they contradict what was told. */
  partial(hypothesis: string): string {
    return this.#advance(hypothesis.split(" ").slice(0, -1).join(" "));
  }

  /** The rest of the final text. */
  final(text: string): string {
    return this.#advance(text);
  }

  #advance(text: string): string {
    const continues = this.#told === "" || text.startsWith(`${this.#told} `);
    if (!continues || text.length <= this.#told.length) return "";
    const delta = text.slice(this.#told.length);
    this.#told = text;
    return delta;
  }
}
