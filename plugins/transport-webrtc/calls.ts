import { loadLibopus } from "libopus-wasm";
import { linkFailure } from "myna";
import type { Logger, Transport, TransportEvents, TransportRequest } from "myna";
import { Call } from "./call.ts";
import type { CallSettings } from "./call.ts";
import { surviveUdpErrors } from "./udp-errors.ts";

/** How often the time to come to stand is doubled for a computer that is too busy for less. */
const DOUBLINGS = 3;

/** The calls of one robot: one at a time as a rule, two for a moment while one replaces the other. */
export class WebRtcCalls {
  readonly #settings: CallSettings;
  readonly #log: Logger;
  readonly #open = new Map<Call, TransportEvents>();
  #calls = 0;
  /** Calls in a row that did not come to stand in time. */
  #late = 0;
  #last: Call | undefined;

  private constructor(settings: CallSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Resolves when the codec is loaded. */
  static async create(settings: CallSettings, log: Logger): Promise<WebRtcCalls> {
    surviveUdpErrors();
    const { version } = await loadLibopus();
    log.debug("the codec is loaded", { version });
    return new WebRtcCalls(settings, log);
  }

  /** Begins a call; never throws. */
  connect(request: TransportRequest, events: TransportEvents): Transport {
    const settings = this.#settings;
    const call = new Call(request, events, {
      settings,
      log: this.#log,
      openMs: settings.open_ms * 2 ** Math.min(this.#late, DOUBLINGS),
      settled: (stands) => void (this.#late = stands ? 0 : this.#late + 1),
      ended: () => void this.#open.delete(call),
    });
    this.#open.set(call, events);
    this.#calls++;
    this.#last = call;
    void call.begin();
    return call;
  }

  /** The plugin goes: the session is told, and calls again when there is a transport again. */
  end(): void {
    for (const [call, events] of this.#open) {
      call.terminate();
      events.onClose(linkFailure("LINK_CLOSED", "the WebRTC transport was unloaded"));
    }
  }

  /** Of the present call, or the last one. */
  counters(): Record<string, unknown> {
    return { calls: this.#calls, open: this.#open.size, ...this.#last?.counters() };
  }
}
