import { describe, expect, test } from "bun:test";
import { createTalkClient } from "myna/talk";
import { BARGE_IN, BargeIn } from "../../plugins/gateway-webrtc/barge-in.ts";
import { JitterBuffer } from "../../plugins/gateway-webrtc/jitter-buffer.ts";
import { Metronome } from "../../plugins/gateway-webrtc/metronome.ts";
import { readOfferRequest } from "../../plugins/gateway-webrtc/offer-request.ts";
import { readOffer } from "../../plugins/gateway-webrtc/offer.ts";
import { readPageMessage } from "../../plugins/gateway-webrtc/page-message.ts";
import { Times } from "../../plugins/gateway-webrtc/performance-record.ts";
import { RtpReader, RtpWriter } from "../../plugins/gateway-webrtc/rtp.ts";
import { safeSummary } from "../../plugins/gateway-webrtc/safe-summary.ts";
import { talkSettings } from "../../plugins/gateway-webrtc/talk-options.ts";
import { Voice } from "../../plugins/gateway-webrtc/voice.ts";

const OFFER = [
  "v=0",
  "o=- 1 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=fingerprint:sha-256 AA:BB",
  "m=audio 9 UDP/TLS/RTP/SAVPF 109 0",
  "a=mid:a0",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:0123456789012345678901",
  "a=sendrecv",
  "a=rtpmap:109 opus/48000/2",
  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
  "a=mid:1",
  "",
].join("\r\n");

describe("an offer", () => {
  test("tells where its sound is and how Opus is numbered", () => {
    expect(readOffer(OFFER)).toEqual({ sdp: OFFER, audioMid: "a0", payloadType: 109, direction: "SendRecv" });
    expect(readOffer(OFFER.replace("sendrecv", "recvonly")).direction).toBe("SendOnly");
    expect(readOffer(OFFER.replace("sendrecv", "sendonly")).direction).toBe("RecvOnly");
  });

  const REFUSED: [string, unknown, string][] = [
    ["no text", 7, "no text"],
    ["nothing", "", "does not begin"],
    ["an answer to something else", "HTTP/1.1 200 OK", "does not begin"],
    ["100 kB", OFFER + "a".repeat(100_000), "characters"],
    ["a NUL", OFFER.replace("s=-", "s=\0"), "characters that no SDP has"],
    ["emoji", OFFER.replace("s=-", "s=🤖"), "characters that no SDP has"],
    ["no sections", "v=0\r\n", "no audio"],
    ["a picture only", OFFER.replace("m=audio", "m=video"), "no audio"],
    ["a picture beside the sound", `${OFFER}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n`, "a picture"],
    ["two tracks of sound", OFFER + OFFER.slice(OFFER.indexOf("m=audio")), "more than one track"],
    ["two sections for data", `${OFFER}m=application 9 UDP/DTLS/SCTP x\r\n`, "more than one section"],
    [
      "a thousand sections",
      OFFER + "m=application 9 UDP/DTLS/SCTP x\r\n".repeat(500),
      "more than 4 sections",
    ],
    ["PCMU", OFFER.replace("opus", "PCMU"), "not Opus"],
    ["a payload type of 999", OFFER.replaceAll("109", "999"), "not Opus"],
    ["no mid", OFFER.replace("a=mid:a0", "a=x"), "no mid"],
    ["a mid with blanks", OFFER.replace("a=mid:a0", "a=mid:a 0"), "no mid"],
    ["no password", OFFER.replace("a=ice-pwd", "a=x"), "no a=ice-pwd"],
    ["no fingerprint", OFFER.replace("a=fingerprint", "a=x"), "no a=fingerprint"],
  ];
  test.each(REFUSED)("with %s is refused", (_, sdp, why) => {
    expect(() => readOffer(sdp)).toThrow(why);
  });

  const BODIES: [string, string][] = [
    ["no JSON", "v=0"],
    ["a list", "[]"],
    ["null", "null"],
    ["no sdp", "{}"],
    ["an sdp that is no text", '{"sdp":{"a":1}}'],
    ["a mode of its own", '{"sdp":"v=0","mode":"admin"}'],
    ["muted that is no yes or no", '{"sdp":"v=0","muted":"no"}'],
    ["a voice without a name", '{"sdp":"v=0","voice":""}'],
    ["a voice of 1,000 letters", JSON.stringify({ sdp: "v=0", voice: "a".repeat(1000) })],
  ];
  test.each(BODIES)("posted as %s is refused", (_, body) => {
    expect(() => readOfferRequest(body, "robot")).toThrow();
  });

  test("is for the robot's own conversation unless it says otherwise", () => {
    expect(readOfferRequest('{"sdp":"v=0","more":1}', "robot")).toEqual({
      sdp: "v=0",
      mode: "robot",
      muted: false,
    });
    expect(readOfferRequest('{"sdp":"v=0"}', "own").mode).toBe("own");
  });
});

