import { describe, expect, test } from "bun:test";
import { audioConfig } from "../../core/audio/config.ts";
import { echoRung } from "../../core/audio/echo-rung.ts";
import { AudioEngine } from "../../core/audio/engine.ts";
import type { CaptureStage, DeviceSpec } from "../../core/audio/port.ts";
import { until } from "../kit/raw-server.ts";
import { Room } from "../kit/room.ts";
import { espeak } from "../kit/voices.ts";

const PROOF = {
  microphone: "USB PnP",
  loudspeaker: "hifiberry",
  stage: "aec-speex",
  delay_ms: 12,
  echo_db: -9,
  erle_db: 31,
  date: "2026-11-21",
};
const STAGE: CaptureStage = { slot: "echo", name: "aec-speex", process: () => {} };

function device(name: string, acoustic = true): DeviceSpec {
  return { module: "any", options: { device: name }, acoustic };
}

describe("echo = auto", () => {
  const config = audioConfig.parse({ proof: PROOF });
  const [mic, speaker] = [device("USB PnP"), device("hifiberry")];

  test("listens while it speaks with the pair that was proven, through the stage it was proven with", () => {
    expect(echoRung(config, mic, speaker, "aec-speex")).toBe("cancelled");
  });

  test.each([
    ["without a proof", audioConfig.parse({}), mic, speaker, "aec-speex"],
    ["without the stage", config, mic, speaker, ""],
    ["with another stage", config, mic, speaker, "echo-doubletalk"],
    ["with another microphone", config, device("webcam"), speaker, "aec-speex"],
    ["with another loudspeaker", config, mic, device("HDMI"), "aec-speex"],
    ["with whatever is the default at the moment", config, mic, device("default"), "aec-speex"],
    ["with a device that has no name", config, mic, { ...speaker, options: {} }, "aec-speex"],
  ] as const)("is half duplex %s", (_, audio, microphone, loudspeaker, stage) => {
    expect(echoRung(audio, microphone, loudspeaker, stage)).toBe("half_duplex");
  });

  test("is open where the two do not share a room, or one is missing", () => {
    expect(echoRung(config, mic, device("headphones", false), "")).toBe("open");
    expect(echoRung(config, mic, undefined, "")).toBe("open");
  });
});

/** The loudest sample that handlers of the microphone get while the robot says a sentence. */
async function overheard(engine: AudioEngine, room: Room): Promise<number> {
  await engine.port.openCapture(room.microphone);
  await engine.port.openPlayback(room.loudspeaker);
  let loudest = 0;
  let frames = 0;
  engine.port.onFrame((frame) => {
    frames++;
    for (const sample of frame) loudest = Math.max(loudest, Math.abs(sample));
  });
  await engine.port.playSound(await espeak("one two three"));
  const heard = frames;
  await until(() => frames > heard + 10, "No frames of the microphone");
  return loudest;
}

test("a robot without a proof does not hear itself in a room, its echo's tail included", async () => {
  const engine = new AudioEngine(audioConfig.parse({}));
  expect(await overheard(engine, new Room({ echoDb: -3, reverbMs: 250 }))).toBeLessThan(33);
  expect(engine.counters()).toMatchObject({ echo_rung: "half_duplex", half_duplex: true });
  await engine.close();
});

test("a loudspeaker that goes in the middle of a word is not heard by a robot without a proof", async () => {
  const room = new Room({ echoDb: -3, reverbMs: 400 });
  const engine = new AudioEngine(audioConfig.parse({}));
  await engine.port.openCapture(room.microphone);
  const loudspeaker = await engine.port.openPlayback(room.loudspeaker);
  let loudest = 0;
  let frames = 0;
  engine.port.onFrame((frame) => {
    frames++;
    for (const sample of frame) loudest = Math.max(loudest, Math.abs(sample));
  });
  engine.playback.write("a", await espeak("one two three"));
  await until(() => engine.playback.playedMs("a") > 300, "The robot does not speak");
  await loudspeaker.close();
  const heard = frames;
  await until(() => frames > heard + 15, "No frames of the microphone");
  expect(loudest).toBeLessThan(33);
  await engine.close();
});

test("who interrupts the robot is heard without a gap through a stage for the echo", async () => {
  const room = new Room({ echoDb: -Infinity, noiseDb: -Infinity });
  const engine = new AudioEngine(audioConfig.parse({ echo: "open" }));
  engine.port.addStage(STAGE);
  await engine.port.openCapture(room.microphone);
  await engine.port.openPlayback(room.loudspeaker);
  const levels: number[] = [];
  engine.port.onFrame((frame) => void levels.push(Math.abs(frame[100]!)));
  engine.playback.write("a", await espeak("one two three"));
  await until(() => engine.playback.playedMs("a") > 300, "The robot does not speak");
  room.say(new Int16Array(48_000).fill(1000));
  await until(() => levels.at(-1) === 1000, "The person is not heard");
  const from = levels.length;
  engine.playback.flush();
  await until(() => levels.length > from + 30, "No frames of the microphone");
  expect(levels.slice(from, from + 30).filter((level) => level !== 1000).length).toBeLessThan(3);
  await engine.close();
});

test("an open microphone in a room hears the robot", async () => {
  const engine = new AudioEngine(audioConfig.parse({ echo: "open" }));
  expect(await overheard(engine, new Room({ echoDb: -3 }))).toBeGreaterThan(1000);
  await engine.close();
});

test("when the stage goes that the proof was made with, the robot is half duplex from that moment", async () => {
  const room = new Room({ microphone: "USB PnP", loudspeaker: "hifiberry" });
  const engine = new AudioEngine(audioConfig.parse({ proof: PROOF }));
  await engine.port.openCapture(room.microphone);
  await engine.port.openPlayback(room.loudspeaker);
  expect(engine.deviceNames).toEqual({ microphone: "USB PnP", loudspeaker: "hifiberry" });
  expect(engine.echoRung).toBe("half_duplex");
  const remove = engine.port.addStage(STAGE);
  expect(engine.echoRung).toBe("cancelled");
  remove();
  expect(engine.echoRung).toBe("half_duplex");
  engine.port.addStage({ ...STAGE, name: "echo-doubletalk" });
  expect(engine.echoRung).toBe("half_duplex");
  await engine.close();
});

test("with push-to-talk nothing is heard but while the talk key is held", async () => {
  const room = new Room({ echoDb: -Infinity });
  const engine = new AudioEngine(audioConfig.parse({ echo: "push_to_talk" }));
  await engine.port.openCapture(room.microphone);
  let loudest = 0;
  engine.port.onFrame((frame) => {
    for (const sample of frame) loudest = Math.max(loudest, Math.abs(sample));
  });
  const words = await espeak("one two three");
  room.say(words);
  await until(() => room.silent, "The person does not finish");
  expect(loudest).toBe(0);
  engine.talking = true;
  room.say(words);
  await until(() => loudest > 1000, "The microphone is not open");
  engine.talking = false;
  await engine.close();
});
