import type { Clock } from "./clock.ts";
import type { Conversation } from "./conversation.ts";
import { samplesOf, viewOf } from "./conversation.ts";
import type { Mind, SpokenTool, Thought, Voice } from "./contracts.ts";
import { newId } from "./ids.ts";
import type { ItemRecord } from "./items.ts";
import { Mishap } from "./mishap.ts";
import type { ServerEvent } from "./outlet.ts";
import { OutputItems } from "./output-items.ts";
import { Pacer } from "./pacer.ts";
import { sentencesOf, wordGroups } from "./sentences.ts";
import { heardTokens, inputTokens, spokenTokens, textTokens, usageOf } from "./usage.ts";

/** Samples of a delta that comes too late. */
const LATE_PIECE = 2400;

/** What one answer is to be: the session's settings with those of `response.create` over them. */
export interface ResponseRequest {
  modality: "audio" | "text";
  instructions: string;
  tools: SpokenTool[];
  voice: string;
  maxOutputTokens: number | "inf";
  metadata: Record<string, string> | null;
  /** `conversation: "none"`: runs beside others and leaves no items. */
  outOfBand: boolean;
  /** Replaces the conversation as context. */
  input: ItemRecord[] | null;
}

/** What a response needs of its session. */
export interface ResponseHost {
  emit(event: ServerEvent): void;
  readonly conversation: Conversation;
  readonly conversationId: string;
  readonly mind: Mind;
  readonly voice: Voice;
  readonly clock: Clock;
  /** Times faster than heard at which audio goes out; Infinity: at once. */
  readonly speed: number;
  /** Audio deltas sent after a cancellation, as servers do that notice it late. */
  readonly lateDeltas: number;
  audioBegan(): void;
  ended(response: Response): void;
}

/** Why a response is not complete. */
type EndDetails = { type: string; reason?: string; error?: { type: string; code: string; message: string } };

/** One answer from `response.created` to `response.done`, of which there is always exactly one. */
export class Response {
  readonly id = newId("resp");
  #request: ResponseRequest;
  #host: ResponseHost;
  #items: OutputItems;
  #abort = new AbortController();
  #inputTokens = { textIn: 0, audioIn: 0 };
  /** What follows in the sentence under way, for late deltas. */
  #unsent: Int16Array = new Int16Array(0);

  constructor(request: ResponseRequest, host: ResponseHost) {
    this.#request = request;
    this.#host = host;
    this.#items = new OutputItems(this.id, host, request.outOfBand);
  }

  get outOfBand(): boolean {
    return this.#request.outOfBand;
  }