describe("an RTP packet", () => {
  const reader = new RtpReader();
  const packet = (...bytes: number[]) => Uint8Array.from(bytes);
  const head = [0x80, 111, 0x12, 0x34, 1, 2, 3, 4, 0, 0, 0, 9];

  test("is read as it was written", () => {
    const writer = new RtpWriter(77, 109, 100);
    const first = Buffer.from(writer.next(Uint8Array.of(1, 2, 3), 960));
    const second = writer.next(Uint8Array.of(4), 960);
    expect(reader.read(first)).toBeTrue();
    const { sequence, ticks } = reader;
    expect(first[1]! >> 7).toBe(1);
    expect([...reader.payload]).toEqual([1, 2, 3]);
    expect(reader.payloadType).toBe(109);
    expect(reader.read(second)).toBeTrue();
    expect(second[1]! >> 7).toBe(0);
    expect([reader.sequence, reader.ticks]).toEqual([(sequence + 1) & 0xffff, (ticks + 960) >>> 0]);
  });

  test("with sources, an extension and padding gives its payload only", () => {
    const sources = packet(0x81, ...head.slice(1), 1, 1, 1, 1, 42);
    expect(reader.read(sources) && [...reader.payload]).toEqual([42]);
    const extended = packet(0x90, ...head.slice(1), 0xbe, 0xde, 0, 1, 9, 9, 9, 9, 43);
    expect(reader.read(extended) && [...reader.payload]).toEqual([43]);
    const padded = packet(0xa0, ...head.slice(1), 44, 0, 0, 3);
    expect(reader.read(padded) && [...reader.payload]).toEqual([44]);
  });

  const GARBAGE: [string, Uint8Array][] = [
    ["is empty", packet()],
    ["is one byte", packet(0x80)],
    ["is a header only", packet(...head)],
    ["is of another version", packet(0x40, ...head.slice(1), 1)],
    ["is a report", packet(0x80, 200, ...head.slice(2), 1)],
    ["claims 15 sources it does not have", packet(0x8f, ...head.slice(1), 1)],
    ["claims an extension of 256 kB", packet(0x90, ...head.slice(1), 0, 0, 0xff, 0xff, 1)],
    ["has half an extension", packet(0x90, ...head.slice(1), 0, 0)],
    ["is padded by more than it holds", packet(0xa0, ...head.slice(1), 1, 255)],
    ["is padding alone", packet(0xa0, ...head.slice(1), 0, 2)],
  ];
  test.each(GARBAGE)("that %s is none", (_, bytes) => {
    expect(reader.read(bytes)).toBeFalse();
  });
});

