import type { SessionConfig } from "./config.ts";
import { Conversation } from "./conversation.ts";
import type { ClientEvent, FunctionCall, NewItem, ServerEvent } from "./events.ts";
import { newId } from "./events.ts";
import { HeldSpeech } from "./held-speech.ts";
import { Retelling } from "./retelling.ts";
import type { RestoreWire } from "./retelling.ts";

/** What the model is told after what was said before. */
const ANCHOR =
  "The connection was interrupted for a moment; the conversation above goes on. Keep its language, do not greet or introduce yourself again.";
const CONTINUE =
  "Your last answer was cut off after the words above: if you answer now, go on where it stopped and do not repeat it.";

/** What {@link Restore} works with. */
export interface RestoreDeps {
  config: SessionConfig;
  encode: (event: ClientEvent) => string;
}

/**
 * What a new session needs to go on where the last one ended, gathered while that one lives: the conversation as it was
 * heard, and what the user says. Changes only by what was said and done, never by an attempt to restore, so a failed
 * attempt is followed by a whole one.
 */
export class Restore {
  readonly #deps: RestoreDeps;
  readonly #conversation: Conversation;
  readonly #held: HeldSpeech;
  #lostAtMs: number | null = null;
  #cutShort = false;
  /** The present session was told the conversation, or is about to be. */
  #begun = false;
  /** How entries were told to the present session. */
  #told = new Map<string, { id: string; afterId: string | undefined; text: string }>();
  #toldImages: string[] = [];
  #retelling: Retelling | null = null;
  readonly #counters = { restored: 0, refused_items: 0, unconfirmed: 0, stale: 0 };

  constructor(deps: RestoreDeps) {
    this.#deps = deps;
    const { utterance_s, items, characters } = deps.config.restore;
    this.#conversation = new Conversation({ items, characters });
    this.#held = new HeldSpeech(utterance_s);
  }

  /** A frame of the microphone, before it is sent. */
  frame(pcm: Int16Array): void {
    this.#held.frame(pcm);
  }

