import type { Transport } from "./transport.ts";

/** A transport whose wire comes later, or is exchanged for another: until then it takes calls and does nothing. */
export abstract class LateTransport implements Transport {
  #wire: Transport | undefined;
  /** As the wire has it: absent before it is there. */
  sendAudio?: (frame: Int16Array) => void;

  /** Gives up what the wire waits for; called before each close. */
  protected abstract end(): void;

  protected get wire(): Transport | undefined {
    return this.#wire;
  }

  protected takeWire(wire: Transport): void {
    this.#wire = wire;
    if (wire.sendAudio) this.sendAudio = (frame) => wire.sendAudio?.(frame);
    else delete this.sendAudio;
  }

  get ownsOutputBuffer(): boolean {
    return this.#wire?.ownsOutputBuffer ?? false;
  }

  send(text: string): void {
    this.#wire?.send(text);
  }

  ping(): void {
    this.#wire?.ping();
  }

  async close(): Promise<void> {
    this.end();
    await this.#wire?.close();
  }

  terminate(): void {
    this.end();
    this.#wire?.terminate();
  }
}
