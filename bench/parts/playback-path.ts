import { bytesOf, noise } from "../fixtures/sound.ts";
import type { Measures, Part } from "../part.ts";
import { nsPerTurn } from "../stopwatch.ts";

const FRAME_SAMPLES = 480;
const FRAMES_PER_S = 50;
const FRAMES = 16;
const RING_SAMPLES = 65_536;
const NS_PER_US = 1000;

const frames = Array.from({ length: FRAMES }, (_, seed) => noise(FRAME_SAMPLES, seed + 1));

/** CPU time of a second of audio, from the time of a frame. */
function perSecond({ ns }: Measures): Measures {
  return { us_per_s: (ns! * FRAMES_PER_S) / NS_PER_US };
}

function twoCopies(): Measures {
  const held = Buffer.from(new ArrayBuffer(RING_SAMPLES * 2));
  const out = new Int16Array(FRAME_SAMPLES);
  const outBytes = bytesOf(out);
  const ins = frames.map(bytesOf);
  return perSecond(
    nsPerTurn((turns) => {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        const at = (i % 64) * FRAME_SAMPLES * 2;
        ins[i & (FRAMES - 1)]!.copy(held, at);
        held.copy(outBytes, 0, at, at + FRAME_SAMPLES * 2);
        sum += out[i & 255]!;
      }
      return sum;
    }),
  );
}

/** What players are made of where nobody counts what was heard: a queue of buffers, glued together and cut. */
function gluedBuffers(): Measures {
  let queue = Buffer.alloc(0);
  const ins = frames.map(bytesOf);
  for (const bytes of ins.slice(0, 5)) queue = Buffer.concat([queue, bytes]);
  return perSecond(
    nsPerTurn((turns) => {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        queue = Buffer.concat([queue, ins[i & (FRAMES - 1)]!]);
        sum += queue.readInt16LE(2 * (i & 255));
        queue = queue.subarray(FRAME_SAMPLES * 2);
      }
      return sum;
    }),
  );
}

/** From the session's write to the driver's, with jitter buffer, mixer, echo reference and the account of what was heard. */
async function myna(): Promise<Measures> {
  const { PlaybackEnd } = await import("../../core/audio/playback.ts");
  const { PlaybackLoop } = await import("../../core/audio/playback-loop.ts");
  const { Ring } = await import("../../core/audio/ring.ts");
  const { SharedState } = await import("../../core/audio/shared-state.ts");
  const shared = SharedState.create(2, FRAME_SAMPLES, 300);
  const [speech, sounds, earcons, reference] = Array.from({ length: 4 }, () => Ring.create(RING_SAMPLES));
  const rings = { speech: speech!, sounds: sounds!, earcons: earcons!, reference: reference! };
  let heard = 0;
  const end = new PlaybackEnd(
    rings.speech,
    rings.sounds,
    rings.earcons,
    shared,
    () => {},
    () => {},
  );
  const loop = await PlaybackLoop.create(
    {
      rateHz: 24_000,
      channels: 1,
      write: (samples) => void (heard += samples[7]!),
      delay: () => FRAME_SAMPLES,
      drop() {},
      close() {},
    },
    rings,
    shared,
  );
  const taken = new Int16Array(FRAME_SAMPLES);
  for (let ahead = 0; ahead < 20; ahead++) end.write("item", frames[0]!);
  return perSecond(
    nsPerTurn((turns) => {
      for (let i = 0; i < turns; i++) {
        end.write("item", frames[i & (FRAMES - 1)]!);
        loop.step();
        end.poll();
        rings.reference.read(taken);
      }
      return heard;
    }),
  );
}

/** The limit moves the bytes and knows nothing. */
export const part: Part = {
  rounds: 3,
  rows: [
    {
      name: "playback_path",
      title: "CPU time of a second of speech, from the session to the loudspeaker's driver",
      unit: "us",
      metric: "us_per_s",
      limit: "two copies",
      peers: ["glued buffers"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "at_most", most: 1000 }],
    },
  ],
  cases: { "two copies": twoCopies, "glued buffers": gluedBuffers, myna },
};
