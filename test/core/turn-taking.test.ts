import { describe, expect, test } from "bun:test";
import { until } from "../kit/raw-server.ts";
import { Room } from "../kit/room.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import type { BrainScriptOptions, ScriptedBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import type { TestRobot } from "../kit/test-robot.ts";
import { espeak } from "../kit/voices.ts";
import { pushToTalk } from "../../core/push-to-talk.ts";
import { Bus } from "../../core/bus.ts";

const STORY = "A long answer that goes on and on for quite some time, really.";

/** A robot and its server, and the robot's own ears in the test's hands. */
class Talk implements AsyncDisposable {
  readonly robot: TestRobot;
  readonly brain: ScriptedBrain;

  private constructor(robot: TestRobot, brain: ScriptedBrain) {
    this.robot = robot;
    this.brain = brain;
  }

  static async start(session: Record<string, unknown>, script: BrainScriptOptions = {}): Promise<Talk> {
    const brain = await scriptBrain({ answers: [STORY, "Yes."], ...script });
    return new Talk(await startTestRobot({ audio: true, brain, session }), brain);
  }

  get turns(): Record<string, unknown> {
    return this.robot.health().core["session"]?.["turns"] as Record<string, unknown>;
  }

  /** Has it tell the story, and waits until so much of it was heard. Answers the item. */
  async tell(heardMs = 300): Promise<string> {
    this.robot.robot.session.port.sendText("Tell me a story.");
    const { item_id } = await this.robot.waitFor("playback.started");
    const { playback } = this.robot.robot.audio;
    await until(() => playback.playedMs(item_id) >= heardMs, "The loudspeaker does not play");
    return item_id;
  }

  speechBegins(): void {
    this.robot.publish("user.speech_started", { source: "local", speech_at_ms: performance.now() });
  }

