import { expect, test } from "bun:test";
import { FRAME_SAMPLES } from "../../core/audio/port.ts";
import type { AudioPort, FrameHandler } from "../../core/audio/port.ts";
import { Bus } from "../../core/bus.ts";
import { muteable } from "../../core/mute.ts";

test("a muted robot hears silence, as often as before, in the session and in its plugins", () => {
  const handlers = new Set<FrameHandler>();
  const onFrame = (handler: FrameHandler) => {
    handlers.add(handler);
    return () => void handlers.delete(handler);
  };
  const bus = new Bus(() => {});
  const ears = muteable(bus, {
    capture: { onFrame, feed: async () => {} },
    port: { onFrame } as unknown as AudioPort,
  });
  const heard: number[] = [];
  const undos = [ears.capture, ears.port].map((one) =>
    one.onFrame((frame, atMs) => heard.push(frame[7]! + atMs)),
  );
  const speak = (atMs: number) =>
    handlers.forEach((handler) => handler(new Int16Array(FRAME_SAMPLES).fill(500), atMs));
  speak(1);
  bus.publish("user.mute_changed", { muted: true });
  speak(2);
  bus.publish("user.mute_changed", { muted: false });
  speak(3);
  expect(heard).toEqual([501, 501, 2, 2, 503, 503]);
  for (const undo of undos) undo();
  expect(handlers.size).toBe(0);
});
