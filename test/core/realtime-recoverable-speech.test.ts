import { expect, test } from "bun:test";
import type { Cut } from "../../core/realtime/assistant-speech.ts";
import { RecoverableSpeech } from "../../core/realtime/recoverable-speech.ts";
import { FakePlayback } from "../kit/fake-audio.ts";

/** An answer of which 200 ms were heard when it was cut. */
function cutAnswer() {
  const playback = new FakePlayback();
  const did: string[] = [];
  const speech = new RecoverableSpeech({
    playback,
    publish: () => {},
    flushServer: () => {},
    cancel: () => void did.push("cancel"),
    cut: ({ itemId, playedMs }: Cut) => void did.push(`cut ${itemId} ${playedMs}`),
  });
  const audio = (ms: number, itemId = "a1") =>
    speech.audio({ type: "audio", responseId: "r1", itemId, pcm: new Int16Array(ms * 24).fill(100) });
  audio(400);
  playback.play(200);
  const cuts = speech.silence("r1");
  const resumedMs = () =>
    playback.writes.reduce((sum, write) => sum + (write.itemId === "again" ? write.pcm.length / 24 : 0), 0);
  return { playback, speech, did, cuts, audio, resumedMs };
}

const REST = new Int16Array(200 * 24);

test("an answer that goes on unheard is said from where it was cut, and to its end as it comes", () => {
  const { speech, did, cuts, audio, resumedMs } = cutAnswer();
  expect(speech.hold("r1", cuts)).toBe(true);
  audio(600);
  audio(300, "a2");
  expect(resumedMs()).toBe(0);
  expect(speech.resume("again", "words", REST)).toBe(1100);
  expect(resumedMs()).toBe(1100);
  audio(500, "a2");
  expect(resumedMs()).toBe(1600);
  expect(did).toEqual([]);
  speech.responseEnded("r1");
  expect(did).toEqual(["cut a1 200"]);
  speech.close();
});

test("of an answer that goes on unheard no more than a minute is kept", () => {
  const { speech, cuts, audio, resumedMs } = cutAnswer();
  speech.hold("r1", cuts);
  for (let second = 0; second < 90; second++) audio(1000);
  expect(speech.resume("again", "", REST)).toBe(60_200);
  expect(resumedMs()).toBe(60_200);
  speech.close();
});

test("an answer that somebody did interrupt is cancelled once, and nothing of it is said", () => {
  const { speech, did, cuts, audio } = cutAnswer();
  speech.hold("r1", cuts);
  audio(1000);
  speech.confirm();
  speech.confirm();
  speech.responseEnded("r1");
  expect(did).toEqual(["cancel", "cut a1 200"]);
  expect(speech.resume("again", "", new Int16Array(0))).toBe(0);
});

test("an answer that is interrupted again while its rest is said is not held a second time", () => {
  const { playback, speech, did, cuts, audio, resumedMs } = cutAnswer();
  speech.hold("r1", cuts);
  audio(1000);
  speech.resume("again", "", REST);
  playback.play(100);
  const again = speech.silence("r1");
  expect(again).toEqual([]);
  expect(speech.hold("r1", again)).toBe(false);
  speech.confirm();
  audio(1000);
  expect(resumedMs()).toBe(1200);
  expect(did).toEqual(["cancel", "cut a1 200"]);
});

test("a rest of less than half a second is not said", () => {
  const { speech, cuts, audio } = cutAnswer();
  speech.hold("r1", cuts);
  audio(200);
  expect(speech.resume("again", "", REST)).toBe(0);
  speech.confirm();
});

test("of an answer that is longer than what is kept the beginning is said, without a hole, and the rest is cancelled", () => {
  const { speech, did, cuts, audio, resumedMs } = cutAnswer();
  speech.hold("r1", cuts);
  for (let second = 0; second < 59; second++) audio(1000);
  audio(2000);
  audio(500);
  expect(speech.resume("again", "", REST)).toBe(59_200);
  audio(500);
  expect(resumedMs()).toBe(59_200);
  expect(did).toEqual(["cancel", "cut a1 200"]);
});
