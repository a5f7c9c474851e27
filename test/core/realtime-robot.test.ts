import { expect, test } from "bun:test";
import { until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";

const STORY = "A long answer that goes on and on for quite some time, really.";

test("a robot that is spoken over tells a real server how much of its answer left the loudspeaker", async () => {
  const brain = await scriptBrain({ answers: [STORY, "Yes."] });
  try {
    const endpoint = { url: () => brain.url, hearing: () => ({ available: true }) };
    await using robot = await startTestRobot({ audio: true, services: { brain: endpoint } });
    const { session } = robot.robot;
    session.port.sendText("Tell me a story.");
    const started = await robot.waitFor("playback.started");
    const heardMs = () => robot.robot.audio.playback.playedMs(started.item_id);
    await until(() => heardMs() >= 300, "The loudspeaker does not play");
    session.bargeIn();
    const cut = await robot.waitFor("assistant.interrupted");
    expect(cut.item_id).toBe(started.item_id);
    const stopped = await robot.waitFor("playback.stopped");
    expect(stopped).toEqual({ item_id: cut.item_id, played_ms: cut.played_ms, reason: "flushed" });
    expect(cut.played_ms).toBeGreaterThanOrEqual(300);
    const truncate = await brain.waitFor("conversation.item.truncate");
    expect(truncate).toMatchObject({ item_id: cut.item_id, audio_end_ms: cut.played_ms });
    const final = await robot.waitFor("assistant.transcript", (event) => event.final);
    expect(final).toMatchObject({ item_id: cut.item_id, interrupted: true });
    expect(final.text.length).toBeLessThan(STORY.length);
    expect(STORY).toStartWith(final.text);
    // The next answer is heard to its end.
    session.port.sendText("Go on.");
    await robot.waitFor("assistant.transcript", (event) => event.final && !event.interrupted);
    expect(robot.events("session.error")).toEqual([]);
    expect(session.counters()).toMatchObject({ server_errors: 0, dialect: { bad_json: 0, bad_audio: 0 } });
  } finally {
    await brain.close();
  }
});
