import { type ClientEvent, parseEvent } from "./client-events.ts";
import type { Clock } from "./clock.ts";
import { Conversation } from "./conversation.ts";
import type { Hearing, Mind, Recognizer, Voice } from "./contracts.ts";
import { Ear, StableWords } from "./ear.ts";
import { newId } from "./ids.ts";
import { InputAudio } from "./input-audio.ts";
import { type Item, type ItemRecord, parseItem } from "./items.ts";
import type { Outlet, ServerEvent } from "./outlet.ts";
import { decodePcm, RATE_HZ } from "./pcm.ts";
import { Refusal } from "./refusal.ts";
import { Response, type ResponseHost } from "./response.ts";
import { requestOf } from "./response-request.ts";
import { defaultConfig, type SessionConfig, type SessionDefaults, updatedConfig } from "./session-config.ts";
import type { ResponseOptions } from "./session-schema.ts";

/** What the server gives each of its sessions. */
export interface SessionDeps {
  mind: Mind;
  voice: Voice;
  /** Rejects when the robot cannot hear. */
  recognizer: Promise<Recognizer>;
  clock: Clock;
  defaults: SessionDefaults;
  /** Life of a session, milliseconds. */
  sessionCapMs: number;
  speed: number;
  lateDeltas: number;
  /** Errors about a second response carry no event_id, as OpenAI's sometimes do. */
  anonymousErrors: boolean;
  onFault: (message: string) => void;
}

/** One client's session: takes its events, answers through the outlet. */
export class Session {
  readonly id = newId("sess");
  readonly conversation = new Conversation();
  #conversationId = newId("conv");
  #deps: SessionDeps;
  #outlet: Outlet;
  #config: SessionConfig;
  #expiresAtMs: number;
  #cancelExpiry: () => void;
  #ear: Ear;
  #input: InputAudio;
  #stable = new StableWords();
  /** The response of the default conversation that runs. */
  #active: Response | null = null;
  #outOfBand = new Set<Response>();
  /** True once assistant audio went out: the voice is settled. */
  #voiceLocked = false;
  #host: ResponseHost;

