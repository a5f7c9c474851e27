import { expect, test } from "bun:test";
import type { Table } from "../../core/profile-source.ts";
import { flite } from "../kit/voices.ts";
import { PrivateServer } from "./private-server.ts";
import type { ServerKind } from "./private-server.ts";
import { ServerRobot } from "./server-robot.ts";
import { play, wire } from "./sound.ts";

/*
 * The echo's whole story through real sound servers: the doctor measures the pair, and with what it would write the robot tells a
 * story. On PipeWire the graph carries the loudspeaker to the microphone; PulseAudio has no wires, there the microphone is the
 * loudspeaker's monitor. Proven or refused: in no case does the robot take itself for a person.
 */
const STORY =
  "i am a small robot car with a camera and a loudspeaker. i drove forward two meters and turned to the left. " +
  "there is a door in front of me now. shall i go through it, or wait here for you?";
const MEASURE_LIMIT_MS = 60_000;
const STORY_LIMIT_MS = 40_000;

const CASES: [ServerKind, "alsa" | "pipe"][] = [
  ["pipewire", "alsa"],
  ["pipewire", "pipe"],
  ["pulseaudio", "alsa"],
];

for (const [kind, driver] of CASES) {
  test(`${kind}, mic-${driver} and speaker-${driver}: what the doctor decides keeps the robot from interrupting itself`, async () => {
    await using server = await PrivateServer.start(kind);
    const ear = kind === "pipewire" ? "ear" : "spk";
    if (kind === "pipewire") await wire(server);
    const setup = (audio: Table) => ({
      story: STORY,
      speaks: true,
      profile: { audio: { speech_gain: 0.3, sound_gain: 0.5, ...audio } },
      plugins: {
        mic: { use: `mic-${driver}`, device: `${ear}.monitor` },
        speaker: { use: `speaker-${driver}`, device: "spk" },
        echo: { use: "aec-speex" },
        vad: { use: "vad-energy" },
      },
    });
    const measured = await measure(server, setup({ echo: "open" }));
    await using robot = await ServerRobot.start(server, setup(measured.audio));
    const { core } = await robot.health();
    expect((core["audio"] as Table)["echo_rung"]).toBe(measured.proven ? "cancelled" : "half_duplex");
    for (let i = 0; i < 2; i++) {
      const mark = robot.mark;
      robot.send({ do: "say", text: "tell me a story" });
      await robot.waitFor("playback.started", undefined, mark);
      const stopped = await robot.waitFor("playback.stopped", undefined, mark, STORY_LIMIT_MS);
      expect({ proven: measured.proven, reason: stopped.event["reason"] }).toMatchObject({
        reason: "finished",
      });
      await Bun.sleep(700);
    }
    expect(robot.lines.filter(({ topic }) => topic === "user.speech_started")).toEqual([]);
    if (!measured.proven) return;
    const mark = robot.mark;
    robot.send({ do: "say", text: "tell me a story" });
    await robot.waitFor("playback.started", undefined, mark);
    await Bun.sleep(3000);
    const words = await flite("stop, please be quiet, and wait a moment", "slt");
    await play(server, ear, words);
    await robot.waitFor("assistant.interrupted", undefined, mark);
  }, 180_000);
}

/** The keys of [audio] that the doctor would write. */
async function measure(
  server: PrivateServer,
  setup: Parameters<typeof ServerRobot.start>[1],
): Promise<{ proven: boolean; audio: Table }> {
  await using robot = await ServerRobot.start(server, setup);
  robot.send({ do: "measure" });
  const { event } = await robot.waitFor("test.measured", undefined, 0, MEASURE_LIMIT_MS);
  const { verdict, keys } = event as {
    verdict: { proven: boolean };
    keys: Record<string, Table | null>;
  };
  const proof = keys["audio.proof"];
  return { proven: verdict.proven, audio: { ...keys["audio"], ...(proof && { proof }) } };
}
