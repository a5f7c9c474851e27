/** A reader that is this far behind is not reading any more. */
const MAX_BUFFERED_BYTES = 32 * 1024 * 1024;
/** A robot that is switched off waits this long for a slow reader. */
const DRAIN_LIMIT_MS = 400;

/** An output stream whose reader may be slow or leave; writing never blocks and never throws. */
export class Outlet {
  readonly #out: NodeJS.WriteStream;
  readonly #gone: (reason: string) => void;
  #open = true;

  /** `gone` is called once when the reader has left or stopped reading. */
  constructor(out: NodeJS.WriteStream, gone: (reason: string) => void) {
    this.#out = out;
    this.#gone = gone;
    out.on("error", this.#failed);
  }

  write(text: string): void {
    if (!this.#open) return;
    this.#out.write(text);
    if (this.#out.writableLength > MAX_BUFFERED_BYTES) this.#close("the reader of stdout does not read");
  }

  /** Resolves when everything is written, or the reader takes too long. */
  async drain(): Promise<void> {
    if (this.#open && this.#out.writableLength > 0) {
      const drained = Promise.withResolvers<void>();
      this.#out.write("", () => drained.resolve());
      await Promise.race([drained.promise, Bun.sleep(DRAIN_LIMIT_MS)]);
    }
    this.#out.off("error", this.#failed);
  }

  readonly #failed = (error: Error): void => this.#close(`stdout: ${error.message}`);

  #close(reason: string): void {
    if (!this.#open) return;
    this.#open = false;
    this.#gone(reason);
  }
}

/** One event as a line of JSON; `t_ms` counts from the start of the process. */
export function jsonLine(topic: string, event: unknown, tMs: number): string {
  return `${JSON.stringify({ t_ms: Math.round(tMs * 10) / 10, topic, event })}\n`;
}
