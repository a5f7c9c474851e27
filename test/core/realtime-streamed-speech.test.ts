import { describe, expect, test } from "bun:test";
import { StreamedSpeech } from "../../core/realtime/streamed-speech.ts";
import type { TopicName, Topics } from "../../core/topics.ts";
import { FakePlayback } from "../kit/fake-audio.ts";
import { until } from "../kit/raw-server.ts";

const LOUD = new Int16Array(480).fill(5000);
const SILENT = new Int16Array(480).fill(3);

function bench(streams = true) {
  const playback = new FakePlayback();
  const seen: { topic: string; event: unknown }[] = [];
  let flushes = 0;
  const publish = <T extends TopicName>(topic: T, event: Topics[T]) => void seen.push({ topic, event });
  const speech = new StreamedSpeech({ playback, publish }, () => void flushes++);
  speech.begin(streams);
  return {
    playback,
    speech,
    flushes: () => flushes,
    frames: (itemId: string) => playback.writes.filter((write) => write.itemId === itemId).length,
    finals: () =>
      seen
        .filter(({ topic }) => topic === "assistant.transcript")
        .map(({ event }) => event as Topics["assistant.transcript"])
        .filter((event) => event.final),
    [Symbol.dispose]: () => speech.close(),
  };
}

/** The events of a whole response, which all come before its sound. */
function told(speech: StreamedSpeech, responseId: string, itemId: string, text: string): void {
  speech.announced(responseId, itemId);
  speech.textDelta(responseId, itemId, text);
  speech.audioDone(itemId);
  speech.textDone(responseId, itemId, text);
  speech.itemEnded(itemId);
  speech.responseEnded(responseId);
}

