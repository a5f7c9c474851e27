import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RATE_HZ } from "../../core/audio/port.ts";
import { PrivateServer } from "./private-server.ts";
import { ServerRobot } from "./server-robot.ts";
import { wire } from "./sound.ts";

/*
 * The reference against the truth: PipeWire's graph carries the loudspeaker to the microphone, so that the delay of the echo never
 * changes, whatever the robot's process loses.
 */
const STORY =
  "once there was a small robot that lived in a house by the sea. every morning it drove down to the water and looked at the ships. " +
  "one day a ship came that was red and white, and on it there was another robot, which waved and called out loud. ";
const RECORD_MS = 12_000;
/** Longer than a loudspeaker's buffer lasts: it runs dry each time, */
const STALL_MS = 90;
/** which is to be known within 200 ms; half of what lies between two of them. */
const BETWEEN_MS = 1000;

const WINDOW = RATE_HZ / 10;
/** Delays are looked for at a sixth of the rate: 0.25 ms. */
const COARSE = 6;
const RIGHT_MS = 2;
/** At a load of 14 on two cores 0.75 and 0.78 of the windows are right; 0.49 and 0.52 where a line moves after 300 ms only. */
const RIGHT_SHARE = 0.62;
/** A window that is quieter than this has nothing to compare. */
const LOUD = 400;
const ALIKE = 0.6;

test("PipeWire, mic-alsa and speaker-alsa: where the loudspeaker runs dry once a second the reference is right again at once", async () => {
  await using server = await PrivateServer.start("pipewire");
  await wire(server);
  await using robot = await ServerRobot.start(server, {
    story: STORY.repeat(3),
    speaks: true,
    // What it hears of itself is recorded, and goes to nobody.
    profile: { audio: { echo: "push_to_talk" } },
    plugins: {
      mic: { use: "mic-alsa", device: "ear.monitor" },
      speaker: { use: "speaker-alsa", device: "spk" },
    },
  });
  robot.send({ do: "say", text: "tell me a story" });
  await robot.waitFor("playback.started");
  await Bun.sleep(1000);
  const mark = robot.mark;
  robot.send({ do: "record", ms: RECORD_MS, folder: server.folder });
  let recorded = false;
  const done = robot
    .waitFor("test.recorded", undefined, mark, 3 * RECORD_MS)
    .finally(() => (recorded = true));
  while (!recorded) {
    await Bun.sleep(BETWEEN_MS);
    await robot.stall(STALL_MS);
  }
  await done;
  const read = (name: string): Int16Array => {
    const bytes = readFileSync(join(server.folder, name));
    return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
  };
  const delays = delaysMs(read("microphone.raw"), read("reference.raw"));
  const known = delays.filter((delayMs) => !Number.isNaN(delayMs)).toSorted((a, b) => a - b);
  const usual = known[known.length >> 1]!;
  const right = delays.filter((delayMs) => Math.abs(delayMs - usual) <= RIGHT_MS).length / delays.length;
  expect({ windows: delays.length > 60, usual: usual > 0 && usual < 60 }).toEqual({
    windows: true,
    usual: true,
  });
  expect(right).toBeGreaterThan(RIGHT_SHARE);
}, 60_000);

/** The delay of the echo in each 0.1 s that is loud; NaN where what was heard is not like the reference. */
function delaysMs(heard: Int16Array, played: Int16Array): number[] {
  const [mic, speaker] = [coarse(heard), coarse(played)];
  const length = WINDOW / COARSE;
  const perMs = RATE_HZ / COARSE / 1000;
  const delays: number[] = [];
  for (let at = 60 * perMs; at + length <= mic.length; at += length) {
    let power = 0;
    for (let i = at; i < at + length; i++) power += mic[i]! ** 2;
    if (power < length * LOUD ** 2) continue;
    let best = ALIKE;
    let delay = Number.NaN;
    for (let lag = 0; lag <= 60 * perMs; lag++) {
      let product = 0;
      let energy = 1;
      for (let i = at; i < at + length; i++) {
        product += mic[i]! * speaker[i - lag]!;
        energy += speaker[i - lag]! ** 2;
      }
      const likeness = product / Math.sqrt(power * energy);
      if (likeness <= best) continue;
      best = likeness;
      delay = lag / perMs;
    }
    delays.push(delay);
  }
  return delays;
}

function coarse(pcm: Int16Array): Float64Array {
  return Float64Array.from({ length: Math.floor(pcm.length / COARSE) }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < COARSE; k++) sum += pcm[i * COARSE + k]!;
    return sum / COARSE;
  });
}
