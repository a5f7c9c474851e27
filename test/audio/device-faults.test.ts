import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RATE_HZ } from "../../core/audio/port.ts";
import { babble } from "../e2e/speech.ts";
import { PrivateServer, until } from "./private-server.ts";
import { ServerRobot } from "./server-robot.ts";
import { Recorder, Room, play, faithfulness } from "./sound.ts";

/* What a device does wrong, and the echo of a room, on one private PipeWire; the good days are in sound-server.test.ts. */
const FAITHFUL = 0.8;
const LONG = "This is a very long answer that goes on and on. ".repeat(2);

let server: PrivateServer;
beforeAll(async () => {
  server = await PrivateServer.start("pipewire");
});
afterAll(() => server?.stop());

const MIC = { use: "mic-alsa", device: "ear.monitor", acoustic: false };
const SPEAKER = { use: "speaker-alsa", device: "spk", acoustic: false };

describe("programs that mic-pipe and speaker-pipe can use", () => {
  const programs = [
    { program: "pipewire", mic: "ear.monitor", speaker: "spk" },
    { program: "alsa", mic: "pulse:ear.monitor", speaker: "pulse:spk" },
    { program: "sox", mic: "pulse:ear.monitor", speaker: "pulse:spk" },
  ];
  for (const { program, mic, speaker } of programs) {
    test(`${program} plays what the robot says, and hears`, async () => {
      const recorder = new Recorder(server, "spk");
      await recorder.started();
      await using robot = await ServerRobot.start(server, {
        env: { AUDIODRIVER: "alsa" },
        plugins: {
          mic: { use: "mic-pipe", device: mic, program, acoustic: false },
          speaker: { use: "speaker-pipe", device: speaker, program, acoustic: false },
          vad: { use: "vad-energy" },
        },
      });
      expect((await robot.health()).plugins.map(({ state }) => state)).toEqual(["ready", "ready", "ready"]);
      const best = await faithfulness(recorder, FAITHFUL, async () => {
        const mark = robot.mark;
        robot.send({ do: "say", text: "hello" });
        await robot.waitFor("playback.stopped", undefined, mark);
      });
      expect(best).toBeGreaterThan(FAITHFUL);
      await play(server, "ear", babble(400));
      await robot.waitFor("user.speech_started");
      await recorder.stop();
    });
  }
});

test("an echo canceller of the sound server is used by the names of its two ends", async () => {
  const ends = ["source_master=ear.monitor", "sink_master=spk", "source_name=clean", "sink_name=quiet"];
  const module = await server.control("load-module", "module-echo-cancel", "aec_method=webrtc", ...ends);
  const recorder = new Recorder(server, "spk");
  await recorder.started();
  try {
    await using robot = await ServerRobot.start(server, {
      plugins: {
        mic: { ...MIC, device: "clean" },
        speaker: { ...SPEAKER, device: "quiet" },
        vad: { use: "vad-energy" },
      },
    });
    robot.send({ do: "say", text: "hello" });
    await recorder.sound(0);
    await play(server, "ear", babble(600));
    await robot.waitFor("user.speech_started");
    const devices = (await robot.health()).plugins.slice(0, 2).map(({ inspect }) => inspect["device"]);
    expect(devices).toEqual(["pulse:clean", "pulse:quiet"]);
  } finally {
    await recorder.stop();
    await server.control("unload-module", module);
  }
});

describe("a microphone", () => {
  test("that gives nothing but zeros is restarted and said to be silent, until it is heard again", async () => {
    await using robot = await ServerRobot.start(server, {
      plugins: { mic: { ...MIC, silent_restart_s: 0.5 } },
    });
    const first = await robot.plugin("mic", "degraded");
    expect(first.event["message"]).toContain("nothing but zeros");
    await robot.plugin("mic", "degraded", robot.lines.indexOf(first) + 1);
    const mark = robot.mark;
    await play(server, "ear", babble(900));
    await robot.plugin("mic", "ready", mark);
    const [mic] = (await robot.health()).plugins;
    expect(mic).toMatchObject({ state: "ready", inspect: { open: 1 } });
  });

  test("whose program hangs is opened anew", async () => {
    await using robot = await ServerRobot.start(server, { plugins: { mic: { ...MIC, use: "mic-pipe" } } });
    const [pid] = robot.children("parec");
    process.kill(pid!, "SIGSTOP");
    const lost = await robot.plugin("mic", "degraded");
    await robot.plugin("mic", "ready", robot.lines.indexOf(lost));
    expect(robot.children("parec")).not.toContain(pid);
  });
});

test("devices on a sound server that hangs are opened anew when it goes on", async () => {
  await using robot = await ServerRobot.start(server, { plugins: { mic: MIC, speaker: SPEAKER } });
  server.signal("SIGSTOP");
  try {
    await Promise.all(["mic", "speaker"].map((id) => robot.plugin(id, "degraded")));
  } finally {
    server.signal("SIGCONT");
  }
  const mark = robot.mark;
  await Promise.all(["mic", "speaker"].map((id) => robot.plugin(id, "ready", mark)));
});

test("a loudspeaker's thread that waits for the device is called away at once", async () => {
  const probe = Bun.spawn([process.execPath, join(import.meta.dir, "bell-probe.ts"), "pulse:spk"], {
    env: server.env,
    stdout: "pipe",
  });
  let said = "";
  const heard = (async () => {
    for await (const text of probe.stdout.pipeThrough(new TextDecoderStream())) said += text;
  })();
  await until(() => said !== "" || probe.exitCode !== null, "a loudspeaker that plays");
  server.signal("SIGSTOP");
  try {
    await heard;
    const [playing, waiting, tookMs] = said.trim().split("\n");
    expect([playing, waiting]).toEqual(["playing", "waiting"]);
    expect(Number(tookMs)).toBeLessThan(1000);
  } finally {
    server.signal("SIGCONT");
    await probe.exited;
  }
});

