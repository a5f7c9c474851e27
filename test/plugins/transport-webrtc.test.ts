import { describe, expect, test } from "bun:test";
import { createEncoder } from "libopus-wasm";
import { callsUrl } from "../../plugins/transport-webrtc/signalling.ts";
import { SoundTrack } from "../../plugins/transport-webrtc/sound-track.ts";
import { until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import { WebRtcGateway } from "../kit/webrtc-gateway.ts";
import { begin, endItem, finish } from "../core/realtime-kit.ts";
import { appended, joined, purity, sine, speakTone, talk, written } from "./transport-webrtc-kit.ts";

/** Opus packets of a tone, as a server's encoder makes them: 48 kHz, 20 ms, with redundancy. */
async function packets(ms: number): Promise<Uint8Array[]> {
  using encoder = await createEncoder({
    channels: 1,
    sampleRate: 24_000,
    frameSize: 480,
    application: 2048,
    bitrate: 32_000,
    fec: true,
    packetLossPercent: 20,
  });
  const pcm = sine(ms);
  return Array.from({ length: ms / 20 }, (_, at) => encoder.encode(pcm.subarray(at * 480, at * 480 + 480)));
}

/** A track, and all that it gave. */
async function track(): Promise<{ track: SoundTrack; pcm: () => Int16Array } & Disposable> {
  const pieces: Int16Array[] = [];
  const sound = await SoundTrack.create((pcm) => void pieces.push(pcm.slice()));
  return { track: sound, pcm: () => joined(pieces), [Symbol.dispose]: () => sound.free() };
}

describe("a call", () => {
  test("is offered with the model in a form, and the key in a header", async () => {
    await using line = await talk("webrtc", { model: "some-model" }, { apiKey: "sk-real" });
    const wire = await line.next();
    expect(line.gateway.requests).toEqual([
      {
        contentType: "multipart/form-data",
        authorization: "Bearer sk-real",
        session: { type: "realtime", model: "some-model" },
      },
    ]);
    expect(wire.path).toBe("/v1/realtime?model=some-model");
  });

  test("is offered bare with an ephemeral key, which carries the session", async () => {
    await using line = await talk("webrtc", {}, { apiKey: "ek_short" });
    await line.next();
    expect(line.gateway.requests).toEqual([
      { contentType: "application/sdp", authorization: "Bearer ek_short", session: null },
    ]);
  });

  test("goes to the calls endpoint of the server's URL", () => {
    expect(callsUrl("wss://api.openai.com/v1/realtime?model=m-1")).toEqual({
      url: "https://api.openai.com/v1/realtime/calls",
      model: "m-1",
    });
    expect(callsUrl("ws://127.0.0.1:80/v1/realtime/?x=1").url).toBe("http://127.0.0.1/v1/realtime/calls?x=1");
  });

  test.each([
    [401, { error: { message: "Incorrect API key provided.", code: "invalid_api_key" } }, "LINK_AUTH"],
    [400, { error: { message: "Invalid SDP offer." } }, "LINK_FATAL"],
    [307, "", "LINK_FATAL"],
  ])("that is refused with HTTP %d ends the link with the server's reason", async (status, body, code) => {
    await using line = await talk("webrtc", {}, { apiKey: "sk-very-secret" });
    line.gateway.refuse(status, body, status === 307 ? { Location: "http://127.0.0.1:1/" } : {});
    await line.bench.state("closed");
    const failure = line.bench.events("session.state_changed").at(-1);
    expect(failure?.code).toBe(code);
    expect(failure?.message).toContain(typeof body === "string" ? "307" : body.error.message);
    expect(JSON.stringify([line.bench.seen, line.bench.logged])).not.toContain("very-secret");
    expect(line.gateway.requests.length).toBe(1);
  });

  test("that is refused with HTTP 503 is made again until the server takes it", async () => {
    await using line = await talk("webrtc");
    line.gateway.refuse(503, { error: { message: "overloaded" } });
    await until(() => line.gateway.requests.length >= 3, "It does not try again");
    const failures = line.bench.events("session.state_changed").flatMap((event) => event.code ?? []);
    expect(new Set(failures)).toEqual(new Set(["LINK_REFUSED"]));
    line.gateway.welcome();
    await line.next();
  });

  test.each(["<html>hello</html>", "v=0\r\nnonsense"])("answered with %j ends the link", async (text) => {
    await using line = await talk("webrtc");
    line.gateway.answerWith(text);
    await line.bench.state("closed");
    expect(line.bench.events("session.state_changed").at(-1)?.code).toBe("LINK_FATAL");
  });

  test("that the server ends before it has begun is made again at once", async () => {
    await using line = await talk("webrtc", { timeouts: { connect_ms: 60_000 } });
    // The server behind is gone by the time that the channel opens.
    (await line.server.accept()).drop();
    await line.next();
    const failures = line.bench.events("session.state_changed").flatMap((event) => event.code ?? []);
    expect(failures).toEqual(["LINK_REFUSED"]);
  });

  test("that is answered but does not come to stand is given up at its limit and made anew", async () => {
    await using line = await talk("webrtc", {}, {}, { open_ms: 500 });
    line.gateway.stayMute();
    await until(() => line.gateway.calls.length >= 3, "It waits for what does not come");
    const failures = line.bench
      .events("session.state_changed")
      .filter(({ state }) => state === "waiting")
      .map(({ code, message }) => `${code} ${/ in .*$/.exec(message ?? "")?.[0].trim()}`);
    expect(failures.slice(0, 2)).toEqual(["LINK_TIMEOUT in 500 ms", "LINK_TIMEOUT in 1000 ms"]);
    line.gateway.welcome();
    const standing = () => line.server.connections.find((wire) => wire.types().includes("session.update"));
    await until(() => standing() !== undefined, "No call stands");
    await standing()?.configure();
    await line.bench.state("ready");
  });

  test("to a port where nobody listens is tried again", async () => {
    await using line = await talk("webrtc", {}, { url: "ws://127.0.0.1:1/v1/realtime" });
    await until(
      () => line.bench.events("session.state_changed").some((event) => event.code === "LINK_REFUSED"),
      "No refusal",
    );
    expect(line.bench.session.port.state()).not.toBe("closed");
  });

  test("whose network is gone without a word is noticed by the pings, and made anew", async () => {
    const timeouts = { ping_ms: 150, pong_ms: 600 };
    await using line = await talk("webrtc", { timeouts });
    await line.next();
    // Pings are answered: the link holds for several of them.
    await Bun.sleep(800);
    expect(line.gateway.calls.length).toBe(1);
    await line.gateway.calls[0]?.vanish();
    const again = await line.next();
    expect(line.gateway.calls.length).toBe(2);
    expect(again.types()).toContain("session.update");
  });

  test("leaves no socket open, however often it is made anew", async () => {
    const files = () => [...new Bun.Glob("*").scanSync({ cwd: "/proc/self/fd", onlyFiles: false })].length;
    const drops = async (count: number) => {
      await using line = await talk("webrtc");
      for (let nth = 0; nth < count; nth++) {
        (await line.next()).drop();
        await line.bench.state("waiting");
      }
    };
    await drops(1);
    const before = files();
    await drops(5);
    // A connection of the test's own servers may linger.
    await until(
      () => files() <= before + 3,
      () => `${files() - before} files more are open`,
    );
  });

  test("takes live sound as RTP, and what waited for the link as events", async () => {
    await using line = await talk("webrtc");
    line.bench.capture.frames(5);
    const wire = await line.next();
    await until(() => appended(wire).length === 5 * 480, "What waited is not heard");
    line.bench.capture.frames(10);
    const [call] = line.gateway.calls;
    await until(() => call?.heard.packets === 10, "No RTP");
    await until(() => appended(wire).length > 14 * 480, "Live sound is not heard");
    expect(call?.heard.events).toBeGreaterThan(0);
    expect(call?.heard.events).toBeLessThanOrEqual(5);
  });

  test("says so where an event is larger than the server takes, and goes on", async () => {
    await using line = await talk("webrtc");
    const wire = await line.next();
    line.bench.session.port.addImage(new Uint8Array(100_000), "a view");
    expect(await line.bench.event("session.error")).toMatchObject({
      code: "message_too_large",
      fatal: false,
    });
    line.bench.session.port.note("still there");
    await wire.next("conversation.item.create");
    expect(line.bench.session.port.state()).toBe("ready");
  });
});

describe("the sound of an answer", () => {
  test("is whole where every fifth packet is lost", async () => {
    await using line = await talk("webrtc");
    const wire = await line.next();
    line.gateway.calls[0]?.loseEvery(5);
    begin(wire, "r1");
    speakTone(wire, "r1", "a1", 1000, "A tone.");
    endItem(wire, "r1", "a1", "A tone.");
    finish(wire, "r1");
    await until(() => written(line.bench, "a1").length >= 980 * 24, "Packets are missing");
    expect(purity(written(line.bench, "a1").subarray(2400, 20_000))).toBeGreaterThan(0.8);
    const counters = line.calls.counters();
    expect(Number(counters["lost_packets"])).toBeGreaterThan(5);
    expect(counters["recovered_frames"]).toBe(counters["lost_packets"]);
  });

  test("counts for its own item where the next answer waits behind it", async () => {
    await using line = await talk("webrtc");
    const wire = await line.next();
    for (const nth of [1, 2]) {
      begin(wire, `r${nth}`);
      speakTone(wire, `r${nth}`, `a${nth}`, 400, `Number ${nth}.`);
      endItem(wire, `r${nth}`, `a${nth}`, `Number ${nth}.`);
      finish(wire, `r${nth}`);
    }
    const { bench } = line;
    await until(() => {
      bench.playback.play(1000);
      return bench.events("playback.stopped").length === 2;
    }, "Two answers do not end");
    for (const item of ["a1", "a2"]) {
      expect(written(bench, item).length).toBeGreaterThan(380 * 24);
      expect(written(bench, item).length).toBeLessThan(600 * 24);
    }
    expect(bench.events("assistant.transcript").filter((event) => event.final)).toMatchObject([
      { item_id: "a1", text: "Number 1.", interrupted: false },
      { item_id: "a2", text: "Number 2.", interrupted: false },
    ]);
  });

  test("that was not heard yet is forgotten with its words when it is interrupted", async () => {
    await using line = await talk("webrtc");
    const wire = await line.next();
    begin(wire, "r1");
    speakTone(wire, "r1", "a1", 2000, "Nobody shall hear this.");
    await until(() => written(line.bench, "a1").length > 0, "No sound");
    line.bench.session.port.interrupt();
    expect(line.bench.events("assistant.transcript").at(-1)).toEqual({
      item_id: "a1",
      text: "",
      final: true,
      interrupted: true,
    });
    await until(
      () => line.gateway.calls[0]?.types.includes("output_audio_buffer.clear") ?? false,
      "The server's queue is not emptied",
    );
    const types = line.gateway.calls[0]?.types ?? [];
    expect(types.indexOf("response.cancel")).toBeLessThan(types.indexOf("output_audio_buffer.clear"));
  });
});

describe("Opus packets", () => {
  test("in order are the sound, sample for sample in length", async () => {
    using sound = await track();
    for (const [at, opus] of (await packets(400)).entries()) sound.track.packet(at, at * 960, opus);
    expect(sound.pcm().length).toBe(400 * 24);
    expect(purity(sound.pcm().subarray(1200))).toBeGreaterThan(0.95);
  });

  test("go on where both counters of the stream wrap", async () => {
    using sound = await track();
    for (const [at, opus] of (await packets(200)).entries())
      sound.track.packet((65_533 + at) & 0xffff, (0xffff_f000 + at * 960) >>> 0, opus);
    expect(sound.pcm().length).toBe(200 * 24);
    expect(sound.track.counters()).toMatchObject({ lost_packets: 0, resyncs: 0 });
  });

  test("that come twice or too late are dropped", async () => {
    using sound = await track();
    const all = await packets(100);
    for (const at of [0, 1, 1, 3, 2, 4]) sound.track.packet(at, at * 960, all[at] ?? new Uint8Array(1));
    expect(sound.pcm().length).toBe(100 * 24);
    expect(sound.track.counters()).toMatchObject({ late_packets: 2, lost_packets: 1, recovered_frames: 1 });
  });

  test("that are lost in a row are concealed for a tenth of a second, then silent", async () => {
    using sound = await track();
    const all = await packets(600);
    sound.track.packet(0, 0, all[0] ?? new Uint8Array(1));
    sound.track.packet(21, 21 * 960, all[21] ?? new Uint8Array(1));
    expect(sound.pcm().length).toBe(22 * 480);
    expect(
      sound
        .pcm()
        .subarray(10 * 480, 20 * 480)
        .every((sample) => sample === 0),
    ).toBe(true);
    expect(sound.track.counters()).toMatchObject({ lost_packets: 20, concealed_frames: 5 });
  });

  test("that were not sent for silence leave silence", async () => {
    using sound = await track();
    const all = await packets(100);
    sound.track.packet(7, 0, all[0] ?? new Uint8Array(1));
    sound.track.packet(8, 11 * 960, all[1] ?? new Uint8Array(1));
    expect(sound.pcm().length).toBe(12 * 480);
    expect(sound.track.counters()).toMatchObject({ lost_packets: 0, concealed_frames: 0 });
  });

  test("of another stream begin anew without a second of nothing", async () => {
    using sound = await track();
    const all = await packets(40);
    sound.track.packet(7, 0, all[0] ?? new Uint8Array(1));
    sound.track.packet(40_000, 5_000_000, all[1] ?? new Uint8Array(1));
    expect(sound.pcm().length).toBe(2 * 480);
    expect(sound.track.counters()).toMatchObject({ resyncs: 1 });
  });

  test("of garbage are counted and do not stop the rest", async () => {
    using sound = await track();
    const [first, second] = await packets(40);
    sound.track.packet(0, 0, first ?? new Uint8Array(1));
    sound.track.packet(1, 960, new Uint8Array([0xff, 0xff, 0xff]));
    sound.track.packet(2, 1920, new Uint8Array(0));
    sound.track.packet(3, 2880, second ?? new Uint8Array(1));
    expect(sound.track.counters()).toMatchObject({ bad_packets: 1 });
    expect(sound.pcm().length).toBe(4 * 480);
  });
});

describe("a robot with transport = webrtc", () => {
  const session = { service: "brain", transport: "webrtc" };
  const plugins = { webrtc: { use: "transport-webrtc" } };

  test("is spoken to, answers, and is interrupted, with its own loudspeaker", async () => {
    const story = "A long answer that goes on and on for quite some time, really.";
    const brain = await scriptBrain({ answers: ["Hi.", story], hears: ["hello"] });
    const gateway = new WebRtcGateway(brain.url);
    try {
      const endpoint = { url: () => gateway.url, hearing: () => ({ available: true }) };
      await using robot = await startTestRobot({
        audio: true,
        session: { ...session, turn_detection: { silence_duration_ms: 200 } },
        plugins,
        services: { brain: endpoint },
      });
      await robot.waitFor("session.state_changed", (event) => event.state === "ready");
      await robot.feed(joined([sine(200, 440, 0), sine(600, 220), sine(500, 440, 0)]));
      await robot.waitFor("user.transcript", (event) => event.final && event.text === "hello");
      await robot.waitFor("assistant.transcript", (event) => event.final && event.text === "Hi.");
      robot.robot.session.port.sendText("Tell me a story.");
      const started = await robot.waitFor("playback.started", (event) => {
        const [first] = robot.events("playback.started");
        return event.item_id !== first?.item_id;
      });
      const heardMs = () => robot.robot.audio.playback.playedMs(started.item_id);
      await until(() => heardMs() >= 300, "The loudspeaker does not play");
      robot.robot.session.bargeIn();
      const cut = await robot.waitFor("assistant.interrupted");
      expect(cut.item_id).toBe(started.item_id);
      const truncate = await brain.waitFor("conversation.item.truncate");
      expect(truncate["item_id"]).toBe(started.item_id);
      // The server stops when it hears of it, a little after the loudspeaker did.
      expect(Number(truncate["audio_end_ms"])).toBeGreaterThanOrEqual(cut.played_ms);
      expect(robot.events("session.error")).toEqual([]);
    } finally {
      await gateway[Symbol.asyncDispose]();
      await brain.close();
    }
  });

  test("is connected again after its transport was reloaded", async () => {
    const brain = await scriptBrain();
    const gateway = new WebRtcGateway(brain.url);
    try {
      const endpoint = { url: () => gateway.url, hearing: () => ({ available: true }) };
      await using robot = await startTestRobot({
        session: { ...session, reconnect: { initial_ms: 20 } },
        plugins,
        services: { brain: endpoint },
      });
      await robot.waitFor("session.state_changed", (event) => event.state === "ready");
      await robot.reload("webrtc");
      await until(
        () => robot.events("session.state_changed").filter((event) => event.state === "ready").length === 2,
        "It does not connect again",
      );
      robot.robot.session.port.sendText("hello");
      await brain.waitFor("response.create");
    } finally {
      await gateway[Symbol.asyncDispose]();
      await brain.close();
    }
  });

  test("waits, and says what is missing, where no plugin provides it", async () => {
    const brain = await scriptBrain();
    try {
      await using robot = await startTestRobot({ brain, session });
      const waiting = await robot.waitFor("session.state_changed", (event) => event.state === "waiting");
      expect(waiting.code).toBe("SERVICE_UNAVAILABLE");
    } finally {
      await brain.close();
    }
  });
});
