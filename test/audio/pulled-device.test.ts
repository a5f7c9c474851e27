import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RATE_HZ } from "../../core/audio/port.ts";
import { babble } from "../e2e/speech.ts";
import { PrivateServer, SERVER_KINDS, until } from "./private-server.ts";
import { ServerRobot } from "./server-robot.ts";
import { Recorder, firstAudible, play } from "./sound.ts";

/* Devices that are in the middle of a sound when they go, on both sound servers; idle ones are in sound-server.test.ts. */
const STORY = "This is a very long answer that goes on and on. ".repeat(12);
/** A device that returns is to be open again within so long. */
const BACK_MS = 2000;
/** A loudspeaker that is away for longer is taken for gone: what is left of an answer counts as said. */
const RELOAD_MS = 900;

/** What came of a loudspeaker that was pulled out and put back while it spoke, and of an interruption after that. */
interface Pulled {
  itemId: unknown;
  cut: Record<string, unknown>;
  noticedMs: number;
  /** From its return. */
  openMs: number;
  /** From when the robot noticed. */
  awayMs: number;
  heardMs: number;
}

/** From the first sound to the last one. */
function spanMs(recorder: Recorder): number {
  const pcm = recorder.since(0);
  const last = pcm.findLastIndex((sample) => Math.abs(sample) > 200);
  return last < 0 ? 0 : ((last - firstAudible(pcm)) * 1000) / RATE_HZ;
}

for (const kind of SERVER_KINDS) {
  describe(kind, () => {
    let server: PrivateServer;
    beforeAll(async () => {
      server = await PrivateServer.start(kind);
    });
    afterAll(() => server?.stop());

    const start = (driver: string): Promise<ServerRobot> =>
      ServerRobot.start(server, {
        story: STORY,
        plugins: {
          mic: { use: `mic-${driver}`, device: "ear.monitor", acoustic: false },
          speaker: { use: `speaker-${driver}`, device: "spk", acoustic: false },
          vad: { use: "vad-energy" },
        },
      });

    async function pullWhileItSpeaks(driver: string): Promise<Pulled> {
      const recorders = [new Recorder(server, "spk")];
      try {
        await recorders[0]!.started();
        await using robot = await start(driver);
        robot.send({ do: "say", text: "tell me a story" });
        const started = await robot.waitFor("playback.started");
        await until(() => recorders[0]!.soundMs() > 500, "half a second of the story");
        const unpluggedMs = performance.now();
        await server.unplug("spk");
        const lost = await robot.plugin("speaker", "degraded");
        await server.plug("spk");
        const pluggedMs = performance.now();
        recorders.push(new Recorder(server, "spk"));
        const back = await robot.plugin("speaker", "ready", robot.lines.indexOf(lost));
        const awayMs = back.atMs - lost.atMs;
        if (awayMs < RELOAD_MS) await until(() => recorders[1]!.soundMs() > 500, "the rest of the story");
        const said = play(server, "ear", babble(700));
        const cut = (await robot.waitFor("playback.stopped")).event;
        await recorders[1]!.silence(150);
        const heardMs = spanMs(recorders[0]!) + spanMs(recorders[1]!);
        await said;
        return {
          itemId: started.event["item_id"],
          cut,
          noticedMs: lost.atMs - unpluggedMs,
          openMs: back.atMs - pluggedMs,
          awayMs,
          heardMs,
        };
      } finally {
        await Promise.all(recorders.map((recorder) => recorder.stop()));
      }
    }

    for (const driver of ["alsa", "pipe"]) {
      test(`an answer goes on when its loudspeaker (speaker-${driver}) is back, and what was heard of it is known`, async () => {
        let pulled = await pullWhileItSpeaks(driver);
        // On a busy computer it may be away for longer than a reload; three times in a row it is not.
        for (let i = 0; i < 2 && pulled.awayMs > RELOAD_MS; i++) pulled = await pullWhileItSpeaks(driver);
        expect(pulled.openMs).toBeLessThan(BACK_MS);
        expect(pulled.cut).toMatchObject({ item_id: pulled.itemId, reason: "flushed" });
        // Until the robot notices, a server may have it speak at another loudspeaker.
        const unsureMs = 400 + pulled.noticedMs;
        expect(Math.abs(pulled.heardMs - Number(pulled.cut["played_ms"]))).toBeLessThan(unsureMs);
      }, 90_000);

      test(`who speaks while the microphone (mic-${driver}) is pulled out is heard to have stopped`, async () => {
        await using robot = await start(driver);
        // It ends with its sink, or is moved to another one.
        const said = play(server, "ear", babble(1500)).catch(() => {});
        await robot.waitFor("user.speech_started");
        await server.unplug("ear");
        const lost = await robot.plugin("mic", "degraded");
        const mark = robot.mark;
        await server.plug("ear");
        const pluggedMs = performance.now();
        const back = await robot.plugin("mic", "ready", robot.lines.indexOf(lost));
        expect(back.atMs - pluggedMs).toBeLessThan(BACK_MS);
        await robot.waitFor("user.speech_stopped", undefined, mark);
        await said;
      });
    }
  });
}
