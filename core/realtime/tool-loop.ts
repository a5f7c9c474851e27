import type { FunctionCall, NewItem } from "./events.ts";
import { newId } from "./events.ts";
import type { ToolOutcome, ToolPort } from "./port.ts";

/** What {@link ToolLoop} works with. */
export interface ToolLoopDeps {
  tools: ToolPort;
  /** Adds an item to the conversation. */
  addItem: (item: NewItem) => void;
  /** Asks for the one response that follows the results. */
  respond: () => void;
  /** A call is about to be run. */
  onCall?: (responseId: string, call: FunctionCall) => void;
  /** What a call came to; `late` where the connection that asked is gone and cannot be told. */
  onResult?: (call: FunctionCall, output: string, late: boolean) => void;
}

/** Answers a call that came too late to be run. */
const NOT_RUN: ToolOutcome = {
  ok: false,
  output: JSON.stringify({ error: "TOOL_ABORTED", message: "not run: the user interrupted" }),
  images: [],
  code: "TOOL_ABORTED",
};

/** The calls of one response. */
interface Batch {
  /** Calls without a result. */
  open: number;
  /** The response has ended: no further call comes. */
  ended: boolean;
  /** The user broke in: results are added, no answer to them is asked for. */
  interrupted: boolean;
  answered: number;
  jpegs: Uint8Array[];
  abort: AbortController;
  /** Aborts when the connection that asked is lost. */
  link: AbortController;
  /** The connection that asked is gone. */
  late: boolean;
}

/**
 * Runs what the model calls, away from the socket: each call once, however often it is announced, its result sent
 * once and only on the connection that asked. After the last result of a response, and its end, comes one request for an
 * answer. A lost link does not stop what the body does: such a result is told to whoever restores the conversation.
 */
export class ToolLoop {
  readonly #deps: ToolLoopDeps;
  readonly #batches = new Map<string, Batch>();
  /** Those whose connection is gone and that still run. */
  readonly #late = new Set<Batch>();
  /** Calls of the present session that were dispatched. */
  #seen = new Set<string>();
  readonly #counters = { dispatched: 0, duplicates: 0, incomplete: 0, results_dropped: 0, running: 0 };

  constructor(deps: ToolLoopDeps) {
    this.#deps = deps;
  }

  /** A call was announced. One that is not complete is left alone; one of an interrupted response is answered for. */
  call(responseId: string, call: FunctionCall, cut: boolean): void {
    if (!call.completed) {
      this.#counters.incomplete++;
      return;
    }
    if (this.#seen.has(call.callId)) {
      this.#counters.duplicates++;
      return;
    }
    this.#seen.add(call.callId);
    const batch = this.#batch(responseId);
    if (cut) batch.interrupted = true;
    batch.open++;
    this.#counters.dispatched++;
    this.#deps.onCall?.(responseId, call);
    if (batch.interrupted) {
      this.#finish(responseId, batch, call, NOT_RUN);
      return;
    }
    this.#counters.running++;
    // In its own turn of the event loop: a tool that computes does not hold up the frames that are already here.
    setImmediate(() => void this.#run(responseId, batch, call));
  }

  /** The response has ended. */
  ended(responseId: string): void {
    const batch = this.#batches.get(responseId);
    if (!batch) return;
    batch.ended = true;
    this.#settle(responseId, batch);
  }

  /** Tells all running tools to stop; their results are still sent, and no answer to them is asked for. */
  interrupt(): void {
    for (const batch of [...this.#batches.values(), ...this.#late]) {
      batch.interrupted = true;
      batch.abort.abort(new Error("the user interrupted"));
    }
  }

  /** True while calls of the response run, or it has more to say. */
  owns(responseId: string): boolean {
    return this.#batches.has(responseId);
  }

  /**
   * The connection is gone: no further call of it comes, and what runs goes on. Unless a fresh one took its place
   * (`renewed`), tools are told that nobody is there to stop them.
   */
  linkLost(renewed: boolean): void {
    if (!renewed)
      for (const { link } of [...this.#batches.values(), ...this.#late])
        link.abort(new Error("the link was lost"));
    const batches = [...this.#batches];
    this.#batches.clear();
    this.#seen = new Set();
    for (const [responseId, batch] of batches) {
      batch.late = true;
      batch.ended = true;
      this.#late.add(batch);
      this.#settle(responseId, batch);
    }
  }

  /** The session is over: tells all running tools to stop; nobody waits for their results. */
  reset(): void {
    const batches = [...this.#batches.values(), ...this.#late];
    this.#batches.clear();
    this.#late.clear();
    this.#seen = new Set();
    for (const batch of batches) {
      batch.abort.abort(new Error("the session is over"));
      batch.link.abort(new Error("the session is over"));
    }
  }

  /** No call runs, and no response with calls is under way. */
  get atRest(): boolean {
    return this.#batches.size === 0 && this.#late.size === 0;
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  #batch(responseId: string): Batch {
    let batch = this.#batches.get(responseId);
    if (!batch) {
      batch = {
        open: 0,
        ended: false,
        interrupted: false,
        answered: 0,
        jpegs: [],
        abort: new AbortController(),
        link: new AbortController(),
        late: false,
      };
      this.#batches.set(responseId, batch);
    }
    return batch;
  }

  async #run(responseId: string, batch: Batch, call: FunctionCall): Promise<void> {
    const { callId, name, argumentsJson } = call;
    const { signal } = batch.abort;
    let outcome: ToolOutcome;
    try {
      outcome = signal.aborted
        ? NOT_RUN
        : await this.#deps.tools.call({ callId, name, argumentsJson, signal, link: batch.link.signal });
    } catch (error) {
      const message = Error.isError(error) ? error.message : String(error);
      const output = JSON.stringify({ error: "TOOL_FAILED", message });
      outcome = { ok: false, output, images: [], code: "TOOL_FAILED" };
    }
    this.#counters.running--;
    this.#finish(responseId, batch, call, outcome);
  }

  #finish(responseId: string, batch: Batch, call: FunctionCall, { output, images }: ToolOutcome): void {
    if (this.#batches.get(responseId) !== batch && !this.#late.has(batch)) {
      this.#counters.results_dropped++;
      return;
    }
    batch.open--;
    batch.answered++;
    batch.jpegs.push(...images);
    if (!batch.late)
      this.#deps.addItem({ kind: "tool_output", id: newId("item"), callId: call.callId, output });
    this.#deps.onResult?.(call, output, batch.late);
    this.#settle(responseId, batch);
  }

  #settle(responseId: string, batch: Batch): void {
    if (!batch.ended || batch.open > 0) return;
    if (!this.#late.delete(batch)) this.#batches.delete(responseId);
    if (batch.answered === 0) return;
    if (batch.jpegs.length > 0) {
      const jpegs = batch.jpegs;
      const item: NewItem = { kind: "user_images", id: newId("item"), jpegs, caption: undefined };
      this.#deps.addItem(item);
    }
    if (!batch.interrupted) this.#deps.respond();
  }
}