  /** An event of the ready session. */
  observe(event: ServerEvent): void {
    // A session that begins has heard nothing yet.
    if (event.type !== "session_created") this.#held.alive();
    switch (event.type) {
      case "speech_started":
        this.#held.started(event.itemId, event.audioMs);
        break;
      case "speech_stopped":
        this.#held.stopped(event.itemId, event.audioMs);
        break;
      case "committed":
        this.#held.committed(event.itemId);
        if (this.#conversation.textOf(event.itemId) === undefined)
          this.#conversation.add("user", event.itemId);
        break;
      case "user_text_done":
        if (event.text.trim() === "") break;
        this.#conversation.add("user", event.itemId, event.text);
        this.#held.worded(event.itemId);
        break;
      case "response_created":
        this.#held.answerBegan(event.responseId);
        break;
      case "response_done":
        this.#held.answered(event.responseId);
        break;
      case "item_deleted":
        this.#conversation.remove(event.itemId);
        break;
    }
  }

  /**
   * The robot's words, so far or as they were heard. What to send where the session was told more of them than the user
   * has heard in the end.
   */
  said(itemId: string, text: string): ClientEvent[] {
    this.#conversation.add("assistant", itemId, text);
    const told = this.#told.get(itemId);
    if (!told || !told.text.startsWith(text) || told.text === text) return [];
    const id = newId("item");
    const events: ClientEvent[] = [{ type: "delete_item", eventId: newId("event"), itemId: told.id }];
    this.#told.delete(itemId);
    if (text.trim() === "") return events;
    const item: NewItem = { kind: "assistant_text", id, text };
    const { afterId } = told;
    events.push({ type: "add_item", eventId: newId("event"), item, ...(afterId && { afterId }) });
    return events;
  }

  /** An item of ours was sent, or queued in the outbox. */
  added(item: NewItem, queued: boolean): void {
    if (item.kind === "user_text") this.#conversation.add("user", item.id, item.text);
    else if (item.kind === "system_text") this.#conversation.add("system", item.id, item.text);
    else if (item.kind === "user_images") this.#conversation.images(item.id, item.jpegs, item.caption);
    else return;
    if (queued) this.#conversation.queue(item.id);
  }

  /** A tool takes over: what the user said is answered by what follows its result. */
  called(responseId: string, { callId, name, argumentsJson }: FunctionCall): void {
    this.#held.answered(responseId);
    this.#conversation.call(callId, name, argumentsJson);
  }

  /**
   * A call has its result. Where the connection that asked is gone (`late`), the result is part of what a new session is
   * told; one that was told already gets the note that is returned.
   */
  returned(call: FunctionCall, output: string, late: boolean): ClientEvent | null {
    const { callId, name, argumentsJson } = call;
    this.#conversation.result(callId, output);
    if (!late || !this.#begun) return null;
    const text = `The tool ${name}, called with ${argumentsJson} before the interruption, has returned: ${output}`;
    return {
      type: "add_item",
      eventId: newId("event"),
      item: { kind: "system_text", id: newId("item"), text },
    };
  }

  /**
   * The link is gone. `whole` is a running response of which everything that matters is here, `cut` tells that one was
   * cut short. True where words of the user still have to be answered.
   */
  linkLost(about: { whole: string | null; cut: boolean; serverIsAlive: boolean }): boolean {
    const { turn_detection } = this.#deps.config;
    this.#lostAtMs ??= performance.now();
    if (about.whole !== null) this.#held.answered(about.whole);
    this.#cutShort ||= about.cut;
    this.#told.clear();
    this.#begun = false;
    const answers = turn_detection.type !== "none" && turn_detection.create_response;
    return this.#held.linkLost(answers, about.serverIsAlive);
  }

  /** True, once, where the drop is so long ago that what was asked then is history by now. */
  stale(): boolean {
    const { stale_s } = this.#deps.config.restore;
    if (this.#lostAtMs === null || performance.now() - this.#lostAtMs < stale_s * 1000) return false;
    this.#lostAtMs = null;
    this.#held.forget();
    this.#counters.stale++;
    return true;
  }

  /** A link that was closed at a pause is opened again: nothing said before waits for an answer, what is said now does. */
  resume(): void {
    this.#lostAtMs = null;
    this.#held.forget();
  }

  /** What was said so far need not be heard again. */
  forget(): void {
    this.#held.forget();
  }

  /** Items with pictures that the present session was told, oldest first. */
  get toldImages(): readonly string[] {
    return this.#toldImages;
  }

  /** Ends a telling that is under way: its connection is gone, or about to be. */
  stop(): void {
    this.#retelling?.stop();
  }

  /** A new session has our configuration: tells it the conversation, then calls `wire.done`, maybe at once. */
  begin(wire: RestoreWire): (event: ServerEvent) => void {
    this.stop();
    this.#begun = true;
    this.#toldImages = [];
    const items = this.#conversation.retell();
    if (items.length === 0) {
      wire.done();
      return () => {};
    }
    const running = this.#conversation
      .running()
      .map(({ name, argumentsJson }) => ` Still running: ${name}(${argumentsJson}); its result follows.`);
    const text = `${ANCHOR}${this.#cutShort ? ` ${CONTINUE}` : ""}${running.join("")}`;
    const retelling = new Retelling({
      items: [...items, { entryId: "", item: { kind: "system_text", id: newId("item"), text } }],
      encode: this.#deps.encode,
      wire,
      ackMs: this.#deps.config.restore.ack_ms,
      onTold: ({ told, refused, unconfirmed }) => {
        this.#counters.restored++;
        this.#counters.refused_items += refused;
        this.#counters.unconfirmed += unconfirmed;
        this.#told = new Map();
        let afterId: string | undefined;
        for (const { entryId, item } of told) {
          if (item.kind === "user_images") this.#toldImages.push(item.id);
          if (item.kind === "assistant_text")
            this.#told.set(entryId, { id: item.id, afterId, text: item.text });
          afterId = item.id;
        }
      },
    });
    this.#retelling = retelling;
    retelling.start();
    return (event) => retelling.receive(event);
  }

  /** The session is ready and has what was queued: it hears what it has to hear again, and then the present;
   * `queued` frames of the microphone came out of the outbox before. */
  ready(queued: number, hear: (frame: Int16Array) => void): { frames: number; speech: boolean } {
    this.#lostAtMs = null;
    this.#cutShort = false;
    this.#conversation.sent();
    const pauseMs = this.#deps.config.turn_detection.silence_duration_ms + 200;
    return this.#held.replay(queued, pauseMs, hear);
  }

  /** The user speaks, or waits for an answer. */
  get open(): boolean {
    return this.#held.open;
  }

  counters(): Record<string, unknown> {
    return {
      ...this.#counters,
      conversation: this.#conversation.counters(),
      microphone: this.#held.counters(),
    };
  }
}
