import WebSocket from "ws";
import { pooledAudio, plainAudio, runBareAudio } from "../fixtures/bare-audio.ts";
import type { BareAudio, TextSocket } from "../fixtures/bare-audio.ts";
import { ECHO_ITEM, EchoServer } from "../fixtures/echo-process.ts";
import type { Measures, Part } from "../part.ts";

/** At 50 frames a second the compiler needs so long until it has seen enough of each loop. */
const WARM_MS = 18_000;
const MEASURED_MS = 8000;
const FRAME_MS = 20;
const MS_PER_MINUTE = 60_000;

/**
 * CPU time of this process, all threads, while audio flows; `frames` tells how many 20 ms frames have come back to the
 * loudspeaker so far. Fails when audio did not flow: a silent path would be cheap.
 */
async function cpuWhileFlowing(frames: () => number): Promise<Measures> {
  await Bun.sleep(WARM_MS);
  const framesBefore = frames();
  const startMs = performance.now();
  const before = process.cpuUsage();
  await Bun.sleep(MEASURED_MS);
  const { user, system } = process.cpuUsage(before);
  const tookMs = performance.now() - startMs;
  const flowed = frames() - framesBefore;
  if (flowed < (0.9 * tookMs) / FRAME_MS) {
    throw new Error(`Only ${flowed} frames in ${Math.round(tookMs)} ms reached the loudspeaker.`);
  }
  return { cpu_s_per_min: ((user + system) / 1e6 / tookMs) * MS_PER_MINUTE };
}

async function bare(audio: BareAudio): Promise<Measures> {
  await using server = await EchoServer.start();
  const socket = new WebSocket(server.url, { perMessageDeflate: false });
  const path = await runBareAudio(socket as unknown as TextSocket, audio);
  try {
    return await cpuWhileFlowing(path.frames);
  } finally {
    path.stop();
  }
}

/** The robot with nothing but its ears, its mouth and a session. */
async function myna(): Promise<Measures> {
  await using server = await EchoServer.start();
  const { createLog } = await import("../../core/log.ts");
  const { parseProfile } = await import("../../core/profile.ts");
  const { startRobot } = await import("../../core/runtime.ts");
  const table = {
    session: { url: server.url },
    plugins: { mic: { use: "mic-wav" }, speaker: { use: "speaker-wav" }, vad: { use: "vad-energy" } },
  };
  const profile = parseProfile("bench", [{ origin: "bench", folder: import.meta.dir, table }]);
  const robot = await startRobot({ profile, log: createLog({ level: "error" }), env: {} });
  try {
    return await cpuWhileFlowing(() => robot.audio.playback.playedMs(ECHO_ITEM) / FRAME_MS);
  } finally {
    await robot.stop("measured");
  }
}

/**
 * The limit is a script that does the same with the same socket library and keeps its buffers, and knows nothing: no
 * session, no items, no account of what was heard. Every case runs two paced device threads and talks to an echo server in
 * another process.
 */
export const part: Part = {
  rounds: 2,
  sideBySide: true,
  rows: [
    {
      name: "audio_path",
      title: "CPU time of microphone → socket → loudspeaker, both directions at once",
      unit: "s/min",
      metric: "cpu_s_per_min",
      limit: "pooled script",
      peers: ["plain script"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "times_limit", most: 1.2 }],
    },
  ],
  cases: {
    "pooled script": () => bare(pooledAudio()),
    "plain script": () => bare(plainAudio()),
    myna,
  },
};
