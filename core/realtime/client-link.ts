import type { AnyServerEvent } from "./client-events.ts";
import { createLog } from "../log.ts";
import { clientEndpoint } from "./client-options.ts";
import type { RealtimeClientOptions } from "./client-options.ts";
import type { ClientSession } from "./client-session.ts";
import type { SessionConfig } from "./config.ts";
import { Connection } from "./connection.ts";
import type { LinkChange } from "./connection.ts";
import { dialer } from "./dialer.ts";
import { SwitchedDialect } from "./dialect-switch.ts";
import type { AudioDelta } from "./events.ts";
import { isRecord } from "./ga-fields.ts";
import type { Weight } from "./outbox.ts";
import { connectWebSocket } from "./transport.ts";
import type { Connect } from "./transport.ts";

/** What {@link ClientLink} works with. */
export interface ClientLinkDeps {
  config: SessionConfig;
  options: RealtimeClientOptions;
  session: ClientSession;
  /** `frame` is the text that it came in; a delta that was parsed is told here, not as {@link ClientLinkDeps.onWire}. */
  onAudio: (event: AudioDelta, frame: string) => void;
  /** Every other event of the server, also before the link is ready. */
  onWire: (event: AnyServerEvent) => void;
  /** Sound that does not travel in events; borrowed. */
  onStream: (pcm: Int16Array) => void;
  onReady: (url: string) => void;
  onChange: (change: LinkChange) => void;
}

/** Figures of one link. */
export interface LinkCounts {
  attempts: number;
  sent: number;
  received: number;
  queued: number;
  dropped: number;
  malformed: number;
}

/** A library says what it has to say by events. */
const SILENT = createLog({ level: "error", write: () => {} });

/** The link of a client from `connect` until it is closed: a {@link Connection} whose events are also handed out as they came. */
export class ClientLink {
  readonly #deps: ClientLinkDeps;
  readonly #dialect = new SwitchedDialect();
  readonly #connection: Connection;
  readonly #counts = { attempts: 0, sent: 0, received: 0, binary: 0 };
  #url = "";
  /** The audio of the frame at hand. */
  #audio: AudioDelta | null = null;

  constructor(deps: ClientLinkDeps) {
    this.#deps = deps;
    const { config, options } = deps;
    const wire = dialer({
      connect: options.connect ?? connectWebSocket,
      dialect: this.#dialect,
      model: config.model,
      log: SILENT,
    });
    this.#connection = new Connection({
      config,
      dialect: this.#dialect,
      endpoint: () => clientEndpoint(options, config),
      connect: this.#tapped(wire),
      configure: (eventId) => this.#configuration(eventId),
      onEvent: (event) => {
        if (event.type === "audio") this.#audio = event;
      },
      onAudio: (pcm) => deps.onStream(pcm),
      onReady: () => deps.onReady(this.#url),
      onLost: () => {},
      onChange: (change) => {
        this.#url = change.url;
        deps.onChange(change);
      },
    });
  }

  /** Which dialect the present connection speaks. */
  get dialect(): "ga" | "beta" {
    return this.#dialect.name;
  }

  start(): void {
    this.#connection.start();
  }

  /** False where an event had to be dropped. */
  send(text: string, weight: Weight): boolean {
    return this.#connection.send(text, weight);
  }

  /** A frame of the microphone on a track of its own; false where it has to be an event. */
  sendAudio(pcm: Int16Array): boolean {
    return this.#connection.sendAudio(pcm);
  }

  /** The text of the event that appends these samples. */
  append(pcm: Int16Array): string {
    return this.#dialect.append(pcm);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  counts(): LinkCounts {
    const outbox = this.#connection.counters()["outbox"] as Record<string, number>;
    const { bad_json = 0 } = this.#dialect.counters();
    const { attempts, sent, received, binary } = this.#counts;
    return {
      attempts,
      sent,
      received,
      queued: outbox["queued"] ?? 0,
      dropped: (outbox["dropped_audio"] ?? 0) + (outbox["dropped_events"] ?? 0),
      malformed: bad_json + binary,
    };
  }

  #configuration(eventId: string): string {
    const { config, options, session } = this.#deps;
    const tools = [...(options.tools ?? [])];
    const event = JSON.parse(
      this.#dialect.encode({ type: "configure", eventId, config, tools }),
    ) as AnyServerEvent;
    if (!isRecord(event["session"])) throw new TypeError("The dialect's configuration has no session.");
    return JSON.stringify({ ...event, session: session.onto(event["session"]) });
  }

  /** The wire, with a copy of what the connection has taken from it for the client's own listeners. */
  #tapped(connect: Connect): Connect {
    const counts = this.#counts;
    return (request, events) => {
      counts.attempts++;
      let live = true;
      const transport = connect(request, {
        ...events,
        onText: (text) => {
          if (!live) return;
          counts.received++;
          this.#audio = null;
          events.onText(text);
          // The connection has ended itself over this frame, or one of its listeners did.
          if (live) this.#handOut(text);
        },
        onBinary: (bytes) => {
          counts.received++;
          counts.binary++;
          events.onBinary(bytes);
        },
      });
      const sendAudio = (frame: Int16Array): void => transport.sendAudio?.(frame);
      return {
        // Both are known only once the wire is there.
        get ownsOutputBuffer() {
          return transport.ownsOutputBuffer;
        },
        get sendAudio() {
          return transport.sendAudio && sendAudio;
        },
        send: (text) => {
          counts.sent++;
          transport.send(text);
        },
        ping: () => transport.ping(),
        close: () => {
          live = false;
          return transport.close();
        },
        terminate: () => {
          live = false;
          transport.terminate();
        },
      };
    };
  }

  #handOut(frame: string): void {
    const audio = this.#audio;
    const { wire } = this.#dialect;
    if (audio !== null) this.#deps.onAudio(audio, frame);
    else if (wire !== null) this.#deps.onWire(wire);
  }
}
