import type { PluginContext, WebPeer } from "myna";
import { isFree, readAsk } from "./asks.ts";
import { Controls } from "./controls.ts";
import type { Conversation } from "./conversation.ts";
import type { Gauges } from "./gauges.ts";
import { Helm } from "./helm.ts";
import type { LiveModel } from "./live-model.ts";
import { Pictures } from "./pictures.ts";
import { Tap } from "./tap.ts";
import { Viewer, pictureMessage } from "./viewer.ts";
import type { Ask } from "./wire.ts";

/** How often pages are told what is new, and how often counters are read. */
const TELL_PERIOD_MS = 50;
const COUNT_PERIOD_MS = 500;
/** Pages open at once. */
const VIEWERS = 16;
/** Of these, pages that only look: they never keep the operator out. */
const LOOKERS = 12;
/** Stops that follow each other within this are one. */
const STOP_NOTE_MS = 2000;
/** RFC 6455 §7.4.1 and its registry. */
const CLOSE_POLICY = 1008;
const CLOSE_BUSY = 1013;

/** What a {@link Desk} works with. */
export interface DeskParts {
  ctx: PluginContext;
  model: LiveModel;
  conversation: Conversation;
  gauges: Gauges;
  maxSpeedMps: number;
  cameraFps: number;
}

/** All open pages: tells them what is new, and does what they ask for. Nothing is measured while none is open. */
export class Desk {
  readonly #parts: DeskParts;
  readonly #viewers = new Set<Viewer>();
  readonly #controls: Controls;
  readonly #helm: Helm;
  readonly #pictures: Pictures;
  readonly #tap = new Tap();
  #numbers = 0;
  #stoppedAtMs = -Infinity;
  #untap: (() => void) | undefined;
  /** What runs while a page is open. */
  #work: (() => void)[] = [];

  constructor(parts: DeskParts) {
    this.#parts = parts;
    const { ctx, gauges, maxSpeedMps, cameraFps } = parts;
    this.#controls = new Controls(ctx, ctx.id);
    const stop = (reason: string, how: { letGo: true }) =>
      ctx.has("drive") && ctx.use("drive").stop(reason, how);
    this.#helm = new Helm(
      { steer: (intent) => ctx.use("drive").steer({ ...intent, by: "person" }), stop },
      maxSpeedMps,
    );
    // Who talks for too long is let go by the session; another key may let go as well.
    ctx.on("user.talk_changed", ({ talking }) => {
      if (!talking) for (const viewer of this.#viewers) viewer.talking = false;
    });
    // Where no body latches, nothing else would tell.
    ctx.on("user.stopped", () => this.#helm.stopped(this.#hands(), performance.now()));
    this.#pictures = new Pictures(ctx, (picture) => {
      gauges.seen();
      const message = pictureMessage(picture);
      // A little less than the period: a camera of the same rate would lose every second picture to jitter.
      for (const viewer of this.#viewers) viewer.show(message, 800 / cameraFps, performance.now());
    });
  }