describe("the jitter buffer", () => {
  function buffer(limits = { minMs: 20, maxMs: 120 }) {
    const out: string[] = [];
    const jitter = new JitterBuffer(limits, {
      packet: (payload) => void out.push(String(payload[0])),
      lost: (count, next) => void out.push(`lost ${count} before ${next[0]}`),
    });
    const push = (sequence: number, nowMs: number, value = sequence & 0xff) =>
      jitter.push(sequence & 0xffff, sequence * 960, Uint8Array.of(value), nowMs);
    return { jitter, out, push };
  }

  test("passes what is in order at once, also over the end of the numbers", () => {
    const { out, push } = buffer();
    for (let i = 65_534; i < 65_539; i++) push(i, 0);
    expect(out).toEqual(["254", "255", "0", "1", "2"]);
  });

  test("puts right what overtook each other", () => {
    const { jitter, out, push } = buffer();
    for (const [sequence, atMs] of [
      [1, 0],
      [3, 10],
      [4, 20],
      [2, 25],
      [5, 40],
    ] as const)
      push(sequence, atMs);
    expect(out).toEqual(["1", "2", "3", "4", "5"]);
    expect(jitter.counters).toMatchObject({ reordered: 1, lost: 0, late: 0 });
  });

  test("gives up what does not come, and waits longer after a packet that came too late", () => {
    const { jitter, out, push } = buffer();
    push(1, 0);
    push(3, 10);
    jitter.tick(25);
    expect(out).toEqual(["1"]);
    jitter.tick(31);
    expect(out).toEqual(["1", "lost 1 before 3", "3"]);
    push(2, 40);
    expect(jitter.counters).toMatchObject({ late: 1, lost: 1 });
    expect(jitter.waitMs).toBeGreaterThan(35);
    for (let i = 4; i < 2000; i++) push(i, i * 20);
    expect(jitter.waitMs).toBe(20);
    expect(out.at(-1)).toBe(String(1999 & 0xff));
  });

  test("takes the same packet once", () => {
    const { jitter, out, push } = buffer();
    for (const sequence of [1, 1, 3, 3, 3, 2, 2]) push(sequence, 0);
    expect(out).toEqual(["1", "2", "3"]);
    expect(jitter.held).toBe(0);
  });

  test("never holds more than its slots, and begins anew after a jump", () => {
    const { jitter, out, push } = buffer({ minMs: 1000, maxMs: 1000 });
    push(0, 0);
    for (let i = 2; i < 400; i++) push(i, 0);
    expect(jitter.held).toBeLessThan(64);
    expect(out.filter((line) => line.startsWith("lost"))).toEqual(["lost 1 before 2"]);
    push(30_000, 0, 99);
    expect(out.at(-1)).toBe("99");
    expect(jitter.counters.resyncs).toBe(1);
    expect(jitter.held).toBe(0);
  });

  test.each([64, 65, 200, 500])("goes on at once after a hole of %d packets, and counts them", (hole) => {
    const { jitter, out, push } = buffer();
    push(1, 0);
    push(2 + hole, 20, 7);
    expect(out).toEqual(["1", `lost ${hole} before 7`, "7"]);
    expect(jitter.counters).toMatchObject({ lost: hole, resyncs: 0 });
    expect(jitter.held).toBe(0);
    push(3 + hole, 40, 8);
    expect(out.at(-1)).toBe("8");
  });

  test("goes on at once after a hole behind a packet that still waited", () => {
    const { jitter, out, push } = buffer();
    for (const [sequence, value] of [
      [1, 1],
      [3, 3],
      [203, 9],
    ] as const)
      push(sequence, 0, value);
    expect(out).toEqual(["1", "lost 1 before 3", "3", "lost 199 before 9", "9"]);
    expect(jitter.counters.lost).toBe(200);
  });

  test("whatever comes, nothing is given out twice or backwards", () => {
    let seed = 7;
    const random = (below: number) => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) % below;
    for (let round = 0; round < 50; round++) {
      const given: number[] = [];
      const jitter = new JitterBuffer(
        { minMs: random(30), maxMs: 100 },
        { packet: (payload) => void given.push(payload[0]! * 256 + payload[1]!), lost: () => {} },
      );
      for (let i = 0; i < 400; i++) {
        const sequence = Math.max(0, i + random(12) - 6);
        if (random(10) === 0) continue;
        jitter.push(sequence, sequence * 960, Uint8Array.of(sequence >> 8, sequence & 255), i * 20);
        jitter.tick(i * 20 + random(20));
      }
      expect(given).toEqual([...new Set(given)].sort((a, b) => a - b));
      expect(given.length).toBeGreaterThan(50);
    }
  });
});