  /** Starts it; `response.created` is sent before this returns. */
  start(): void {
    this.#host.emit({ type: "response.created", response: this.#wire("in_progress", null, null) });
    this.#run().catch((thrown: unknown) => {
      this.#end("failed", { type: "failed", error: errorOf(thrown) });
    });
  }

  /** Closes what is open and ends it now; nothing follows. Harmless when it has ended. */
  cancel(reason: "turn_detected" | "client_cancelled"): void {
    if (this.#abort.signal.aborted) return;
    const late: ServerEvent[] = [];
    for (let at = 0; at < this.#unsent.length && late.length < this.#host.lateDeltas; at += LATE_PIECE) {
      late.push(this.#items.audioDelta(this.#unsent.subarray(at, at + LATE_PIECE)));
    }
    this.#end("cancelled", { type: "cancelled", reason });
    for (const event of late) this.#host.emit(event);
  }

  /** The client is gone: stop working, tell nobody. */
  abandon(): void {
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { instructions, tools, input } = this.#request;
    const records = input ?? this.#host.conversation.recent();
    const view = await viewOf(records);
    if (this.#abort.signal.aborted) return;
    const heard = records.filter(({ item }) => item.type === "message" && item.role === "user");
    this.#inputTokens = {
      textIn: inputTokens(view, instructions, tools),
      audioIn: heardTokens(heard.reduce((sum, record) => sum + samplesOf(record), 0)),
    };
    const thought: Thought = await this.#host.mind.think(view, { tools, instructions });
    if (this.#abort.signal.aborted) return;
    if (thought.say && !(await this.#say(thought.say))) return;
    for (const call of thought.calls ?? []) this.#items.call(call.name, JSON.stringify(call.arguments));
    this.#end("completed", null);
  }

  /** False when the response ended over it. */
  async #say(text: string): Promise<boolean> {
    this.#items.openMessage(this.#request.modality);
    const complete =
      this.#request.modality === "text" ? this.#write(text) : await this.#speak(sentencesOf(text));
    if (this.#abort.signal.aborted) return false;
    if (complete) this.#items.closeMessage("completed");
    else this.#end("incomplete", { type: "incomplete", reason: "max_output_tokens" });
    return complete;
  }

  /** False when the token limit cut it. */
  #write(text: string): boolean {
    for (const words of wordGroups(text, 3)) {
      if (this.#spent() + textTokens(words) > this.#limit()) return false;
      this.#items.text(words);
    }
    return true;
  }

  /** False when the token limit cut it. */
  async #speak(sentences: string[]): Promise<boolean> {
    const { signal } = this.#abort;
    const pacer = new Pacer(this.#host.clock, this.#host.speed, signal);
    let next = this.#synthesize(sentences[0]);
    for (let at = 0; at < sentences.length; at++) {
      const pcm = await next;
      if (signal.aborted) return false;
      next = soon(() => this.#synthesize(sentences[at + 1]));
      const text = at === 0 ? sentences[at] : ` ${sentences[at]}`;
      for (const words of wordGroups(text as string, 4)) this.#items.text(words);
      this.#unsent = pcm;
      for await (const piece of pacer.pieces(pcm)) {
        if (this.#spent() + spokenTokens(piece.length) > this.#limit()) return false;
        this.#host.audioBegan();
        this.#items.audio(piece);
        this.#unsent = this.#unsent.subarray(piece.length);
      }
      if (signal.aborted) return false;
    }
    return true;
  }

  #synthesize(sentence: string | undefined): Promise<Int16Array> {
    if (sentence === undefined) return Promise.resolve(new Int16Array(0));
    const made = this.#host.voice.synthesize(sentence, this.#request.voice);
    made.catch(() => {});
    return made;
  }

  #limit(): number {
    return this.#request.maxOutputTokens === "inf" ? Infinity : this.#request.maxOutputTokens;
  }

  #spent(): number {
    return spokenTokens(this.#items.samples) + textTokens(this.#items.writtenText);
  }

  #end(status: "completed" | "cancelled" | "failed" | "incomplete", details: EndDetails | null): void {
    if (this.#abort.signal.aborted) return;
    this.#abort.abort();
    this.#items.closeMessage("incomplete");
    const usage = usageOf({
      ...this.#inputTokens,
      textOut: textTokens(this.#items.writtenText),
      audioOut: spokenTokens(this.#items.samples),
    });
    this.#host.emit({ type: "response.done", response: this.#wire(status, details, usage) });
    this.#host.ended(this);
  }

  #wire(status: string, details: EndDetails | null, usage: unknown): Record<string, unknown> {
    const { modality, voice, maxOutputTokens, metadata, outOfBand } = this.#request;
    return {
      object: "realtime.response",
      id: this.id,
      status,
      status_details: details,
      output: this.#items.wire(),
      conversation_id: outOfBand ? null : this.#host.conversationId,
      output_modalities: [modality],
      max_output_tokens: maxOutputTokens,
      audio: { output: { format: { type: "audio/pcm", rate: 24000 }, voice } },
      metadata,
      usage,
    };
  }
}

/** After what is due now: synthesis holds the thread, and the sentence before it has to go out first. */
function soon<T>(make: () => Promise<T>): Promise<T> {
  const made = new Promise<void>((resolve) => setImmediate(resolve)).then(make);
  made.catch(() => {});
  return made;
}

function errorOf(thrown: unknown): { type: string; code: string; message: string } {
  if (thrown instanceof Mishap) return { type: thrown.type, code: thrown.code, message: thrown.message };
  const message = Error.isError(thrown) ? thrown.message : String(thrown);
  return { type: "server_error", code: "server_error", message };
}
