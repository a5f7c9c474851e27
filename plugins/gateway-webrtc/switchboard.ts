import { MynaError } from "myna";
import type { PluginContext } from "myna";
import type { CallSettings } from "./call.ts";
import { Metronome } from "./metronome.ts";
import type { OfferRequest } from "./offer-request.ts";
import { RobotCall } from "./robot-call.ts";
import { TalkClient } from "./talk-client.ts";
import type { TalkConfig } from "./talk-config.ts";

/** A call whose page never connects is given up. */
const CONNECT_MS = 20_000;
/** A call that has no server any more is ended so long after its page was told why. */
const FAREWELL_MS = 2000;

interface Line {
  readonly mode: "robot" | "own";
  readonly connected: () => boolean;
  readonly close: () => Promise<void>;
  readonly counters: () => Record<string, unknown>;
}

/** All calls of a robot, by id. Loaded with the first offer: it brings the WebRTC stack and the codec along. */
export class Switchboard {
  readonly #ctx: PluginContext<TalkConfig>;
  readonly #metronome: Metronome;
  readonly #lines = new Map<string, Line>();
  /** Offers that are being answered. */
  #answering = 0;
  readonly #closing = new Set<Promise<void>>();
  readonly #counters = { calls: 0, refused: 0 };
  /** Resolved when the last call is over; undefined while calls are taken. */
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(ctx: PluginContext<TalkConfig>) {
    this.#ctx = ctx;
    this.#metronome = new Metronome(
      (delayMs, run) => ctx.after(delayMs, run),
      (error) => ctx.log.error("a call failed", { error: String(error) }),
    );
  }

  get size(): number {
    return this.#lines.size;
  }

  /** Answers an offer. SHUTTING_DOWN where calls are not taken any more; DEVICE_BUSY where there is no line left, or another page talks; ARGUMENT_INVALID for a bad offer. */
  async answer(request: OfferRequest, fromLoopback: boolean): Promise<{ id: string; sdp: string }> {
    const { max_calls } = this.#ctx.config;
    if (this.#drained) throw new MynaError("SHUTTING_DOWN", "no more calls are taken here");
    if (this.#lines.size + this.#answering >= max_calls) {
      this.#counters.refused++;
      throw new MynaError("DEVICE_BUSY", `all ${max_calls} lines are taken`);
    }
    const id = crypto.randomUUID();
    const settings = this.#callSettings(fromLoopback ? "127.0.0.1" : "");
    this.#counters.calls++;
    this.#answering++;
    const answer =
      request.mode === "robot" ? this.#robot(id, request, settings) : this.#own(id, request, settings);
    const sdp = await answer.finally(() => {
      this.#answering--;
      this.#drainedIfEmpty();
    });
    this.#ctx.after(CONNECT_MS, () => {
      if (this.#lines.get(id)?.connected() === false) this.hangUp(id);
    });
    return { id, sdp };
  }

  /** False where there is no such call. */
  hangUp(id: string): boolean {
    const line = this.#lines.get(id);
    if (!line) return false;
    this.#remove(id);
    const closing = line
      .close()
      .catch((error: unknown) => this.#ctx.log.warn("a call did not end well", { error: String(error) }))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    return true;
  }

  /** Resolves when the calls under way are over, also those that are being answered. */
  drain(): Promise<void> {
    this.#drained ??= Promise.withResolvers();
    this.#drainedIfEmpty();
    return this.#drained.promise;
  }

  /** Ends all calls; resolves when nothing of them is left. */
  async close(): Promise<void> {
    for (const id of this.#lines.keys()) this.hangUp(id);
    await Promise.all(this.#closing);
  }

  counters(): Record<string, unknown> {
    const lines = [...this.#lines.values()];
    return {
      ...this.#counters,
      open: lines.length,
      lines: lines.map(({ mode, counters }) => ({ mode, ...counters() })),
    };
  }

  async #robot(id: string, { sdp, muted }: OfferRequest, call: CallSettings): Promise<string> {
    const robot = new RobotCall(
      this.#ctx,
      { call, loudspeaker: this.#ctx.config.loudspeaker, ended: () => this.#remove(id) },
      this.#metronome,
    );
    const answer = await robot.answer(sdp, muted);
    this.#add(id, {
      mode: "robot",
      connected: () => robot.connected,
      close: () => robot.close(),
      counters: () => robot.counters(),
    });
    return answer;
  }

  async #own(id: string, { sdp, voice }: OfferRequest, call: CallSettings): Promise<string> {
    const { url, model, instructions, barge_in } = this.#ctx.config;
    const chosen = voice ?? this.#ctx.config.voice;
    const client = new TalkClient(
      {
        url: url ?? this.#serverUrl(),
        instructions,
        bargeIn: barge_in,
        ...(model !== undefined && { model }),
        ...(chosen !== undefined && { voice: chosen }),
        jitter: call.jitter,
        opus: call.codec,
        bindAddress: call.peer.bindAddress,
        iceServers: call.peer.iceServers,
      },
      this.#metronome,
      call.peer.detached,
    );
    client.on("transcript", ({ role, text, final }) =>
      client.tellPage({ type: role === "user" ? "heard" : "transcript", text, final }),
    );
    client.on("measured", (event) => this.#ctx.publish("talk.measured", event));
    this.#watchLink(id, client);
    try {
      const answer = await client.handleWebRTCOffer(sdp);
      // The page need not wait for the server: what it says meanwhile is not lost on anybody.
      client.initialize().catch(() => {});
      this.#add(id, {
        mode: "own",
        connected: () => client.pageConnected,
        close: () => client.disconnect(),
        counters: () => ({ ...client.counters(), ...client.getPerformanceMetrics() }),
      });
      return answer;
    } catch (error) {
      await client.disconnect();
      throw error;
    }
  }

  /** What keeps a caller from the server is told to its page and to the log; where nothing can mend it, the call ends. */
  #watchLink(id: string, client: TalkClient): void {
    const { log } = this.#ctx;
    let waits = false;
    let over = false;
    const farewell = () => void this.#ctx.after(FAREWELL_MS, () => this.hangUp(id));
    client.on("error", ({ code, message, fatal }) => {
      if (!fatal) return;
      over = true;
      log.error("a caller has no link to the Realtime server", { code, error: message });
      client.tellPage({ type: "error", code, message });
      if (code === "LINK_AUTH") this.#ctx.health("degraded", `callers have no link: ${message}`);
      if (client.pageConnected) farewell();
    });
    client.on("connectionChange", ({ link, page }) => {
      if (page === "closed") return void this.hangUp(id);
      if (over && page === "connected") farewell();
      if (link === "ready") this.#ctx.health("ready");
      if (link === "waiting" && !waits) {
        const message = "the Realtime server cannot be reached; it is tried again";
        log.warn("a caller waits for the Realtime server", {});
        client.tellPage({ type: "error", code: "LINK_REFUSED", message });
      }
      waits = link === "waiting" || (waits && link !== "ready");
    });
  }

  /** The plugin may have gone while the answer was made. */
  #add(id: string, line: Line): void {
    if (this.#ctx.signal.aborted) void line.close();
    else this.#lines.set(id, line);
    this.#tell();
  }

  #remove(id: string): void {
    if (!this.#lines.delete(id)) return;
    this.#tell();
    this.#drainedIfEmpty();
  }

  #drainedIfEmpty(): void {
    if (this.#lines.size + this.#answering === 0) this.#drained?.resolve();
  }

  #tell(): void {
    this.#ctx.publish("talk.calls_changed", { open: this.#lines.size, most: this.#ctx.config.max_calls });
  }

  #serverUrl(): string {
    return this.#ctx.has("brain") ? this.#ctx.use("brain").url() : this.#ctx.report().session.url;
  }

  #callSettings(bindAddress: string): CallSettings {
    const { config } = this.#ctx;
    return {
      peer: {
        bindAddress,
        iceServers: config.ice_servers,
        detached: (body) => this.#ctx.detached(body),
      },
      codec: {
        bitrateBps: config.bitrate_bps,
        complexity: config.complexity,
        expectedLossPercent: config.expected_loss_percent,
      },
      jitter: { minMs: config.jitter_min_ms, maxMs: Math.max(config.jitter_min_ms, config.jitter_max_ms) },
    };
  }
}