describe("the voice", () => {
  const pcm = (ms: number, value = 1000) => new Int16Array(ms * 24).fill(value);
  function voice() {
    const told: string[] = [];
    const one = new Voice({
      started: (itemId) => void told.push(`${itemId} started`),
      stopped: (itemId, playedMs, reason) => void told.push(`${itemId} ${reason} after ${playedMs}`),
    });
    const frame = new Int16Array(480);
    const take = (count = 1) =>
      Array.from({ length: count }, () => (one.take(frame) ? frame[479]! : "silent"));
    return { voice: one, told, frame, take };
  }

  test("says one item after the other, whole", () => {
    const { voice: one, told, take } = voice();
    one.write("a", pcm(50, 1));
    one.end("a");
    one.write("b", pcm(30, 2));
    one.end("b");
    expect(take(5)).toEqual([1, 1, 2, 2, "silent"]);
    expect(told).toEqual(["a started", "a finished after 50", "b started", "b finished after 30"]);
    one.write("a", pcm(20));
    expect(take()).toEqual(["silent"]);
    expect(one.counters.late_pieces).toBe(1);
  });

  test("begins with the first frame or the end, and waits for two after it has run dry", () => {
    const { voice: one, take } = voice();
    one.write("a", pcm(10));
    expect(take()).toEqual(["silent"]);
    one.write("a", pcm(30));
    expect(take(4)).toEqual([1000, 1000, "silent", "silent"]);
    expect(one.counters.underruns).toBe(1);
    one.write("a", pcm(20));
    expect(take()).toEqual(["silent"]);
    one.write("a", pcm(20));
    expect(take(2)).toEqual([1000, 1000]);
    one.write("a", pcm(10));
    one.end("a");
    expect(take(2)).toEqual([0, "silent"]);
  });

  test("makes up the delay of a live sender in its pauses, and never that of a fast one", () => {
    const { voice: one, take } = voice();
    one.write("a", pcm(140));
    // A live one: a frame comes for each that is taken, loud ones first.
    for (let i = 0; i < 60; i++) {
      take();
      one.write("a", pcm(20));
    }
    expect(one.queuedMs).toBe(140);
    for (let i = 0; i < 80; i++) {
      take();
      one.write("a", pcm(20, 0));
    }
    expect(one.queuedMs).toBeLessThanOrEqual(20);
    const restMs = one.queuedMs;
    one.write("b", pcm(5000, 0));
    take(100);
    expect(one.queuedMs).toBe(3000 + restMs);
  });

  test("is quieter within a frame, and says on what was paused where the page stopped hearing", () => {
    const { voice: one, take } = voice();
    one.pageDelayMs = 40;
    one.pageCuts = true;
    one.write(
      "a",
      Int16Array.from({ length: 24 * 400 }, (_, i) => 1 + Math.floor(i / 480)),
    );
    one.end("a");
    expect(take(5)).toEqual([1, 2, 3, 4, 5]);
    one.pause();
    expect(take(2)).toEqual(["silent", "silent"]);
    one.resume();
    expect(take(3)).toEqual([4, 5, 6]);
    one.write("b", pcm(100));
    one.duck(0.1);
    one.flush();
    one.write("c", pcm(100));
    one.duck(0.1);
    expect(take(3).at(-1)).toBe(100);
  });

  test("knows what was heard when it is cut: what was sent, less what the page threw away", () => {
    const { voice: one, told, take } = voice();
    one.write("a", pcm(400));
    one.write("b", pcm(400));
    take(10);
    expect(one.flush()).toEqual({ itemId: "a", playedMs: 200, receivedMs: 400 });
    expect(told).toEqual(["a started", "a flushed after 200", "b flushed after 0"]);
    expect(one.flush()).toBeNull();
    one.pageCuts = true;
    one.pageDelayMs = 50;
    one.write("c", pcm(400));
    take(10);
    expect(one.playedMs("c")).toBe(150);
    expect(one.flush()?.playedMs).toBe(150);
  });

  test("keeps no more of a long answer than may be said again", () => {
    const { voice: one, take } = voice();
    for (let i = 0; i < 500; i++) one.write("a", pcm(20, i));
    take(490);
    expect(one.queuedMs).toBe(200);
    one.pageCuts = true;
    one.pageDelayMs = 1000;
    one.pause();
    one.resume();
    // 300 ms are kept, and the piece that they begin in.
    expect(one.queuedMs).toBeLessThanOrEqual(540);
  });
});

describe("speech over the robot", () => {
  const speech = Int16Array.from({ length: 480 }, (_, i) => 6000 * Math.sin(i / 6));
  const quiet = new Int16Array(480);
  function ears() {
    const bargeIn = new BargeIn(BARGE_IN);
    let atMs = 0;
    for (let i = 0; i < 30; i++) bargeIn.frame(quiet, true, (atMs += 20));
    const hear = (frame: Int16Array, count: number, speaking = true) =>
      Array.from({ length: count }, () => bargeIn.frame(frame, speaking, (atMs += 20))).filter(
        (order) => order !== "none",
      );
    return { bargeIn, hear };
  }

  test("makes it quieter at once, silent after 40 ms, and is an interruption after 300 ms", () => {
    const { hear } = ears();
    expect(hear(speech, 1)).toEqual(["duck"]);
    expect(hear(speech, 1)).toEqual(["pause"]);
    expect(hear(speech, 12)).toEqual([]);
    expect(hear(speech, 1)).toEqual(["cut"]);
  });

  test("of one frame is a click: the robot is loud again", () => {
    const { hear } = ears();
    expect([...hear(speech, 1), ...hear(quiet, 10)]).toEqual(["duck", "restore"]);
  });

  test("that ends soon and that the server does not hear was none: the robot speaks on", () => {
    const { hear } = ears();
    expect([...hear(speech, 5), ...hear(quiet, 30)]).toEqual(["duck", "pause", "restore"]);
  });

  test("is one as soon as the server hears it", () => {
    const { bargeIn, hear } = ears();
    hear(speech, 3);
    expect(bargeIn.confirmed(true)).toBe("cut");
    expect(hear(quiet, 30)).toEqual([]);
    expect(bargeIn.confirmed(false)).toBe("none");
  });

  test("while it is silent is nothing", () => {
    const { hear } = ears();
    expect(hear(speech, 30, false)).toEqual([]);
  });
});