  constructor(outlet: Outlet, deps: SessionDeps) {
    this.#outlet = outlet;
    this.#deps = deps;
    this.#config = defaultConfig(deps.defaults);
    this.#expiresAtMs = deps.clock.nowMs() + deps.sessionCapMs;
    this.#cancelExpiry = deps.clock.after(deps.sessionCapMs, () => this.#expire());
    this.#ear = new Ear(deps.recognizer, deps.onFault);
    this.#host = this.#responseHost();
    this.#input = new InputAudio(this.#config.audio.input.turn_detection, {
      utteranceStarted: (itemId) => this.#listen(itemId),
      utteranceAudio: (pcm) => this.#ear.write(pcm),
      utteranceDropped: () => {},
      speechStarted: (item_id, audio_start_ms) => this.#speechStarted(item_id, audio_start_ms),
      speechStopped: (item_id, audio_end_ms) =>
        this.#emit({ type: "input_audio_buffer.speech_stopped", audio_end_ms, item_id }),
      committed: (itemId, pcm, by) => this.#committed(itemId, pcm, by),
    });
    this.#emit({ type: "session.created", session: this.#wire() });
  }

  /** One text frame of the client. */
  receive(frame: string): void {
    let eventId: string | null = null;
    try {
      const parsed = parseEvent(frame);
      eventId = parsed.eventId;
      this.#do(parsed.event());
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      const anonymous =
        this.#deps.anonymousErrors && thrown.code === "conversation_already_has_active_response";
      this.refuse(thrown, anonymous ? null : eventId);
    }
  }

  refuse(refusal: Refusal, eventId: string | null): void {
    this.#emit({ type: "error", error: refusal.toWire(eventId) });
  }

  /** The socket is gone: ends all work, sends nothing. */
  end(): void {
    this.#cancelExpiry();
    this.#outlet.ended();
    this.#active?.abandon();
    for (const response of this.#outOfBand) response.abandon();
    this.#ear.close();
  }

  #do(event: ClientEvent): void {
    switch (event.type) {
      case "input_audio_buffer.append":
        return this.#input.append(decodePcm(event.audio));
      case "input_audio_buffer.commit":
        return this.#input.commit();
      case "input_audio_buffer.clear":
        this.#input.clear();
        return this.#emit({ type: "input_audio_buffer.cleared" });
      case "session.update":
        return this.#update(event.session);
      case "conversation.item.create":
        return this.#create(event.item, event.previous_item_id);
      case "conversation.item.retrieve":
        return this.#emit({
          type: "conversation.item.retrieved",
          item: this.conversation.retrieve(event.item_id),
        });
      case "conversation.item.truncate": {
        const { item_id, content_index, audio_end_ms } = event;
        this.conversation.truncate(item_id, content_index, audio_end_ms);
        return this.#emit({ type: "conversation.item.truncated", item_id, content_index, audio_end_ms });
      }
      case "conversation.item.delete":
        this.conversation.delete(event.item_id);
        return this.#emit({ type: "conversation.item.deleted", item_id: event.item_id });
      case "response.create":
        return this.#respond(event.response ?? {});
      case "response.cancel":
        return this.#cancel(event.response_id ?? null);
    }
  }

  #update(update: unknown): void {
    const { defaults } = this.#deps;
    this.#config = updatedConfig(this.#config, update, defaults, this.#voiceLocked);
    this.#input.configure(this.#config.audio.input.turn_detection);
    this.#ear.setTools(
      this.#config.tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
    );
    this.#emit({ type: "session.updated", session: this.#wire() });
  }

  #create(value: unknown, after: string | null | undefined): void {
    const { item, audio } = parseItem(value);
    const record: ItemRecord = { item, audio: [], heard: null };
    if (audio !== null) record.audio = [decodePcm(audio)];
    this.#add(record, after);
    if (audio !== null && !this.#input.listening) this.#recognizeWhole(record);
  }

  /** Audio that came as an item: heard at once, in one piece. */
  #recognizeWhole(record: ItemRecord): void {
    this.#ear.start(() => {});
    for (const pcm of record.audio) this.#ear.write(pcm);
    this.#hear(record);
  }

  #add(record: ItemRecord, after?: string | null): void {
    const { item } = record;
    const previous_item_id = this.conversation.insert(record, after);
    this.#emit({ type: "conversation.item.added", previous_item_id, item });
    this.#emit({ type: "conversation.item.done", previous_item_id, item });
  }

  #listen(itemId: string): void {
    this.#stable = new StableWords();
    const stable = this.#stable;
    this.#ear.start((text) => this.#transcribed(itemId, stable.partial(text)));
  }

  #transcribed(item_id: string, delta: string): void {
    if (delta === "" || !this.#config.audio.input.transcription) return;
    const type = "conversation.item.input_audio_transcription.delta";
    this.#emit({ type, item_id, content_index: 0, delta });
  }

  #speechStarted(item_id: string, audio_start_ms: number): void {
    this.#emit({ type: "input_audio_buffer.speech_started", audio_start_ms, item_id });
    if (this.#config.audio.input.turn_detection?.interrupt_response) this.#active?.cancel("turn_detected");
  }

  #committed(itemId: string, pcm: Int16Array<ArrayBuffer>, by: "client" | "vad"): void {
    const item: Item = {
      id: itemId,
      object: "realtime.item",
      type: "message",
      status: "completed",
      role: "user",
      content: [{ type: "input_audio", transcript: null }],
    };
    const previous_item_id = this.conversation.lastId;
    this.#emit({ type: "input_audio_buffer.committed", previous_item_id, item_id: itemId });
    const record: ItemRecord = { item, audio: [pcm], heard: null };
    this.#add(record);
    this.#hear(record, this.#stable);
    if (by === "client" || !this.#config.audio.input.turn_detection?.create_response) return;
    try {
      this.#respond({});
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      this.refuse(thrown, null);
    }
  }

  /** Asks the ear for the end of what it was given and tells the client. */
  #hear(record: ItemRecord, stable = new StableWords()): void {
    const { item, audio } = record;
    const about = { item_id: item.id, content_index: 0 };
    const type = "conversation.item.input_audio_transcription";
    const samples = audio.reduce((sum, pcm) => sum + pcm.length, 0);
    record.heard = this.#ear.finish().then(
      (hearing: Hearing) => {
        this.#transcribed(item.id, stable.final(hearing.text));
        if (item.type !== "message") return hearing;
        for (const part of item.content) if (part.type === "input_audio") part.transcript = hearing.text;
        if (!this.#config.audio.input.transcription) return hearing;
        const usage = { type: "duration", seconds: samples / RATE_HZ };
        this.#emit({ type: `${type}.completed`, ...about, transcript: hearing.text, usage });
        return hearing;
      },
      (reason: unknown) => {
        const message = Error.isError(reason) ? reason.message : String(reason);
        const error = { type: "transcription_error", code: "audio_unintelligible", message };
        if (this.#config.audio.input.transcription) this.#emit({ type: `${type}.failed`, ...about, error });
        return null;
      },
    );
  }

  #respond(options: ResponseOptions): void {
    const request = requestOf(options, this.#config, this.conversation);
    if (!request.outOfBand && this.#active) {
      const text = `Conversation already has an active response in progress: ${this.#active.id}. Wait until the response is finished before creating a new one.`;
      throw new Refusal("conversation_already_has_active_response", text);
    }
    const response = new Response(request, this.#host);
    if (request.outOfBand) this.#outOfBand.add(response);
    else this.#active = response;
    response.start();
  }

  #cancel(id: string | null): void {
    const outOfBand = [...this.#outOfBand].find((response) => response.id === id);
    const response = outOfBand ?? (id === null || this.#active?.id === id ? this.#active : null);
    if (!response) {
      throw new Refusal("response_cancel_not_active", "Cancellation failed: no active response found.");
    }
    response.cancel("client_cancelled");
  }

  #responseHost(): ResponseHost {
    const { mind, voice, clock, speed, lateDeltas } = this.#deps;
    return {
      emit: (event) => this.#emit(event),
      conversation: this.conversation,
      conversationId: this.#conversationId,
      mind,
      voice,
      clock,
      speed,
      lateDeltas,
      audioBegan: () => {
        this.#voiceLocked = true;
      },
      ended: (response) => {
        this.#outOfBand.delete(response);
        if (this.#active === response) this.#active = null;
      },
    };
  }

  #expire(): void {
    const minutes = Math.round(this.#deps.sessionCapMs / 60_000);
    const text = `Your session hit the maximum duration of ${minutes} minutes.`;
    this.refuse(new Refusal("session_expired", text), null);
    this.#outlet.close(1001, text);
    this.end();
  }

  #emit(event: ServerEvent): void {
    this.#outlet.emit(event);
  }

  #wire(): Record<string, unknown> {
    return {
      object: "realtime.session",
      id: this.id,
      expires_at: Math.floor(this.#expiresAtMs / 1000),
      ...this.#config,
    };
  }
}
