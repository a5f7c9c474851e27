import { FRAME_MS } from "../audio/port.ts";
import { SpeechTiming } from "../audio/speech-timing.ts";
import type { SpeechTimes } from "../audio/speech-timing.ts";
import type { PluginContext } from "../plugin.ts";

/**
 * Says of one frame (20 ms, 24 kHz, borrowed) whether it is speech. `speaking` tells that speech is going on, for detectors
 * that are harder to convince of a beginning than of its continuation. Must allocate nothing.
 */
export type SpeechJudge = (frame: Int16Array, speaking: boolean) => boolean;

/** Speech of which no frame has come for so long has ended: the microphone is away, or the judge throws. */
const NO_FRAME_MS = 1000;

/**
 * Makes a voice detector of a plugin's judgement: publishes `user.speech_started` and `user.speech_stopped` with source
 * `local`, and shows in `inspect` whether somebody speaks and how often they did, beside what `details` tells. A frame whose
 * judge throws counts as an error of the plugin, and as no frame. Speech ends with the plugin, and a second after the last frame.
 */
export function detectSpeech(
  ctx: Pick<PluginContext, "audio" | "publish" | "inspect" | "every" | "defer">,
  times: SpeechTimes,
  judge: SpeechJudge,
  details: () => Record<string, unknown> = () => ({}),
): void {
  const timing = new SpeechTiming(times);
  let judgedAtMs = 0;
  const tell = (change: "started" | "stopped" | undefined): void => {
    if (change === "started") {
      ctx.publish("user.speech_started", { source: "local", speech_at_ms: timing.startedAtMs });
    } else if (change === "stopped") {
      ctx.publish("user.speech_stopped", { source: "local", speech_at_ms: timing.lastSpeechAtMs });
    }
  };
  ctx.audio.onFrame((frame, atMs) => {
    const speech = judge(frame, timing.speaking);
    judgedAtMs = performance.now();
    tell(timing.push(speech, FRAME_MS, atMs));
  });
  ctx.every(NO_FRAME_MS / 2, () => {
    if (performance.now() - judgedAtMs > NO_FRAME_MS) tell(timing.stop());
  });
  ctx.defer(() => tell(timing.stop()));
  ctx.inspect(() => ({
    speaking: timing.speaking,
    starts: timing.starts,
    speech_ms: timing.speechMs,
    ...details(),
  }));
}
