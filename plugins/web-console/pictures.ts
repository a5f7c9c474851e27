import type { Picture, PluginContext } from "myna";

/** A camera that gives no picture for so long is asked again: its plugin may have been reloaded. */
const SILENT_MS = 3000;

/** The camera's pictures, while somebody wants them. */
export class Pictures {
  readonly #ctx: Pick<PluginContext, "use" | "has">;
  readonly #show: (picture: Picture) => void;
  #undo: (() => void) | undefined;
  #lastAtMs = 0;

  constructor(ctx: Pick<PluginContext, "use" | "has">, show: (picture: Picture) => void) {
    this.#ctx = ctx;
    this.#show = show;
  }

  /** Called once a second, and when what is wanted changes. */
  want(wanted: boolean, nowMs: number): void {
    const silent = this.#undo !== undefined && nowMs - this.#lastAtMs > SILENT_MS;
    if (!wanted || silent) this.stop();
    if (!wanted || this.#undo || !this.#ctx.has("camera")) return;
    this.#lastAtMs = nowMs;
    this.#undo = this.#ctx.use("camera").onPicture((picture) => {
      this.#lastAtMs = performance.now();
      this.#show(picture);
    });
  }

  stop(): void {
    try {
      this.#undo?.();
    } catch {
      // The camera's plugin is gone, and its watchers with it.
    }
    this.#undo = undefined;
  }
}
