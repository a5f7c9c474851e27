import type { Playback } from "../audio/port.ts";
import type { Logger } from "../log.ts";
import type { SessionConfig } from "./config.ts";
import type { Connection } from "./connection.ts";
import type { ClientEvent, FunctionCall, NewItem, ServerEvent } from "./events.ts";
import { linkFailure } from "./link-failure.ts";
import { Renewal } from "./renewal.ts";
import { Restore } from "./restore.ts";
import type { RestoreWire } from "./retelling.ts";
import { StallWatch } from "./stall.ts";

/** What {@link Continuity} works with. */
export interface ContinuityDeps {
  config: SessionConfig;
  playback: Playback;
  log: Logger;
  link: Pick<Connection, "reconnect" | "prepareNext" | "swap" | "send" | "sendIfReady">;
  encode: (event: ClientEvent) => string;
  /** A pause: nobody speaks, nothing is said, run or wanted. */
  atRest: () => boolean;
  /** The drop was so long that nobody waits for an answer any more. */
  onStale: () => void;
}

/** Makes one conversation of many sessions: notices dead links, renews sessions in time, restores what was said. */
export class Continuity {
  readonly #deps: ContinuityDeps;
  readonly #restore: Restore;
  readonly #stall: StallWatch;
  readonly #renewal: Renewal;
  #running: string | null = null;

  constructor(deps: ContinuityDeps) {
    this.#deps = deps;
    const { config, playback, log, link } = deps;
    this.#restore = new Restore({ config, encode: deps.encode });
    this.#stall = new StallWatch({
      stallMs: config.timeouts.stall_ms,
      playing: () => playback.active,
      onStall: () =>
        link.reconnect({
          ...linkFailure("LINK_TIMEOUT", "the server fell silent in its answer"),
          hung: true,
        }),
      onGap: () => log.warn("the answer does not go on: the server sends no sound"),
    });
    this.#renewal = new Renewal({
      beforeMs: config.renewal.before_s * 1000,
      deadlineMs: config.renewal.deadline_s * 1000,
      prepare: () => link.prepareNext(),
      atRest: () => deps.atRest() && !this.#restore.open,
      swap: () => link.swap(),
    });
  }

  /** A frame of the microphone, borrowed. */
  frame(pcm: Int16Array): void {
    this.#restore.frame(pcm);
  }

  /** An event of the present session. */
  observe(event: ServerEvent): void {
    this.#restore.observe(event);
    this.#stall.event();
    switch (event.type) {
      case "audio":
        this.#stall.audio();
        break;
      case "audio_done":
        this.#stall.audioDone();
        break;
      case "session_created":
        this.#renewal.began(event.expiresAtS);
        break;
      case "response_created":
        this.#running = event.responseId;
        this.#stall.began();
        break;
      case "response_done":
        if (this.#running !== event.responseId) break;
        this.#running = null;
        this.#stall.ended();
        break;
    }
  }

  /** An item of ours is about to be sent, or to wait in the outbox. */
  added(item: NewItem, queued: boolean): void {
    this.#restore.added(item, queued);
  }

  /** The robot's words, so far or as they were heard. */
  said(itemId: string, text: string): void {
    for (const event of this.#restore.said(itemId, text))
      this.#deps.link.sendIfReady(this.#deps.encode(event));
  }

  called(responseId: string, call: FunctionCall): void {
    this.#restore.called(responseId, call);
  }

  returned(call: FunctionCall, output: string, late: boolean): void {
    const note = this.#restore.returned(call, output, late);
    if (note) this.#deps.link.send(this.#deps.encode(note));
  }

  /** The link is gone: as {@link Restore.linkLost}. */
  linkLost(about: { whole: string | null; cut: boolean; serverIsAlive: boolean }): boolean {
    this.close();
    return this.#restore.linkLost(about);
  }

  /** As {@link Restore.resume}. */
  resume(): void {
    this.#restore.resume();
  }

  /** As {@link Restore.toldImages}. */
  get toldImages(): readonly string[] {
    return this.#restore.toldImages;
  }

  begin(wire: RestoreWire): (event: ServerEvent) => void {
    if (this.#restore.stale()) this.#deps.onStale();
    return this.#restore.begin(wire);
  }

  ready(queued: number, hear: (frame: Int16Array) => void): { frames: number; speech: boolean } {
    return this.#restore.ready(queued, hear);
  }

  /** Leaves no timer. */
  close(): void {
    this.#running = null;
    this.#renewal.ended();
    this.#stall.ended();
    this.#restore.stop();
  }

  counters(): Record<string, unknown> {
    return { ...this.#restore.counters(), ...this.#stall.counters() };
  }
}
