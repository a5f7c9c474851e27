import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { measureEcho } from "../../bench/corpus/echo-score.ts";
import { Ears } from "../../bench/corpus/ears.ts";
import { ROOMS } from "../../bench/corpus/room-echo.ts";
import { makeScene } from "../../bench/corpus/scene.ts";
import { makeTalk } from "../../bench/corpus/talk.ts";
import { serverStarts } from "../../core/doctor/server-ear.ts";
import { scoreSpeech } from "../../bench/corpus/speech-score.ts";
import { utterances } from "../../bench/corpus/utterances.ts";

// Minutes of sound are computed.
setDefaultTimeout(180_000);

// The short form of `bun bench/audio-corpus.ts`, whose tables are in docs/audio.md: counts, not times.
const VADS = ["vad-energy", "vad-webrtc", "vad-silero"];
/** Eight for each of five noises. */
const said = await utterances(40);

async function readToml(path: string) {
  const text = await Bun.file(new URL(`../../${path}`, import.meta.url)).text();
  return Bun.TOML.parse(text) as { plugins: Record<string, { use: string | string[] }> };
}

async function hear(snrDb: number | undefined) {
  const scene = makeScene(said, snrDb);
  const ears = await Ears.open(VADS.map((use) => ({ use })));
  ears.hearAll(scene.pcm);
  return VADS.map((vad) => scoreSpeech(scene, ears.changes(vad)));
}

describe("the corpus", () => {
  test("in a quiet room every detector announces every utterance, loses no word and starts at nothing else", async () => {
    for (const score of await hear(undefined)) {
      expect(score).toMatchObject({ utterances: 40, missed: 0, unannounced: 0, cut: 0, falseStarts: 0 });
      expect(Math.max(...score.latenciesMs)).toBeLessThan(400);
    }
  });

  test("at 10 dB less than one utterance in fifty is missed, and Silero starts at nothing else", async () => {
    const scores = await hear(10);
    for (const score of scores) expect(score.missed / score.utterances).toBeLessThan(0.02);
    const [energy, , silero] = scores;
    expect(silero!.falseStarts).toBeLessThanOrEqual(1);
    expect(silero!.claimedMs).toBeLessThan(energy!.claimedMs);
  });

  test("a robot without a stage against the echo interrupts itself, one with the canceller hears only people", async () => {
    const setting = { rooms: [ROOMS[1]!, ROOMS[4]!], minutesAlone: 1, minutesOver: 1.2, said };
    const [bare] = await measureEcho([], ["vad-silero"], { ...setting, minutesOver: 0 });
    expect(bare!.selfInterruptions).toBeGreaterThan(5);
    const [cancelled] = await measureEcho([{ use: "aec-speex" }], ["vad-silero"], setting);
    expect(cancelled!.selfInterruptions).toBe(0);
    expect(cancelled!.interruptions).toMatchObject({ missed: 0, unannounced: 0 });
    expect(cancelled!.interruptions.utterances).toBeGreaterThan(10);
    for (const report of cancelled!.reports) expect(report).toMatchObject({ proven: true });
  });

  test("the listening chain of desktop-handsfree takes its own robot for nobody, and a server behind it neither", async () => {
    const { plugins } = await readToml("profiles/desktop-handsfree.toml");
    const chain = ["echo", "noise", "gain"].map((id) => ({ use: [plugins[id]!.use].flat()[0]! }));
    expect(chain.map(({ use }) => use)).toEqual(["aec-speex", "noise-rnnoise", "gain-agc"]);
    for (const room of [ROOMS[0]!, ROOMS[3]!]) {
      const talk = makeTalk({ ...room, echoDb: -10 }, 1);
      const ears = await Ears.open([...chain, ...VADS.map((use) => ({ use }))]);
      const passed = new Int16Array(talk.pcm.length);
      for (let at = 0; at + 480 <= passed.length; at += 480) {
        ears.hear(talk.pcm.subarray(at, at + 480), talk.reference.subarray(at, at + 480));
        passed.set(ears.heard, at);
      }
      for (const vad of VADS) expect(ears.changes(vad)).toEqual([]);
      expect(serverStarts(passed)).toEqual([]);
      await ears.close();
    }
  });

  test("behind the half-duplex gate nothing interrupts the robot, and with push-to-talk only who holds the key", async () => {
    const setting = { rooms: [ROOMS[1]!], minutesAlone: 0.5, minutesOver: 1.2, said };
    const [half] = await measureEcho([], ["vad-silero"], { ...setting, gate: { half_duplex_tail_ms: 700 } });
    const [key] = await measureEcho([], ["vad-silero"], { ...setting, gate: "push_to_talk" });
    expect([half!.selfInterruptions, key!.selfInterruptions]).toEqual([0, 0]);
    expect(half!.interruptions.missed).toBeGreaterThan(0);
    expect(key!.interruptions).toMatchObject({ missed: 0, cut: 0 });
  });
});