  speechEnds(): void {
    this.robot.publish("user.speech_stopped", { source: "local", speech_at_ms: performance.now() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.robot.stop();
    await this.brain.close();
  }
}

function level(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / Math.max(1, pcm.length));
}

describe("somebody makes a sound over the answer", () => {
  test("in mode cut: silence at once, and how long it took is counted", async () => {
    await using talk = await Talk.start({});
    const item = await talk.tell();
    talk.speechBegins();
    expect(talk.robot.robot.audio.port.speaking()).toBe(false);
    const cut = await talk.robot.waitFor("assistant.interrupted");
    expect(cut.item_id).toBe(item);
    await talk.brain.waitFor("conversation.item.truncate");
    expect(talk.turns).toMatchObject({ interruptions: 1, ducked: 0 });
    expect(talk.turns["barge_in_ms_max"]).toBeLessThan(100);
  });

  test("an end that the server hears is none while the robot's own ears hear speech", async () => {
    await using talk = await Talk.start({ interruption: { min_speech_ms: 300 } });
    await talk.tell();
    talk.speechBegins();
    talk.robot.publish("user.speech_stopped", { source: "server", speech_at_ms: performance.now() });
    await talk.robot.waitFor("assistant.interrupted");
    expect(talk.turns).toMatchObject({ interruptions: 1, too_short: 0 });
  });

  test("in mode duck: a tenth of the loudness, and all of it when the sound was short", async () => {
    await using talk = await Talk.start({ interruption: { mode: "duck", min_speech_ms: 2000 } });
    const item = await talk.tell();
    const before = talk.robot.played().length;
    const loud = level(talk.robot.played().subarray(before - 2400));
    talk.speechBegins();
    await until(() => talk.robot.played().length > before + 12_000, "Nothing is played");
    const quiet = level(talk.robot.played().subarray(before + 9600, before + 12_000));
    expect(quiet / loud).toBeGreaterThan(0.08);
    expect(quiet / loud).toBeLessThan(0.12);
    const ended = talk.robot.played().length;
    talk.speechEnds();
    await until(() => talk.robot.played().length > ended + 12_000, "Nothing is played");
    const again = level(talk.robot.played().subarray(ended + 9600, ended + 12_000));
    expect(again / loud).toBeGreaterThan(0.9);
    expect(talk.robot.events("assistant.interrupted")).toEqual([]);
    expect(talk.robot.robot.audio.playback.playedMs(item)).toBeGreaterThan(1000);
    expect(talk.turns).toMatchObject({ interruptions: 0, ducked: 1, restored: 1, too_short: 1 });
  });

  test("in mode duck: silence when the sound lasts, and the next answer is as loud as ever", async () => {
    await using talk = await Talk.start({ interruption: { mode: "duck", min_speech_ms: 100 } });
    const item = await talk.tell();
    const loud = level(talk.robot.played().subarray(-2400));
    talk.speechBegins();
    expect((await talk.robot.waitFor("assistant.interrupted")).item_id).toBe(item);
    talk.speechEnds();
    const before = talk.robot.played().length;
    talk.robot.robot.session.port.sendText("Go on.");
    await talk.robot.waitFor("assistant.transcript", (event) => event.final && !event.interrupted);
    const next = talk.robot.played().subarray(before);
    const peak = next.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
    expect(peak).toBeGreaterThan(loud * 0.9);
    expect(talk.turns).toMatchObject({ interruptions: 1, ducked: 1, restored: 0 });
  });

  test("within the warm-up: nothing, unless the sound lasts longer than that", async () => {
    await using talk = await Talk.start({ interruption: { warm_up_ms: 1200 } });
    await talk.tell(200);
    talk.speechBegins();
    talk.speechEnds();
    talk.speechBegins();
    expect(talk.robot.robot.audio.port.speaking()).toBe(true);
    const { played_ms } = await talk.robot.waitFor("assistant.interrupted");
    expect(played_ms).toBeGreaterThan(900);
    expect(talk.turns).toMatchObject({ warm_up_waits: 2, too_short: 1, interruptions: 1 });
  });
});

describe("speech that only the server hears", () => {
  test("in mode duck makes the robot quieter, and it is cut by the robot when the speech lasts", async () => {
    await using talk = await Talk.start({ interruption: { mode: "duck", min_speech_ms: 400 } });
    await talk.tell();
    const speech = await espeak("one two three four five six seven eight nine ten");
    const fed = talk.robot.feed(speech);
    await talk.robot.waitFor("user.speech_started", ({ source }) => source === "server");
    expect(talk.robot.robot.audio.port.speaking()).toBe(true);
    expect(talk.turns).toMatchObject({ ducked: 1, interruptions: 0 });
    await talk.robot.waitFor("assistant.interrupted");
    await talk.brain.waitFor("response.cancel");
    await talk.brain.waitFor("conversation.item.truncate");
    expect(talk.turns).toMatchObject({ ducked: 1, interruptions: 1 });
    await fed;
  });

  test("does not count beside what the robot's own ears have just made of it", async () => {
    await using talk = await Talk.start({ interruption: { mode: "duck", min_speech_ms: 300 } });
    await talk.tell();
    talk.speechBegins();
    talk.speechEnds();
    const { bus } = talk.robot.robot;
    bus.publish("user.speech_started", { source: "server", speech_at_ms: performance.now() });
    await Bun.sleep(500);
    expect(talk.robot.robot.audio.port.speaking()).toBe(true);
    expect(talk.turns).toMatchObject({ ducked: 1, restored: 1, interruptions: 0 });
  });
});

describe("an interruption that was none", () => {
  test("of a sound without words: the rest is said, and the server learns what was heard", async () => {
    await using talk = await Talk.start({ interruption: { resume_after_ms: 200 } });
    const item = await talk.tell(1000);
    talk.speechBegins();
    talk.speechEnds();
    const resumed = await talk.robot.waitFor("assistant.resumed");
    expect(resumed.interrupted_item_id).toBe(item);
    const heard = await talk.robot.waitFor(
      "assistant.transcript",
      (event) => event.item_id === item && event.final,
    );
    const stopped = await talk.robot.waitFor(
      "playback.stopped",
      (event) => event.item_id === resumed.item_id,
    );
    expect(stopped).toMatchObject({ reason: "finished", played_ms: resumed.rest_ms });
    const rest = await talk.robot.waitFor(
      "assistant.transcript",
      (event) => event.item_id === resumed.item_id && event.final,
    );
    expect(`${heard.text} ${rest.text}`).toBe(STORY);
    const told = await talk.brain.waitFor("conversation.item.create", 2);
    expect(told["item"]).toMatchObject({ role: "assistant", content: [{ text: rest.text }] });
    expect(talk.turns).toMatchObject({ interruptions: 1, false_interruptions: 1 });
    expect(talk.robot.events("session.error")).toEqual([]);
  });

  test("of a sound that the server does not hear: all of the answer is said that comes meanwhile and later", async () => {
    // Sound comes at the pace it is heard: when the robot is cut most of the answer is still to come.
    await using talk = await Talk.start({ interruption: { resume_after_ms: 400 } }, { speed: 1 });
    const item = await talk.tell(1000);
    talk.speechBegins();
    expect(talk.robot.robot.audio.port.speaking()).toBe(false);
    talk.speechEnds();
    const resumed = await talk.robot.waitFor("assistant.resumed");
    expect(resumed.interrupted_item_id).toBe(item);
    const stopped = await talk.robot.waitFor(
      "playback.stopped",
      (event) => event.item_id === resumed.item_id,
      15_000,
    );
    expect(stopped.reason).toBe("finished");
    const [heard, rest] = [item, resumed.item_id].map((id) =>
      talk.robot.events("assistant.transcript").find((event) => event.item_id === id && event.final),
    );
    expect(`${heard?.text} ${rest?.text}`).toBe(STORY);
    const told = await talk.brain.waitFor("conversation.item.create", 2);
    expect(told["item"]).toMatchObject({ role: "assistant", content: [{ text: rest?.text }] });
    const types = talk.brain.received.map(({ type }) => type);
    expect(types).not.toContain("response.cancel");
    expect(types.filter((type) => type === "conversation.item.truncate")).toHaveLength(1);
    expect(talk.turns).toMatchObject({ interruptions: 1, false_interruptions: 1 });
    expect(talk.robot.events("session.error")).toEqual([]);
  }, 30_000);

  test("is cancelled as soon as the server hears it too, or somebody asks for something else", async () => {
    for (const proof of ["heard", "asked"]) {
      await using talk = await Talk.start({}, { speed: 1 });
      await talk.tell(500);
      talk.speechBegins();
      await Bun.sleep(100);
      expect(talk.brain.received.some(({ type }) => type === "response.cancel")).toBe(false);
      if (proof === "asked") talk.robot.robot.session.port.sendText("Something else.");
      else talk.robot.feed(await espeak("one two three four five six")).catch(() => {});
      await talk.brain.waitFor("conversation.item.truncate");
      if (proof === "asked") await talk.brain.waitFor("response.cancel");
      await talk.robot.waitFor("response.finished", ({ status }) => status === "cancelled");
    }
  }, 30_000);

  test("is not taken back when the robot was told to be silent, or answers already", async () => {
    await using talk = await Talk.start({ interruption: { resume_after_ms: 100 } });
    await talk.tell(500);
    talk.robot.robot.session.port.interrupt();
    talk.speechBegins();
    talk.speechEnds();
    await Bun.sleep(400);
    talk.robot.robot.session.port.sendText("Once more.");
    await talk.robot.waitFor("assistant.transcript", (event) => event.final && !event.interrupted);
    expect(talk.robot.events("assistant.resumed")).toEqual([]);
  });

  test("is not taken back when the robot is told to be silent after it was cut", async () => {
    await using talk = await Talk.start({ interruption: { resume_after_ms: 300 } });
    await talk.tell(500);
    talk.speechBegins();
    talk.robot.robot.session.port.interrupt();
    talk.speechEnds();
    await Bun.sleep(700);
    expect(talk.robot.events("assistant.resumed")).toEqual([]);
  });

  test("of two coughs: the rest is said after the second", async () => {
    await using talk = await Talk.start({ interruption: { resume_after_ms: 300 } });
    const item = await talk.tell(500);
    for (let cough = 0; cough < 2; cough++) {
      talk.speechBegins();
      talk.speechEnds();
    }
    expect(await talk.robot.waitFor("assistant.resumed")).toMatchObject({ interrupted_item_id: item });
  });

  test("that the server heard too is taken back when the server finds no words in it", async () => {
    await using talk = await Talk.start({ interruption: { resume_after_ms: 300 } });
    const item = await talk.tell(500);
    const { bus } = talk.robot.robot;
    talk.speechBegins();
    bus.publish("user.speech_started", { source: "server", speech_at_ms: performance.now() });
    bus.publish("user.speech_stopped", { source: "server", speech_at_ms: performance.now() });
    talk.speechEnds();
    expect(await talk.robot.waitFor("assistant.resumed")).toMatchObject({ interrupted_item_id: item });
  });

  test("of a word that only says that somebody listens: the answer to it is cancelled, the rest is said", async () => {
    await using talk = await Talk.start(
      { turn_detection: { type: "none" }, interruption: { resume_after_ms: 5000 } },
      { answers: [STORY, { say: "What?", delayMs: 3000 }], hears: ["Mhm, okay!"] },
    );
    await talk.tell(500);
    talk.speechBegins();
    await talk.robot.feed(new Int16Array(12_000).fill(500));
    talk.speechEnds();
    const resumed = await talk.robot.waitFor("assistant.resumed");
    await talk.robot.waitFor("playback.stopped", (event) => event.item_id === resumed.item_id);
    expect(talk.turns).toMatchObject({ back_channels: 1, false_interruptions: 1 });
    expect(talk.robot.events("assistant.transcript").some((event) => event.text === "What?")).toBe(false);
  });

  test("of real words: it stays cut", async () => {
    await using talk = await Talk.start(
      { turn_detection: { type: "none" }, interruption: { resume_after_ms: 100 } },
      { answers: [STORY, "All right."], hears: ["Okay, stop."] },
    );
    await talk.tell(500);
    talk.speechBegins();
    await talk.robot.feed(new Int16Array(12_000).fill(500));
    talk.speechEnds();
    await talk.robot.waitFor("assistant.transcript", (event) => event.final && event.text === "All right.");
    expect(talk.robot.events("assistant.resumed")).toEqual([]);
  });
});

for (const dialect of ["ga", "beta"] as const)
  test(`semantic_vad finds the end of what is said, in the ${dialect} dialect`, async () => {
    await using talk = await Talk.start(
      { dialect, turn_detection: { type: "semantic_vad", eagerness: "high" } },
      { dialect: "both", answers: ["Yes."], hears: ["Hello robot."] },
    );
    await talk.robot.waitFor("session.state_changed", ({ state }) => state === "ready");
    const update = JSON.stringify(await talk.brain.waitFor("session.update"));
    expect(update).toContain('"turn_detection":{"type":"semantic_vad","eagerness":"high"');
    await talk.robot.feed(await espeak("hello robot"));
    talk.robot.feed(new Int16Array(3 * 24_000)).catch(() => {});
    await talk.robot.waitFor("user.transcript", ({ text, final }) => final && text === "Hello robot.");
    await talk.robot.waitFor("assistant.transcript", ({ text, final }) => final && text === "Yes.");
    expect(talk.robot.events("session.error")).toEqual([]);
  });

describe("a server that does not look for turns", () => {
  test("gets each turn that the robot's own ears find, with what was heard just before it", async () => {
    await using talk = await Talk.start(
      { turn_detection: { type: "none", prefix_padding_ms: 200 } },
      { answers: ["Yes."], hears: ["Hello robot."] },
    );
    await talk.robot.waitFor("session.state_changed", ({ state }) => state === "ready");
    await talk.robot.feed(new Int16Array(24_000).fill(100));
    expect(talk.brain.received.some(({ type }) => type === "input_audio_buffer.append")).toBe(false);
    talk.speechBegins();
    await talk.robot.feed(new Int16Array(24_000).fill(500));
    talk.speechEnds();
    await talk.brain.waitFor("input_audio_buffer.commit");
    await talk.robot.waitFor("user.transcript", ({ text }) => text === "Hello robot.");
    await talk.robot.waitFor("assistant.transcript", ({ text, final }) => final && text === "Yes.");
    const appended = talk.brain.received.filter(({ type }) => type === "input_audio_buffer.append").length;
    expect(appended).toBeGreaterThanOrEqual(58);
    expect(appended).toBeLessThan(75);
  });

  test("gets one turn for as long as the talk key is held, pauses included", async () => {
    await using talk = await Talk.start(
      { turn_detection: { type: "none" } },
      { answers: ["Yes."], hears: ["Hello robot."] },
    );
    await talk.robot.waitFor("session.state_changed", ({ state }) => state === "ready");
    talk.robot.publish("user.talk_changed", { talking: true });
    for (let words = 0; words < 2; words++) {
      talk.speechBegins();
      await talk.robot.feed(new Int16Array(12_000).fill(500));
      talk.speechEnds();
    }
    expect(talk.brain.received.some(({ type }) => type === "input_audio_buffer.commit")).toBe(false);
    talk.robot.publish("user.talk_changed", { talking: false });
    await talk.robot.waitFor("assistant.transcript", ({ text, final }) => final && text === "Yes.");
    const commits = talk.brain.received.filter(({ type }) => type === "input_audio_buffer.commit");
    expect(commits.length).toBe(1);
  });
});

test("push-to-talk works with a server that looks for turns by itself: it hears what is said while the key is held", async () => {
  const brain = await scriptBrain({ answers: ["Yes."], hears: ["One two three."] });
  const room = new Room({ echoDb: -Infinity });
  await using robot = await startTestRobot({
    brain,
    session: { turn_detection: { type: "server_vad", silence_duration_ms: 300 } },
    profile: { audio: { echo: "push_to_talk" } },
  });
  await robot.robot.audio.port.openCapture(room.microphone);
  await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
  const words = await espeak("one two three");
  room.say(words);
  await until(() => room.silent, "The person does not finish");
  expect(robot.events("user.committed")).toEqual([]);
  robot.publish("user.talk_changed", { talking: true });
  room.say(words);
  await until(() => room.silent, "The person does not finish");
  robot.publish("user.talk_changed", { talking: false });
  await robot.waitFor("user.transcript", ({ text, final }) => final && text === "One two three.");
  await robot.waitFor("assistant.transcript", ({ final }) => final);
  await robot.stop();
  await brain.close();
});

test("a talk key that nobody lets go is let go", async () => {
  const bus = new Bus(() => {});
  const seen: boolean[] = [];
  const undo = pushToTalk(bus, (talking) => void seen.push(talking), 30);
  bus.publish("user.talk_changed", { talking: true });
  await until(() => seen.length === 2, "The key is stuck");
  expect(seen).toEqual([true, false]);
  undo();
});
