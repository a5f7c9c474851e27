import { decodeWav } from "../../core/audio/wav.ts";
import { PrivateServer, until } from "../../test/audio/private-server.ts";
import { ServerRobot } from "../../test/audio/server-robot.ts";
import { play } from "../../test/audio/sound.ts";
import { GRAPH_HZ, GraphRecorder } from "../fixtures/graph-recorder.ts";
import { INTERRUPTIONS, SILENT_MS, onset } from "../fixtures/interruptions.ts";
import type { Measures, Part } from "../part.ts";
import { percentile } from "../stopwatch.ts";

/** Let it talk this long first, and longer each time by what is not a multiple of a frame. */
const TALK_MS = 500;
const TALK_STEP_MS = 47;
const AUDIBLE = 100;

async function words(text: string, folder: string): Promise<Int16Array> {
  const file = `${folder}/words.wav`;
  const made = Bun.spawnSync(["flite", "-voice", "slt", "-t", text, "-o", file]);
  if (made.exitCode !== 0) throw new Error(`flite (Debian package flite): ${made.stderr.toString()}`);
  return decodeWav(await Bun.file(file).bytes()).pcm;
}

async function measure(driver: string, vad = "vad-energy"): Promise<Measures> {
  await using server = await PrivateServer.start("pipewire");
  await using robot = await ServerRobot.start(server, {
    hums: true,
    story: "A very long story that goes on and on. ".repeat(10),
    plugins: {
      mic: { use: `mic-${driver}`, device: "ear.monitor", acoustic: false },
      speaker: { use: `speaker-${driver}`, device: "spk", acoustic: false },
      vad: { use: vad },
    },
  });
  const recorder = await GraphRecorder.start(server, "ear", "spk");
  const tookMs: number[] = [];
  const heardOffMs: number[] = [];
  for (const [i, text] of INTERRUPTIONS.entries()) {
    const spoken = await words(text, server.folder);
    const mark = robot.mark;
    const storyAt = recorder.frames;
    robot.send({ do: "say", text: "tell me a story" });
    await robot.waitFor("playback.started", undefined, mark);
    await Bun.sleep(TALK_MS + i * TALK_STEP_MS);
    await play(server, "ear", spoken);
    const cut = await robot.waitFor("assistant.interrupted", undefined, mark);
    await until(() => silentAt(recorder, storyAt) !== undefined, `silence after "${text}"`);
    const { left, right } = recorder.since(storyAt);
    const silent = silentAt(recorder, storyAt)!;
    tookMs.push(((silent - onset(left)) * 1000) / GRAPH_HZ);
    const first = right.findIndex((sample) => Math.abs(sample) > AUDIBLE);
    heardOffMs.push(Math.abs(((silent - first) * 1000) / GRAPH_HZ - Number(cut.event["played_ms"])));
    await robot.waitFor("playback.stopped", ({ reason }) => reason === "finished", robot.lines.indexOf(cut));
  }
  await recorder.stop();
  return {
    median_ms: percentile(tookMs, 50),
    max_ms: Math.max(...tookMs),
    heard_off_ms: percentile(heardOffMs, 50),
  };
}

/** Frame after `from` at which the loudspeaker fell silent after it had sounded; undefined while it has not. */
function silentAt(recorder: GraphRecorder, from: number): number | undefined {
  const { right } = recorder.since(from);
  const first = right.findIndex((sample) => Math.abs(sample) > AUDIBLE);
  if (first < 0) return undefined;
  let last = first;
  for (let i = first; i < right.length; i++) {
    if (Math.abs(right[i]!) > AUDIBLE) last = i;
    else if (i - last > (SILENT_MS * GRAPH_HZ) / 1000) return last + 1;
  }
  return undefined;
}

const row = {
  unit: "ms",
  limit: 40,
  peers: ["pipe"],
  ours: "alsa",
  goals: [{ kind: "at_most", most: 120 }],
} as const;

/**
 * A private PipeWire, a robot on two of its null sinks, and a recording of both on one clock. The limit is what vad-energy must
 * hear; sound server and drivers add their buffers. The peer drives the same devices through parec and pacat.
 */
export const part: Part = {
  rounds: 3,
  limitS: 120,
  rows: [
    {
      ...row,
      name: "barge_in_sound_server",
      title:
        "first sample of speech at the microphone to silence at the loudspeaker, through PipeWire, median",
      metric: "median_ms",
      across: "median",
      goals: [{ kind: "at_most", most: 60 }],
    },
    {
      ...row,
      name: "barge_in_sound_server_max",
      title:
        "first sample of speech at the microphone to silence at the loudspeaker, through PipeWire, slowest",
      metric: "max_ms",
      across: "worst",
    },
    {
      ...row,
      name: "barge_in_sound_server_silero",
      title: "the same with vad-silero, median",
      ours: "silero",
      peers: [],
      metric: "median_ms",
      across: "median",
      goals: [{ kind: "at_most", most: 90 }],
    },
    {
      ...row,
      name: "barge_in_sound_server_silero_max",
      title: "the same with vad-silero, slowest",
      ours: "silero",
      peers: [],
      metric: "max_ms",
      across: "worst",
    },
    {
      ...row,
      name: "barge_in_sound_server_heard",
      title: "what the robot takes for heard against what the loudspeaker let out, median",
      metric: "heard_off_ms",
      across: "median",
      limit: 0,
      goals: [],
    },
  ],
  cases: {
    alsa: () => measure("alsa"),
    pipe: () => measure("pipe"),
    silero: () => measure("alsa", "vad-silero"),
  },
};
