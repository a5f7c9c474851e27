import type { Picture, WebPeer } from "myna";
import { lateness, newHand } from "./helm.ts";
import type { Hand } from "./helm.ts";
import type { LiveModel } from "./live-model.ts";
import type { Tap } from "./tap.ts";
import { BEAT_MS, PICTURE } from "./wire.ts";
import type { Own, Pong, Reply, Steering } from "./wire.ts";

/** One open page. Nothing waits for it: what it could not take is told again, as it is then. */
export class Viewer {
  readonly peer: WebPeer;
  readonly hand: Hand;
  wantsPictures = false;
  /** It holds the talk key. */
  talking = false;
  /** Topics that it taps; null for none. */
  filter: string | null = null;
  #tapped = 0;
  /** Revision of the model that reached the page. */
  #revision = 0;
  #sentAtMs = -Infinity;
  #pictureAtMs = -Infinity;
  /** Values of this page alone, as JSON. */
  #own = "";
  #steering = "";
  #dropped = 0;

  constructor(peer: WebPeer, id: number, nowMs: number) {
    this.peer = peer;
    this.hand = newHand(id, nowMs);
  }

  /** Messages that the page was too slow for. */
  get dropped(): number {
    return this.#dropped;
  }

  get operates(): boolean {
    return this.peer.caller.role === "operator";
  }

  tap(filter: string | null, tap: Tap): void {
    this.filter = filter;
    this.#tapped = tap.newest;
  }

  /** Tells what is new, or at least that all is well. */
  tell(model: LiveModel, tap: Tap, own: Own, nowMs: number): void {
    const changed = model.since(this.#revision);
    const mine = JSON.stringify(own);
    const tapped = this.filter === null ? undefined : tap.since(this.#tapped, this.filter);
    const news = changed !== "" || mine !== this.#own || (tapped && tapped.events.length > 0);
    if (!news && nowMs - this.#sentAtMs < BEAT_MS) return;
    const parts = [`"type":"update"`, `"now":${Math.round(nowMs)}`];
    if (changed !== "") parts.push(changed);
    if (mine !== this.#own) parts.push(`"own":${mine}`);
    if (tapped && tapped.events.length > 0)
      parts.push(`"tap":${JSON.stringify(tapped.events)}`, `"tapSkipped":${tapped.skipped}`);
    if (!this.#send(`{${parts.join(",")}}`)) return;
    this.#revision = model.revision;
    this.#own = mine;
    this.#tapped = tap.newest;
    this.#sentAtMs = nowMs;
  }

  reply(to: number | undefined, ok: boolean, message?: string): void {
    if (to === undefined) return;
    const reply: Reply = { type: "reply", to, ok, ...(message !== undefined && { message }) };
    this.#send(JSON.stringify(reply));
  }

  /** Also tells how long messages of this page are under way. */
  pong(sentAtMs: number, nowMs: number): void {
    lateness(this.hand, sentAtMs, nowMs);
    const pong: Pong = { type: "pong", sent_at_ms: sentAtMs, now: Math.round(nowMs) };
    this.#send(JSON.stringify(pong));
  }

  /** What became of its last intent, where that is another thing than before. */
  steered(state: Steering["state"], message?: string): void {
    const steering: Steering = { type: "steering", state, ...(message !== undefined && { message }) };
    const json = JSON.stringify(steering);
    if (json === this.#steering) return;
    if (this.#send(json)) this.#steering = json;
  }

  /** Its dead-man key was let go: the next intent's fate is news again. */
  letGo(): void {
    this.#steering = "";
  }

  /** `message` is the picture with {@link PICTURE} before it; one that comes too soon is left out. */
  show(message: Uint8Array, periodMs: number, nowMs: number): void {
    if (!this.wantsPictures || nowMs - this.#pictureAtMs < periodMs) return;
    if (this.#send(message)) this.#pictureAtMs = nowMs;
  }

  #send(message: string | Uint8Array): boolean {
    const sent = this.peer.send(message);
    if (!sent) this.#dropped++;
    return sent;
  }
}

/** A picture as it goes to pages. */
export function pictureMessage({ jpeg }: Picture): Uint8Array {
  const message = new Uint8Array(jpeg.length + 1);
  message[0] = PICTURE;
  message.set(jpeg, 1);
  return message;
}
