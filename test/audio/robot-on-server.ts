/**
 * A robot in a process of its own, since libasound and libpulse read their environment at the start. The argument is JSON; every
 * event of the bus goes to stdout as a line of JSON, and lines of JSON on stdin are commands.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { RATE_HZ } from "../../core/audio/port.ts";
import { checkAudio } from "../../core/doctor/audio-check.ts";
import { echoKeys } from "../../core/doctor/echo-report.ts";
import { echoVerdict } from "../../core/doctor/echo-verdict.ts";
import { flite } from "../kit/voices.ts";
import { SHORT } from "./sound.ts";
import { ToneVoice, scriptBrain, startTestRobot } from "../kit/index.ts";
import type { TestRobotOptions } from "../kit/index.ts";

/** The argument. */
export interface RobotSetup {
  plugins: NonNullable<TestRobotOptions["plugins"]>;
  /** What it tells when it is asked for a story; to everything else it says {@link SHORT}. */
  story?: string;
  /** It hums without a pause instead of speaking in syllables, so that the end of it can be seen. */
  hums?: boolean;
  /** It speaks with flite's voice of a man instead of in syllables of tones. */
  speaks?: boolean;
  /** Other tables of the profile. */
  profile?: TestRobotOptions["profile"];
  /** More of the environment. */
  env?: Record<string, string>;
  /** The user's configuration of ALSA. */
  asoundrc?: string;
}

/** A line of stdin. */
export type RobotCommand =
  | { do: "say"; text: string }
  | { do: "health" }
  | { do: "stop" }
  /** Does what `bun run doctor audio` does, and tells its figures, its verdict and the keys that it would write. */
  | { do: "measure" }
  /** Writes so much of the microphone before the chain, and of the reference, into two files of a folder. */
  | { do: "record"; ms: number; folder: string };

const tell = (topic: string, event: unknown): void => {
  process.stdout.write(`${JSON.stringify({ topic, event })}\n`);
};

class HummingVoice extends ToneVoice {
  override async synthesize(text: string): Promise<Int16Array<ArrayBuffer>> {
    const pcm = await super.synthesize(text);
    return pcm.map((_, i) => 6000 * Math.sin((2 * Math.PI * 220 * i) / RATE_HZ));
  }
}

class ManVoice extends ToneVoice {
  override async synthesize(text: string): Promise<Int16Array<ArrayBuffer>> {
    return await flite(text, "rms");
  }
}

const setup = JSON.parse(process.argv[2] ?? "{}") as RobotSetup;
const brain = await scriptBrain({
  answers: (conversation) => {
    const asked = JSON.stringify(conversation.at(-1) ?? "");
    return asked.includes("story") ? (setup.story ?? SHORT) : SHORT;
  },
  hears: Array<string>(50).fill("wait"),
  ...(setup.hums && { voice: new HummingVoice() }),
  ...(setup.speaks && { voice: new ManVoice() }),
});
const robot = await startTestRobot({
  brain,
  plugins: setup.plugins,
  ...(setup.profile && { profile: setup.profile }),
  tolerant: true,
  services: { speaker_enable: { set: (on) => tell("test.enable", { on }) } },
});
robot.robot.bus.tap((topic, event) => tell(topic, event));
await robot.waitFor("session.state_changed", (event) => event.state === "ready");
tell("test.ready", robot.health());

async function record(ms: number, folder: string): Promise<void> {
  const frames: Int16Array[] = [];
  const references: Int16Array[] = [];
  const done = Promise.withResolvers<void>();
  const undo = robot.robot.audio.port.onRawFrame((frame, reference) => {
    frames.push(frame.slice());
    references.push(reference.slice());
    if (frames.length * 20 >= ms) done.resolve();
  });
  await done.promise;
  undo();
  writeFileSync(join(folder, "microphone.raw"), await new Blob(frames as Int16Array<ArrayBuffer>[]).bytes());
  writeFileSync(
    join(folder, "reference.raw"),
    await new Blob(references as Int16Array<ArrayBuffer>[]).bytes(),
  );
  tell("test.recorded", {});
}

async function measure(): Promise<void> {
  const figures = await checkAudio(robot.robot);
  const verdict = echoVerdict(figures);
  tell("test.measured", { figures, verdict, keys: echoKeys(figures, verdict, undefined, "2026-11-21") });
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as RobotCommand;
  if (command.do === "say") robot.robot.session.port.sendText(command.text);
  else if (command.do === "health") tell("test.health", robot.health());
  else if (command.do === "measure") void measure();
  else if (command.do === "record") void record(command.ms, command.folder);
  else break;
}
await robot.stop();
await brain.close();
process.exit(0);
