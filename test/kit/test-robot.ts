import { readFileSync } from "node:fs";
import { decodeWav } from "../../core/audio/wav.ts";
import { createLog } from "../../core/log.ts";
import type { HealthReport } from "../../core/plugin.ts";
import type { Table } from "../../core/profile-source.ts";
import { parseProfile } from "../../core/profile.ts";
import { startRobot } from "../../core/runtime.ts";
import type { Robot } from "../../core/runtime.ts";
import type { Services } from "../../core/services.ts";
import type { Json } from "../../core/tools.ts";
import type { TopicName, Topics } from "../../core/topics.ts";
import type { ScriptedBrain } from "./scripted-brain.ts";

export interface TestRobotOptions {
  /** Plugin tables as in a profile: `{ dice: { use: import.meta.dir, max_sides: 12 } }`. */
  plugins?: Record<string, { use: string | string[] } & Table>;
  /** Stand-ins for drivers that the plugin uses: `{ drive: fakeDrive }`. */
  services?: Partial<Services>;
  /** The Realtime server to talk to, from `scriptBrain(…)`; the caller closes it. Without one the robot has no link. */
  brain?: ScriptedBrain;
  /** Adds a simulated microphone and loudspeaker, needed for `feed` and `played`. */
  audio?: boolean;
  /** Keys of the profile's [session] table. */
  session?: Table;
  /** Keys of the profile's [budget] table; the cost is kept in memory. */
  budget?: Table;
  /** Keys of the profile's [runtime] table; files are not watched unless `watch = true` is given. */
  runtime?: Table;
  /** Other tables of the profile, such as `audio`. */
  profile?: Table;
  /** Starts even where a plugin fails; `health()` and "plugin.state_changed" tell. */
  tolerant?: boolean;
  /** Shows the robot's log on stderr. */
  verbose?: boolean;
}

export interface TestToolResult {
  ok: boolean;
  /** What the tool returned, as the model would read it. */
  result: Json;
  /** Error code where `ok` is false. */
  code?: string;
  /** JPEGs for the model. */
  pictures: Uint8Array[];
}

/** A robot in memory. `await using robot = await startTestRobot(…)` stops it at the end of the test. */
export interface TestRobot extends AsyncDisposable {
  /** Calls a tool as the model would: arguments pass through JSON and the schema. */
  call(tool: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<TestToolResult>;
  /** Every event of a topic since the start, oldest first. */
  events<T extends TopicName>(topic: T): Topics[T][];
  /** The first event, past or to come, that satisfies `matches`; rejects after `limitMs` (default 10 s). */
  waitFor<T extends TopicName>(
    topic: T,
    matches?: (event: Topics[T]) => boolean,
    limitMs?: number,
  ): Promise<Topics[T]>;
  publish<T extends TopicName>(topic: T, event: Topics[T]): void;
  /** Speaks a WAV file or PCM16 24 kHz mono into the microphone; resolves when it was captured. */
  feed(sound: string | Int16Array): Promise<void>;
  /** What the loudspeaker has played so far, PCM16 24 kHz mono. */
  played(): Int16Array;
  /** Loads a plugin's code anew; rejects with the reason where the old version runs on. */
  reload(id: string): Promise<void>;
  service<S extends keyof Services & string>(name: S): Services[S];
  health(): HealthReport;
  stop(): Promise<void>;
  /** The robot itself, for what has no shorthand. */
  readonly robot: Robot;
}

/** Starts a robot with the given plugins only. Throws when one of them fails, with its reason. */
export async function startTestRobot(options: TestRobotOptions = {}): Promise<TestRobot> {
  const audio = options.audio ? { mic: { use: "mic-wav" }, speaker: { use: "speaker-wav" } } : {};
  const table = {
    session: { service: "brain", ...options.session },
    ...(options.budget && { budget: options.budget }),
    ...options.profile,
    runtime: { watch: false, ...options.runtime },
    plugins: { ...audio, ...options.plugins },
  };
  const profile = parseProfile("test", [{ origin: "test", folder: process.cwd(), table }]);
  const log = createLog(options.verbose ? { level: "debug" } : { write: () => {} });
  const seen: SeenEvent[] = [];
  const tap = (topic: string, event: unknown) => void seen.push({ topic, event });
  const { brain } = options;
  const endpoint = brain && { brain: { url: () => brain.url, hearing: () => ({ available: true }) } };
  const services = { ...endpoint, ...options.services };
  const robot = await startRobot({ profile, log, env: {}, tap, services });
  const failed = robot.host.instances.find(
    (instance) => instance.state === "failed" || instance.state === "retrying",
  );
  if (failed && !options.tolerant) {
    const reason = failed.error ?? new Error(`plugin "${failed.id}": ${failed.message}`);
    await robot.stop("test set-up failed");
    throw reason;
  }
  return new RunningTestRobot(robot, seen);
}

interface SeenEvent {
  topic: string;
  event: unknown;
}

class RunningTestRobot implements TestRobot {
  readonly robot: Robot;
  readonly #seen: SeenEvent[];
  readonly #played: Int16Array[] = [];
  #calls = 0;

