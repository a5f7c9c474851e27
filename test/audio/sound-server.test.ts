import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RATE_HZ } from "../../core/audio/port.ts";
import { babble } from "../e2e/speech.ts";
import { PrivateServer, SERVER_KINDS, until } from "./private-server.ts";
import { ServerRobot } from "./server-robot.ts";
import { Recorder, firstAudible, play, faithfulness } from "./sound.ts";

/*
 * Whole robots on real sound servers, each of its own, with null sinks: "spk" is the loudspeaker, the monitor of "ear" the
 * microphone, "attic" what a server moves streams to when their device goes.
 */
const LONG = "This is a very long answer that goes on and on. ".repeat(12);
/** A device that returns is to be open again within so long. */
const BACK_MS = 2000;

/** Likeness of a sound that went through two conversions of rate, and no gap. */
const FAITHFUL = 0.95;

for (const kind of SERVER_KINDS) {
  describe(kind, () => {
    let server: PrivateServer;
    beforeAll(async () => {
      server = await PrivateServer.start(kind);
    });
    afterAll(() => server?.stop());

    for (const driver of ["alsa", "pipe"]) {
      describe(`mic-${driver} and speaker-${driver}`, () => {
        let robot: ServerRobot;
        let recorder: Recorder;
        beforeAll(async () => {
          recorder = new Recorder(server, "spk");
          robot = await ServerRobot.start(server, {
            story: LONG,
            plugins: {
              mic: { use: `mic-${driver}`, device: "ear.monitor", acoustic: false },
              speaker: { use: `speaker-${driver}`, device: "spk", acoustic: false, enable_tail_ms: 50 },
              vad: { use: "vad-energy" },
            },
          });
          await recorder.started();
        });
        afterAll(async () => {
          await robot?.[Symbol.asyncDispose]();
          await recorder?.stop();
        });

        test.if(driver === "alsa")(
          "the server's clients run at the priority of the devices that wait for them",
          async () => {
            const clients = () => robot.threads().filter(({ name }) => name === "threaded-ml");
            await until(() => clients().length === 2, "the clients of two devices");
            const most = Math.min(...robot.threads().map(({ nice }) => nice));
            expect(clients().map(({ nice }) => nice)).toEqual([most, most]);
          },
        );

        test("what the robot says comes out of the loudspeaker as it is, with the amplifier on", async () => {
          const best = await faithfulness(recorder, FAITHFUL, async () => {
            const mark = robot.mark;
            robot.send({ do: "say", text: "hello" });
            const on = await robot.waitFor("test.enable", ({ on }) => on === true, mark);
            const started = await robot.waitFor("playback.started", undefined, mark);
            expect(robot.lines.indexOf(on)).toBeLessThan(robot.lines.indexOf(started));
            expect((await robot.waitFor("playback.stopped", undefined, mark)).event["reason"]).toBe(
              "finished",
            );
            await robot.waitFor("test.enable", ({ on }) => on === false, mark);
          });
          expect(best).toBeGreaterThan(FAITHFUL);
        });

        test("speech over the robot silences the loudspeaker, and what was heard is known", async () => {
          const from = recorder.length;
          const mark = robot.mark;
          robot.send({ do: "say", text: "tell me a story" });
          await robot.waitFor("playback.started", undefined, mark);
          await until(() => recorder.soundMs(from) > 400, "half a second of the story");
          const said = play(server, "ear", babble(700));
          const cut = (await robot.waitFor("assistant.interrupted", undefined, mark)).event;
          const stopped = await robot.waitFor("playback.stopped", undefined, mark);
          expect(stopped.event).toMatchObject({ item_id: cut["item_id"]!, reason: "flushed" });
          // The next answer comes after the silence that ends the interruption.
          await recorder.silence(150);
          const heard = recorder.since(from);
          const last = heard.findLastIndex((sample) => Math.abs(sample) > 200);
          const heardMs = ((last - firstAudible(heard)) * 1000) / RATE_HZ;
          expect(Math.abs(heardMs - Number(cut["played_ms"]))).toBeLessThan(300);
          await said;
          await robot.waitFor("playback.stopped", ({ reason }) => reason === "finished", mark);
        });

        test("a loudspeaker that is unplugged makes its plugin degraded, and plays again when it is back", async () => {
          await recorder.stop();
          const mark = robot.mark;
          await server.unplug("spk");
          expect((await robot.plugin("speaker", "degraded", mark)).event["message"]).toContain("spk");
          await server.plug("spk");
          const backMs = performance.now();
          const back = await robot.plugin("speaker", "ready", mark);
          expect(back.atMs - backMs).toBeLessThan(BACK_MS);
          recorder = new Recorder(server, "spk");
          await recorder.started();
          robot.send({ do: "say", text: "hello" });
          await recorder.sound(0);
        });

        test("a microphone that is unplugged makes its plugin degraded, and hears again when it is back", async () => {
          const mark = robot.mark;
          await server.unplug("ear");
          expect((await robot.plugin("mic", "degraded", mark)).event["message"]).toContain("ear");
          await server.plug("ear");
          const backMs = performance.now();
          const back = await robot.plugin("mic", "ready", mark);
          expect(back.atMs - backMs).toBeLessThan(BACK_MS);
          await play(server, "ear", babble(400));
          await robot.waitFor("user.speech_started", undefined, mark);
          const { plugins } = await robot.health();
          const losses = plugins.map(({ id, inspect }) => [id, inspect["losses"]]);
          expect(losses).toEqual([
            ["mic", 1],
            ["speaker", 1],
            ["vad", undefined],
          ]);
        });
      });
    }
  });
}
