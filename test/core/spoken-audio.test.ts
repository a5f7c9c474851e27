import { describe, expect, test } from "bun:test";
import { Bus } from "../../core/bus.ts";
import { sessionConfig } from "../../core/realtime/config.ts";
import { SpokenAudio } from "../../core/realtime/spoken-audio.ts";
import { FakeCapture } from "../kit/fake-audio.ts";
import { until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import { espeak } from "../kit/voices.ts";

/** A microphone of numbered frames; `heard` holds the numbers of those that the session gets. */
function start(turn_detection: Record<string, unknown> = {}) {
  const microphone = new FakeCapture();
  const bus = new Bus(() => {});
  const spoken = new SpokenAudio(microphone, bus, sessionConfig.parse({ turn_detection, stream: "speech" }));
  const heard: number[] = [];
  spoken.onFrame((frame) => void heard.push(frame[0]!));
  const event = { source: "local" as const, speech_at_ms: 0 };
  let next = 0;
  return {
    ...{ bus, spoken, heard },
    frames(count: number) {
      microphone.frames(count, next);
      next += count;
    },
    begins: () => bus.publish("user.speech_started", event),
    ends: () => bus.publish("user.speech_stopped", event),
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe("a session that streams speech only", () => {
  test("gets nothing before speech, and then what was heard just before it, in order and without a gap", () => {
    const { frames, begins, heard } = start({ prefix_padding_ms: 200 });
    frames(50);
    expect(heard).toEqual([]);
    begins();
    frames(20);
    expect(heard).toEqual(numbers(40, 70));
  });

  test("gets the silence that the server needs to notice the end, and no more", () => {
    const { frames, begins, ends, heard, spoken } = start({ silence_duration_ms: 500 });
    begins();
    frames(10);
    ends();
    frames(100);
    expect(heard).toEqual(numbers(0, 10 + (500 + 300) / 20));
    expect(spoken.counters()).toEqual({ streamed_frames: 50, withheld_frames: 60 });
  });

  test("gets as much silence as semantic_vad may wait for more words", () => {
    const { frames, begins, ends, heard } = start({ type: "semantic_vad", eagerness: "high" });
    begins();
    ends();
    frames(500);
    expect(heard).toHaveLength((2000 + 300) / 20);
  });

  test("gets a pause between two words whole", () => {
    const { frames, begins, ends, heard } = start();
    begins();
    frames(10);
    ends();
    frames(30);
    begins();
    frames(10);
    expect(heard).toEqual(numbers(0, 50));
  });

  test("gets everything while the talk key is held, whatever the detector says", () => {
    const { frames, begins, ends, heard, bus } = start({ prefix_padding_ms: 100 });
    frames(10);
    bus.publish("user.talk_changed", { talking: true });
    begins();
    ends();
    frames(200);
    bus.publish("user.talk_changed", { talking: false });
    frames(200);
    expect(heard).toEqual(numbers(5, 210 + (500 + 300) / 20));
  });

  test("is not opened by what the server takes for speech, and not at all when it is closed", () => {
    const { frames, begins, heard, bus, spoken } = start();
    bus.publish("user.speech_started", { source: "server", speech_at_ms: 0 });
    frames(20);
    spoken.close();
    begins();
    frames(20);
    expect(heard).toEqual([]);
  });

  test("a robot sends its server a whole sentence and little else, and is answered", async () => {
    const brain = await scriptBrain({ answers: ["Yes."] });
    await using stack = new AsyncDisposableStack();
    stack.defer(() => brain.close());
    await using robot = await startTestRobot({
      ...{ audio: true, brain, plugins: { vad: { use: "vad-silero" } } },
      session: { stream: "speech", turn_detection: { silence_duration_ms: 400 } },
    });
    const sent = () =>
      brain.received.filter(({ event }) => event.type === "input_audio_buffer.append").length;
    const frames = () =>
      robot.health().core["session"] as { streamed_frames: number; withheld_frames: number };
    await until(() => frames().withheld_frames >= 50, "The microphone is not heard");
    expect(sent()).toBe(0);
    const sentence = await espeak("what can you see in front of you");
    await robot.feed(sentence);
    await robot.waitFor("response.finished");
    await until(() => frames().withheld_frames >= 100, "The microphone is still streamed");
    const sentenceFrames = sentence.length / 480;
    expect(frames().streamed_frames).toBeWithin(sentenceFrames * 0.8, sentenceFrames + 100);
    expect(sent()).toBeWithin(sentenceFrames * 0.8, sentenceFrames + 100);
  });
});