describe("errors", () => {
  test("a name that is not there is answered with those that are", async () => {
    const nowhere = { device: "no such thing" };
    await using robot = await ServerRobot.start(server, {
      plugins: {
        mic: { use: "mic-alsa", ...nowhere },
        speaker: { use: "speaker-pipe", ...nowhere },
      },
    });
    const [mic, speaker] = (await robot.health()).plugins;
    expect(mic).toMatchObject({ state: "retrying" });
    for (const part of ["no such thing", "cards: none", "ear.monitor"]) expect(mic!.message).toContain(part);
    for (const part of ["no such thing", "cards: none", "spk"]) expect(speaker!.message).toContain(part);
  });

  test("the second of two loudspeakers says who has the first", async () => {
    await using robot = await ServerRobot.start(server, {
      plugins: { speaker: SPEAKER, speaker_too: { ...SPEAKER, use: "speaker-pipe" } },
    });
    const waiting = (await robot.health()).plugins.filter(({ state }) => state === "retrying");
    expect(waiting).toHaveLength(1);
    const other = waiting[0]!.id === "speaker" ? "speaker_too" : "speaker";
    expect(waiting[0]!.message).toContain(`the plugin "${other}" `);
  });

  test("a rate that a card has not is answered with those that it has", async () => {
    await using robot = await ServerRobot.start(server, {
      plugins: { speaker: { ...SPEAKER, device: "lofi", rate_hz: 44_100 } },
      asoundrc: 'pcm.lofi { type plug slave { pcm "pulse:spk" rate 48000 } }',
    });
    const [speaker] = (await robot.health()).plugins;
    expect(speaker).toMatchObject({ state: "failed" });
    expect(speaker!.message).toContain("it has 48000 Hz");
  });
});

test("the echo of a room comes back with its delay and level beside the reference, and does not interrupt the robot", async () => {
  const impulse = new Float32Array(RATE_HZ / 50);
  impulse[0] = 0.3;
  for (let tap = 120; tap < impulse.length; tap += 60) impulse[tap] = 0.02 * (1 - tap / impulse.length);
  const room = new Room(server, "spk", "ear", { delayMs: 30, impulse });
  await using robot = await ServerRobot.start(server, {
    story: LONG,
    plugins: {
      mic: { ...MIC, acoustic: true },
      speaker: { ...SPEAKER, acoustic: true },
      vad: { use: "vad-energy" },
    },
  });
  try {
    robot.send({ do: "say", text: "tell me a story" });
    await robot.waitFor("playback.started");
    robot.send({ do: "record", ms: 2100, folder: server.folder });
    await robot.waitFor("test.recorded");
    const [microphone, reference] = ["microphone", "reference"].map((name) => {
      const bytes = readFileSync(join(server.folder, `${name}.raw`));
      return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    });
    const { lagMs, gain, coherence } = echo(microphone!, reference!);
    expect(coherence).toBeGreaterThan(0.8);
    expect(lagMs).toBeGreaterThan(30);
    expect(lagMs).toBeLessThan(500);
    expect(20 * Math.log10(gain / 0.3)).toBeGreaterThan(-3);
    expect(20 * Math.log10(gain / 0.3)).toBeLessThan(3);
    const stopped = await robot.waitFor("playback.stopped");
    expect(stopped.event["reason"]).toBe("finished");
    expect(robot.lines.some(({ topic }) => topic === "assistant.interrupted")).toBe(false);
  } finally {
    await room.stop();
  }
});

test("a robot that is killed leaves no process behind", async () => {
  const before = server.processes();
  const robot = await ServerRobot.start(server, {
    plugins: {
      mic: { ...MIC, use: "mic-pipe" },
      speaker: { ...SPEAKER, use: "speaker-pipe" },
    },
  });
  await until(() => robot.children("parec").length + robot.children("pacat").length === 2, "both programs");
  await robot.kill();
  const left = () => server.processes().filter((process) => !before.includes(process));
  await until(() => left().length === 0, "the last child to end", 5000);
});

interface Echo {
  lagMs: number;
  gain: number;
  coherence: number;
}

/** How the reference is found in the microphone, where it is found best: on a busy computer the room's own programs stutter. */
function echo(microphone: Int16Array, reference: Int16Array): Echo {
  const found: Echo[] = [];
  for (let fromMs = 400; fromMs <= 1300; fromMs += 100) found.push(echoFrom(fromMs, microphone, reference));
  return found.reduce((best, one) => (one.coherence > best.coherence ? one : best));
}

/** That of a quarter of a second of the reference. */
function echoFrom(fromMs: number, microphone: Int16Array, reference: Int16Array): Echo {
  const from = (fromMs * RATE_HZ) / 1000;
  const length = RATE_HZ / 4;
  let energy = 0;
  for (let i = 0; i < length; i++) energy += reference[from + i]! ** 2;
  let best = { lag: 0, sum: 0 };
  for (let lag = 0; lag < RATE_HZ / 2; lag++) {
    let sum = 0;
    for (let i = 0; i < length; i += 3) sum += reference[from + i]! * microphone[from + lag + i]!;
    if (sum > best.sum) best = { lag, sum };
  }
  let sum = 0;
  let heard = 0;
  for (let i = 0; i < length; i++) {
    sum += reference[from + i]! * microphone[from + best.lag + i]!;
    heard += microphone[from + best.lag + i]! ** 2;
  }
  return {
    lagMs: (best.lag * 1000) / RATE_HZ,
    gain: sum / energy,
    coherence: sum / Math.sqrt(energy * heard + 1),
  };
}
