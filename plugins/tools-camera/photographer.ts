import { MynaError } from "myna";
import type { Camera, Picture, PluginContext } from "myna";
import { fit } from "./fit.ts";

const MINUTE_MS = 60_000;

/** Takes pictures for the model: of a bounded size, and only so many a minute. */
export class Photographer {
  readonly #ctx: Pick<PluginContext, "publish">;
  readonly #camera: Camera;
  readonly #limits: { maxSidePx: number; maxBytes: number; perMinute: number };
  readonly #state: { takenAtMs: number[] };

  /** `state` keeps count; it may outlive this. */
  constructor(
    ctx: Pick<PluginContext, "publish">,
    camera: Camera,
    limits: { maxSidePx: number; maxBytes: number; perMinute: number },
    state: { takenAtMs: number[] },
  ) {
    this.#ctx = ctx;
    this.#camera = camera;
    this.#limits = limits;
    this.#state = state;
  }

  /** Throws TOOL_FAILED, with the time to wait, where `pictures` more within this minute are too many. */
  allow(pictures: number): void {
    const { perMinute } = this.#limits;
    const nowMs = performance.now();
    const taken = this.#state.takenAtMs.filter((atMs) => nowMs - atMs < MINUTE_MS);
    this.#state.takenAtMs = taken;
    const over = taken.length + pictures - perMinute;
    if (over <= 0) return;
    const freeAtMs = over > taken.length ? Infinity : taken[over - 1]! + MINUTE_MS;
    const waitS = Math.ceil((freeAtMs - nowMs) / 1000);
    const when = Number.isFinite(waitS) ? `no picture for another ${waitS} s: ` : "";
    throw new MynaError("TOOL_FAILED", `${when}${perMinute} a minute are allowed`);
  }

  async take(): Promise<Picture> {
    this.allow(1);
    this.#state.takenAtMs.push(performance.now());
    const picture = await fit(await this.#camera.capture(), this.#limits.maxSidePx, this.#limits.maxBytes);
    const { jpeg, width, height } = picture;
    this.#ctx.publish("camera.frame_captured", { width, height, bytes: jpeg.length });
    return picture;
  }
}