  counters(): Record<string, unknown> {
    const dropped = [...this.#viewers].reduce((sum, viewer) => sum + viewer.dropped, 0);
    return { pages: this.#viewers.size, dropped, driving: this.#helm.driving !== null };
  }

  /** A page came. */
  open(peer: WebPeer): { message(text: string): void; closed(): void } {
    const viewer = new Viewer(peer, ++this.#numbers, performance.now());
    if (!this.#room(viewer)) {
      peer.close(CLOSE_BUSY, "too many pages are open");
      return { message: () => {}, closed: () => {} };
    }
    this.#viewers.add(viewer);
    this.#workWhereWanted();
    this.#tellOne(viewer, performance.now());
    return { message: (text) => this.#message(viewer, text), closed: () => this.#closed(viewer) };
  }

  /** Lets go of the wheels and of the camera. */
  close(): void {
    for (const viewer of this.#viewers) {
      this.#helm.letGo(viewer.hand, "the console is reloaded");
      this.#talk(viewer, false);
    }
    this.#pictures.stop();
  }

  #room(viewer: Viewer): boolean {
    if (this.#viewers.size >= VIEWERS) return false;
    return viewer.operates || [...this.#viewers].filter(({ operates }) => !operates).length < LOOKERS;
  }

  #closed(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    this.#helm.letGo(viewer.hand, "the page that drove is gone");
    this.#talk(viewer, false);
    this.#tapWhereWanted();
    this.#workWhereWanted();
  }

  #message(viewer: Viewer, text: string): void {
    const read = readAsk(text);
    if ("problem" in read) return viewer.peer.close(CLOSE_POLICY, read.problem.slice(0, 100));
    const { ask } = read;
    const to = "n" in ask ? ask.n : undefined;
    if (!viewer.operates && !isFree(ask)) return viewer.reply(to, false, "a viewer may only look and stop");
    const nowMs = performance.now();
    if (ask.type === "ping") return viewer.pong(ask.sent_at_ms, nowMs);
    if (ask.type === "drive") {
      const { speed, steer, sent_at_ms } = ask;
      const steered = this.#helm.steer(viewer.hand, { speed, steer, sentAtMs: sent_at_ms }, nowMs);
      return viewer.steered(steered, steered === "refused" ? this.#helm.refusal : undefined);
    }
    this.#act(viewer, ask).then(
      () => viewer.reply(to, true),
      (error: unknown) => viewer.reply(to, false, (error as Error).message),
    );
  }

  async #act(viewer: Viewer, ask: Exclude<Ask, { type: "ping" | "drive" }>): Promise<void> {
    const controls = this.#controls;
    switch (ask.type) {
      case "text":
        return this.#parts.conversation.typed(ask.text, () => controls.say(ask.text));
      case "talk":
        return this.#talk(viewer, ask.talking);
      case "mute":
        return controls.mute(ask.muted);
      case "halt":
        viewer.letGo();
        return this.#helm.letGo(viewer.hand, "the dead-man key was let go");
      case "stop":
        return this.#stop();
      case "release":
        await controls.release();
        return this.#parts.conversation.note("released: the robot may move again", "good");
      case "plugin":
        await controls.plugin(ask);
        return this.#count();
      case "tap":
        viewer.tap(ask.filter, this.#tap);
        return this.#tapWhereWanted();
      case "camera":
        viewer.wantsPictures = ask.on;
        return this.#count();
    }
  }

  /** The talk key is held as long as one page holds it. */
  #talk(viewer: Viewer, talking: boolean): void {
    if (viewer.talking === talking) return;
    viewer.talking = talking;
    const others = [...this.#viewers].some((one) => one !== viewer && one.talking);
    if (!others) this.#controls.talk(talking);
  }

  #stop(): void {
    const nowMs = performance.now();
    this.#controls.emergencyStop("the stop button of the console was pressed");
    this.#helm.stopped(this.#hands(), nowMs);
    // The page asks by two ways at once, and again until it is confirmed.
    if (nowMs - this.#stoppedAtMs > STOP_NOTE_MS)
      this.#parts.conversation.note("stopped: everything stands still until it is released", "bad");
    this.#stoppedAtMs = nowMs;
  }

  #tell(): void {
    const { model, gauges } = this.#parts;
    const nowMs = performance.now();
    this.#helm.expire(nowMs);
    gauges.readFast();
    // Whoever stopped it: a key that is held now drives no further, not even after the release.
    if (model.get("body")?.latched) this.#helm.stopped(this.#hands(), nowMs);
    for (const viewer of this.#viewers) this.#tellOne(viewer, nowMs);
  }

  #tellOne(viewer: Viewer, nowMs: number): void {
    const { driving } = this.#helm;
    const role = viewer.operates ? ("operator" as const) : ("viewer" as const);
    const own = { role, driven: driving !== null, mine: driving === viewer.hand.id };
    viewer.tell(this.#parts.model, this.#tap, own, nowMs);
  }

  #count(): void {
    this.#parts.gauges.readSlow();
    const wanted = [...this.#viewers].some((viewer) => viewer.wantsPictures);
    this.#pictures.want(wanted, performance.now());
  }

  #hands(): Viewer["hand"][] {
    return [...this.#viewers].map(({ hand }) => hand);
  }

  #tapWhereWanted(): void {
    const wanted = [...this.#viewers].some((viewer) => viewer.filter !== null);
    if (wanted) this.#untap ??= this.#parts.ctx.tap((topic, event) => this.#tap.take(topic, event));
    else this.#untap = void this.#untap?.();
  }

  #workWhereWanted(): void {
    const { ctx, gauges } = this.#parts;
    if (this.#viewers.size > 0 && this.#work.length === 0) {
      gauges.readFast();
      this.#count();
      this.#work = [
        gauges.listen(),
        ctx.every(TELL_PERIOD_MS, () => this.#tell()),
        ctx.every(COUNT_PERIOD_MS, () => this.#count()),
      ];
    } else if (this.#viewers.size === 0) {
      for (const undo of this.#work.splice(0)) undo();
      this.#pictures.stop();
    }
  }
}