  constructor(robot: Robot, seen: SeenEvent[]) {
    this.robot = robot;
    this.#seen = seen;
    robot.audio.port.onPlayed((frame) => this.#played.push(frame.slice()));
  }

  async call(
    tool: string,
    args: Record<string, unknown> = {},
    signal = new AbortController().signal,
  ): Promise<TestToolResult> {
    const callId = `test_${++this.#calls}`;
    const outcome = await this.robot.tools.call({
      callId,
      name: tool,
      argumentsJson: JSON.stringify(args),
      signal,
    });
    const finished = this.events("tool.finished").find((event) => event.call_id === callId);
    const result = (finished?.result ?? null) as Json;
    return {
      ok: outcome.ok,
      result,
      pictures: outcome.images,
      ...(outcome.code !== undefined && { code: outcome.code }),
    };
  }

  events<T extends TopicName>(topic: T): Topics[T][] {
    return this.#seen.filter((one) => one.topic === topic).map((one) => one.event as Topics[T]);
  }

  async waitFor<T extends TopicName>(
    topic: T,
    matches: (event: Topics[T]) => boolean = () => true,
    limitMs = 10_000,
  ): Promise<Topics[T]> {
    const past = this.events(topic).find(matches);
    if (past !== undefined) return past;
    const found = Promise.withResolvers<Topics[T]>();
    const undo = this.robot.bus.tap((name, event) => {
      if (name === topic && matches(event as Topics[T])) found.resolve(event as Topics[T]);
    });
    const timer = setTimeout(() => {
      const seen = [...new Set(this.#seen.map((one) => one.topic))].join(", ");
      found.reject(new Error(`no matching event of "${topic}" within ${limitMs} ms; topics seen: ${seen}`));
    }, limitMs);
    try {
      return await found.promise;
    } finally {
      undo();
      clearTimeout(timer);
    }
  }

  publish<T extends TopicName>(topic: T, event: Topics[T]): void {
    this.robot.bus.publish(topic, event);
  }

  feed(sound: string | Int16Array): Promise<void> {
    const pcm = typeof sound === "string" ? decodeWav(readFileSync(sound)).pcm : sound;
    return this.robot.audio.port.feed(pcm);
  }

  played(): Int16Array {
    const all = new Int16Array(this.#played.reduce((length, frame) => length + frame.length, 0));
    let at = 0;
    for (const frame of this.#played) {
      all.set(frame, at);
      at += frame.length;
    }
    return all;
  }

  reload(id: string): Promise<void> {
    return this.robot.host.reload(id);
  }

  service<S extends keyof Services & string>(name: S): Services[S] {
    return this.robot.services.handle(name);
  }

  health(): HealthReport {
    return this.robot.report();
  }

  stop(): Promise<void> {
    return this.robot.stop("test ended");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
