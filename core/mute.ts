import { FRAME_SAMPLES } from "./audio/port.ts";
import type { AudioPort, Capture, FrameHandler } from "./audio/port.ts";
import type { Bus } from "./bus.ts";

const SILENCE = new Int16Array(FRAME_SAMPLES);

/** The ears of the session and of the plugins. */
export interface Ears {
  capture: Capture;
  port: AudioPort;
}

/** The same ears, which hear silence while "user.mute_changed" says so; time goes on in them, so that a turn ends. */
export function muteable(bus: Bus, { capture, port }: Ears): Ears {
  const onFrame = (inner: Capture["onFrame"]) => (handler: FrameHandler) =>
    inner((frame, atMs) => handler(bus.last("user.mute_changed")?.muted ? SILENCE : frame, atMs));
  return {
    capture: {
      onFrame: onFrame((handler) => capture.onFrame(handler)),
      feed: (pcm, signal) => capture.feed(pcm, signal),
    },
    port: { ...port, onFrame: onFrame((handler) => port.onFrame(handler)) },
  };
}