describe("sound on a track of its own", () => {
  test("counts for the answer that was announced, from its first sound to the silence after it", async () => {
    using robot = bench();
    const { speech } = robot;
    speech.sound(LOUD);
    told(speech, "r1", "a1", "Hello.");
    speech.sound(SILENT);
    speech.outputBuffer("r1", "started");
    for (const frame of [LOUD, SILENT, LOUD]) speech.sound(frame);
    speech.outputBuffer("r1", "stopped");
    // A packet that the event has overtaken.
    speech.sound(LOUD);
    expect(robot.finals()).toEqual([]);
    speech.sound(SILENT);
    speech.sound(LOUD);
    expect(robot.frames("a1")).toBe(4);
    expect(robot.playback.writes.length).toBe(4);
    robot.playback.play(1000);
    expect(robot.finals()).toMatchObject([{ item_id: "a1", text: "Hello.", interrupted: false }]);
    expect(speech.counters()).toMatchObject({ streamed_frames: 4, unclaimed_frames: 2 });
  });

  test("ends without a last packet too", async () => {
    using robot = bench();
    told(robot.speech, "r1", "a1", "Hello.");
    robot.speech.sound(LOUD);
    robot.speech.outputBuffer("r1", "stopped");
    await until(() => {
      robot.playback.play(1000);
      return robot.finals().length === 1;
    }, "The answer does not end");
  });

  test("ends some seconds after its last sound where the server says nothing of its queue", async () => {
    using robot = bench();
    told(robot.speech, "r1", "a1", "Hello.");
    robot.speech.sound(LOUD);
    await until(() => {
      robot.playback.play(1000);
      return robot.finals().length === 1;
    }, "The answer does not end");
    expect(robot.finals()).toMatchObject([{ text: "Hello.", interrupted: false }]);
  });

  test("of the next answer ends the one before, whatever the server forgot to say", () => {
    using robot = bench();
    told(robot.speech, "r1", "a1", "One.");
    told(robot.speech, "r2", "a2", "Two.");
    robot.speech.outputBuffer("r1", "started");
    robot.speech.sound(LOUD);
    robot.speech.outputBuffer("r2", "started");
    robot.speech.sound(LOUD);
    expect([robot.frames("a1"), robot.frames("a2")]).toEqual([1, 1]);
    robot.playback.play(20);
    expect(robot.finals().map((event) => event.item_id)).toEqual(["a1"]);
  });

  test("of a server that announces nothing is heard all the same", () => {
    using robot = bench();
    robot.speech.outputBuffer("r1", "started");
    robot.speech.sound(LOUD);
    expect(robot.playback.writes.length).toBe(1);
  });

  test("leaves an answer in writing alone", () => {
    using robot = bench();
    robot.speech.textDone("r1", "a1", "Written.");
    robot.speech.responseEnded("r1");
    expect(robot.finals()).toMatchObject([{ text: "Written.", interrupted: false }]);
  });

  test("is not heard any more once it is cut, and the server is told of nothing but its own queue", () => {
    using robot = bench();
    const { speech } = robot;
    told(speech, "r1", "a1", "One two three four five six seven eight nine ten.");
    for (let at = 0; at < 100; at++) speech.sound(LOUD);
    robot.playback.play(1000);
    expect(speech.silence("r1")).toEqual([]);
    speech.flushServer();
    expect(robot.flushes()).toBe(1);
    speech.sound(LOUD);
    speech.outputBuffer("r1", "cleared");
    speech.sound(LOUD);
    expect(robot.frames("a1")).toBe(100);
    // 15 characters in a second of speech, back to whole words.
    expect(robot.finals()).toMatchObject([{ text: "One two three", interrupted: true }]);
    speech.flushServer();
    expect(robot.flushes()).toBe(1);
  });

  test("of a response that is announced after it was cut is thrown away at the server", () => {
    using robot = bench();
    robot.speech.cutResponse("r1");
    robot.speech.announced("r1", "a1");
    robot.speech.sound(LOUD);
    expect(robot.flushes()).toBe(1);
    expect(robot.playback.writes).toEqual([]);
  });

  test("of a response that was thrown away already is not thrown away again: it could be the next one by then", () => {
    using robot = bench();
    const { speech } = robot;
    speech.announced("r1", "a1");
    speech.sound(LOUD);
    speech.silence("r1");
    speech.outputBuffer("r1", "cleared");
    speech.announced("r1", "a1-late");
    speech.responseEnded("r1");
    expect(robot.flushes()).toBe(0);
    speech.announced("r2", "a2");
    speech.outputBuffer("r2", "started");
    speech.sound(LOUD);
    expect(robot.playback.writes.map(({ itemId }) => itemId)).toEqual(["a1", "a2"]);
  });

  test("that comes late of a response that was cut does not take the place of the next one", () => {
    using robot = bench();
    const { speech } = robot;
    speech.announced("r1", "a1");
    speech.sound(LOUD);
    speech.silence("r1");
    speech.outputBuffer("r1", "cleared");
    speech.announced("r2", "a2");
    speech.outputBuffer("r1", "started");
    speech.sound(LOUD);
    speech.outputBuffer("r1", "stopped");
    speech.sound(SILENT);
    speech.outputBuffer("r2", "started");
    speech.sound(LOUD);
    expect(robot.playback.writes.map(({ itemId }) => itemId)).toEqual(["a1", "a2"]);
  });

  test("ends with its link: what was heard stays, and the next link begins anew", () => {
    using robot = bench();
    robot.speech.announced("r1", "a1");
    robot.speech.textDelta("r1", "a1", "Once upon");
    robot.speech.sound(LOUD);
    robot.speech.linkLost();
    robot.playback.play(20);
    expect(robot.finals()).toMatchObject([{ item_id: "a1", interrupted: true }]);
    robot.speech.begin(true);
    robot.speech.sound(LOUD);
    expect(robot.playback.writes.length).toBe(1);
  });
});

test("where sound travels in events, announcements and words of the server's queue change nothing", () => {
  using robot = bench(false);
  robot.speech.announced("r1", "a1");
  robot.speech.outputBuffer("r1", "started");
  robot.speech.audio({ type: "audio", responseId: "r1", itemId: "a1", pcm: LOUD });
  robot.speech.textDone("r1", "a1", "Hello.");
  robot.speech.itemEnded("a1");
  robot.playback.play(20);
  expect(robot.finals()).toMatchObject([{ item_id: "a1", text: "Hello.", interrupted: false }]);
  expect(robot.speech.silence(null)).toEqual([]);
  robot.speech.flushServer();
  expect(robot.flushes()).toBe(0);
});
