import { expect, test } from "bun:test";
import { LateTransport } from "../../core/realtime/late-transport.ts";
import type { Transport } from "../../core/realtime/transport.ts";

class Exchanged extends LateTransport {
  protected override end(): void {}
  take(wire: Transport): void {
    this.takeWire(wire);
  }
}

function wire(): Transport {
  return {
    ownsOutputBuffer: false,
    send: () => {},
    ping: () => {},
    close: async () => {},
    terminate: () => {},
  };
}

test("a wire that takes no sound of its own is not sent any by way of the one before it", () => {
  const transport = new Exchanged();
  let frames = 0;
  transport.take({ ...wire(), sendAudio: () => void frames++ });
  transport.sendAudio?.(new Int16Array(480));
  expect(frames).toBe(1);
  transport.take(wire());
  expect(transport.sendAudio).toBeUndefined();
});
