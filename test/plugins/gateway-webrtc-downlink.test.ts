import { afterEach, expect, test } from "bun:test";
import { createVoiceEncoder } from "../../plugins/gateway-webrtc/codec.ts";
import { Downlink } from "../../plugins/gateway-webrtc/downlink.ts";
import { RtpReader, RtpWriter } from "../../plugins/gateway-webrtc/rtp.ts";
import { Voice } from "../../plugins/gateway-webrtc/voice.ts";

interface Sent {
  atMs: number;
  /** On the clock of the sound, since the first packet. */
  soundMs: number;
  bytes: number;
  marked: boolean;
}

const downlinks: Downlink[] = [];
afterEach(() => {
  for (const downlink of downlinks.splice(0)) downlink.free();
});

/** A voice, what is sent of it, and a clock that is turned by hand: a beat every 20 ms, at 20, 40, … */
async function page() {
  const voice = new Voice({ started: () => {}, stopped: () => {} });
  const encoder = await createVoiceEncoder({ bitrateBps: 32_000, complexity: 5, expectedLossPercent: 5 });
  const sent: Sent[] = [];
  const timers = new Set<{ atMs: number; run: (nowMs: number) => void }>();
  const reader = new RtpReader();
  let nowMs = 0;
  let firstTicks: number | undefined;
  const downlink = new Downlink(
    encoder,
    new RtpWriter(1, 111, 1275),
    {
      ready: () => voice.ready,
      waitingMs: () => voice.queuedMs,
      expects: () => voice.expects,
      say: (frame) => voice.take(frame),
    },
    (packet) => {
      expect(reader.read(packet)).toBeTrue();
      firstTicks ??= reader.ticks;
      const soundMs = ((reader.ticks - firstTicks) >>> 0) / 48;
      sent.push({ atMs: nowMs, soundMs, bytes: reader.payload.length, marked: packet[1]! >> 7 === 1 });
    },
    (delayMs, run) => {
      const timer = { atMs: Math.ceil(nowMs + delayMs), run };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
  );
  downlinks.push(downlink);
  const until = (endMs: number) => {
    for (nowMs++; nowMs <= endMs; nowMs++) {
      for (const timer of timers) if (timer.atMs <= nowMs) timer.run(nowMs);
      if (nowMs % 20 === 0) downlink.beat(nowMs);
    }
    nowMs = endMs;
  };
  return {
    voice,
    sent,
    /** Beats up to then. */
    until,
    /** Sound comes from the server at that time. */
    comes(atMs: number, soundMs: number, answer = "a") {
      until(atMs);
      voice.write(
        answer,
        Int16Array.from({ length: soundMs * 24 }, (_, i) => 5000 * Math.sin(i / 10)),
      );
      downlink.come(nowMs);
    },
    /** The event loop hangs: no beat comes until then. */
    hang: (endMs: number) => (nowMs = endMs),
  };
}

test("sound that comes as fast as speech goes out when it comes, whatever the beat", async () => {
  const { comes, sent } = await page();
  const times = Array.from({ length: 40 }, (_, i) => 1007 + 20 * i);
  for (const atMs of times) comes(atMs, 20);
  const sounds = sent.slice(-40);
  expect(sounds.map(({ atMs }) => atMs)).toEqual(times);
  expect(sounds.map(({ soundMs }) => soundMs - sounds[0]!.soundMs)).toEqual(times.map((ms) => ms - 1007));
});

test("a first frame that was late delays none of those that come as fast as speech", async () => {
  const { comes, sent } = await page();
  comes(1018, 20);
  const times = Array.from({ length: 10 }, (_, i) => 1020 + 20 * i);
  for (const atMs of times) comes(atMs, 20);
  expect(sent.slice(-10).map(({ atMs }) => atMs)).toEqual(times);
});

test("nor does it in a later answer, and the clock of the sound does not run ahead from answer to answer", async () => {
  const { comes, until, sent, voice } = await page();
  const aheadMs: number[] = [];
  for (let answer = 0; answer < 8; answer++) {
    const times = [18, 20, 40, 60, 80, 100, 120].map((ms) => 1000 + 1000 * answer + ms);
    for (const atMs of times) comes(atMs, 20, `answer ${answer}`);
    voice.end();
    const sounds = sent.slice(-times.length);
    expect(sounds.map(({ atMs }) => atMs)).toEqual(times);
    aheadMs.push(sounds[0]!.soundMs - sounds[0]!.atMs);
    until(1900 + 1000 * answer);
  }
  for (const ms of aheadMs) expect(ms).toBeCloseTo(aheadMs[0]!, 0);
});

test("sound that comes all at once goes out at the pace of speech, its first frame at once", async () => {
  const { comes, until, sent } = await page();
  comes(1007, 2000);
  const first = sent.length - 1;
  expect(sent[first]!.atMs).toBe(1007);
  until(2900);
  for (const { atMs, soundMs } of sent.slice(first)) {
    const dueMs = 1007 + soundMs - sent[first]!.soundMs;
    expect(atMs - dueMs).toBeWithin(-1, 2);
  }
  expect(sent.at(-1)!.atMs).toBeGreaterThan(2870);
});

test("a server that sends frame by frame, faster than speech, is soon held to its pace", async () => {
  const { comes, sent } = await page();
  for (let i = 0; i < 100; i++) comes(1000 + 10 * i, 20);
  expect(sent.at(-1)!.soundMs - (sent.at(-1)!.atMs - sent[0]!.atMs)).toBeLessThan(82);
  expect(sent.length).toBeLessThan(60);
});

test("sound is followed by silence, then by next to nothing; the next is as late as it came", async () => {
  const { comes, until, sent, voice } = await page();
  comes(0, 20);
  voice.end("a");
  until(3000);
  // A frame, the silence of 200 ms, and what says that there is only silence: once, and every 400 ms.
  const rests = sent.filter(({ bytes }) => bytes === 1);
  expect(sent.length - rests.length).toBe(11);
  expect(rests.length).toBeWithin(6, 9);
  voice.write("b", new Int16Array(960).fill(900));
  until(3021);
  const next = sent.findLast(({ bytes }) => bytes > 3)!;
  expect(next.marked).toBeTrue();
  expect(next.soundMs).toBeCloseTo(next.atMs, 0);
});

test("sound that is late is waited for, and silence comes in its place after 20 ms", async () => {
  const { comes, until, sent, voice } = await page();
  for (let i = 0; i < 10; i++) comes(500 + 20 * i, 20);
  const before = sent.length;
  comes(715, 20);
  expect(sent.slice(before).map(({ atMs }) => atMs)).toEqual([715]);
  expect(voice.counters.underruns).toBe(0);
  until(820);
  expect(voice.counters.underruns).toBe(1);
  expect(sent.length).toBeGreaterThan(before + 3);
});

test("what was missed in a short while is made up, and in a long one lost", async () => {
  const { comes, until, hang, sent } = await page();
  comes(1000, 4000);
  until(1100);
  let before = sent.length;
  hang(1200);
  until(1220);
  expect(sent.length - before).toBeWithin(5, 8);
  before = sent.length;
  hang(2220);
  until(2240);
  expect(sent.length - before).toBeLessThan(4);
});