describe("a summary", () => {
  test("is one paragraph of words", () => {
    expect(safeSummary("  The door\n is\tclosed. ")).toBe("The door is closed.");
    expect(safeSummary("[sic] it is 21 °C, äöü")).toBe("[sic] it is 21 °C, äöü");
  });

  const REFUSED: [string, unknown][] = [
    ["an object", { door: "closed" }],
    ["nothing", " \n"],
    ["a novel", "word ".repeat(500)],
    ["JSON", '{"password":"hunter2"}'],
    ["a list", "[1,2,3]"],
    ["a picture", `The picture: ${"QUJD".repeat(40)}`],
    ["a key", "Use sk-proj-abcdefghijklmnop0123"],
  ];
  test.each(REFUSED)("is not %s", (_, text) => {
    expect(() => safeSummary(text)).toThrow("the summary is not sent");
  });
});

describe("settings and small parts", () => {
  test("the older client's variables are taken, options win over them, and a misspelt one is refused", () => {
    const env = { NEVIL_REALTIME_MODEL: "old-model", NEVIL_REALTIME_VOICE: "old-voice" };
    const { link, call } = talkSettings({
      env,
      voice: "marin",
      jitter: { maxMs: 80 },
      vad: { type: "server_vad" },
    });
    expect(link).toEqual({ model: "old-model", voice: "marin", turn_detection: { type: "server_vad" } });
    expect(call.jitter).toEqual({ minMs: 20, maxMs: 80 });
    expect(() => createTalkClient({ voise: "marin" } as object)).toThrow("voise: there is no such option");
    expect(() => createTalkClient({ jitter: { minMs: 50, maxMs: 10 } })).toThrow("jitter");
    expect(() => createTalkClient({ opus: { complexity: 11 } })).toThrow("opus");
  });

  const MESSAGES: [string, string, unknown][] = [
    ["microphone", '{"type":"microphone","open":true}', { type: "microphone", open: true }],
    ["delay", '{"type":"playout","delay_ms":42}', { type: "playout", delayMs: 42 }],
    ["a delay of a year", '{"type":"playout","delay_ms":31536000000}', null],
    ["a delay from the future", '{"type":"playout","delay_ms":-1}', null],
    ["an order to shut down", '{"type":"shutdown"}', null],
    ["half a message", '{"type":"micro', null],
    ["a number", "7", null],
    ["null", "null", null],
    ["__proto__", '{"__proto__":{"type":"microphone","open":true}}', null],
  ];
  test.each(MESSAGES)("a page's message: %s", (_, text, read) => {
    expect(readPageMessage(text)).toEqual(read as never);
  });

  test("percentiles are of the newest values", () => {
    const times = new Times();
    expect([times.percentile(50), times.average]).toEqual([null, null]);
    for (let i = 1; i <= 100; i++) times.add(i);
    expect([times.percentile(50), times.percentile(95), times.average]).toEqual([50, 95, 50.5]);
    for (let i = 0; i < 300; i++) times.add(7);
    expect(times.percentile(95)).toBe(7);
  });

  test("beats that were late are made up, one that throws stops nobody, and nothing beats for nobody", () => {
    let wake: (() => void) | undefined;
    const faults: unknown[] = [];
    const metronome = new Metronome(
      (_, run) => {
        wake = run;
        return () => (wake = undefined);
      },
      (error) => faults.push(error),
    );
    let beats = 0;
    const offThrower = metronome.add(() => {
      throw new Error("broken");
    });
    const off = metronome.add(() => beats++);
    for (const endMs = performance.now() + 70; performance.now() < endMs;);
    wake?.();
    expect(beats).toBeGreaterThanOrEqual(3);
    expect(faults.length).toBe(beats);
    offThrower();
    off();
    expect(wake).toBeUndefined();
  });
});
