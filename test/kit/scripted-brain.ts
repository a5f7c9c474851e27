import { type Brain, type BrainOptions } from "../../plugins/brain-local/brain.ts";
import { pause, WALL_CLOCK } from "../../plugins/brain-local/clock.ts";
import type {
  Hearing,
  Mind,
  Recognizer,
  Remembered,
  SpokenTool,
  Thought,
  Voice,
} from "../../plugins/brain-local/contracts.ts";
import type { Fault } from "../../plugins/brain-local/faults.ts";
import { Mishap } from "../../plugins/brain-local/mishap.ts";
import { startBrain } from "../../plugins/brain-local/server.ts";

export { VirtualClock } from "../../plugins/brain-local/clock.ts";
export type { Brain, BrainSession, ReceivedEvent } from "../../plugins/brain-local/brain.ts";
export type { Fault, FaultAction, FaultPoint } from "../../plugins/brain-local/faults.ts";
export type { Remembered, SpokenTool, Thought } from "../../plugins/brain-local/contracts.ts";

/** Both where tests run once more in the beta dialect. */
const DIALECT = process.env["MYNA_TEST_DIALECT"] === "beta" ? "both" : "ga";
/** How long `waitFor` waits, milliseconds. */
const WAIT_MS = 8000;

/** An answer of the scripted brain: what it says, or what it says and calls, or how it fails. */
export type ScriptedAnswer =
  | string
  | (Thought & {
      /** Thinks that long first, on the brain's clock. */
      delayMs?: number;
      /** Fails the response with this error instead. */
      fail?: { code: string; message: string; type?: string };
    });

/** Decides on an answer from all that was said. */
export type AnswerFunction = (
  conversation: Remembered[],
  session: { tools: SpokenTool[]; instructions: string },
) => ScriptedAnswer | Promise<ScriptedAnswer>;

/** What the scripted recogniser makes of an utterance: its words, or why it failed. */
export type ScriptedHearing = string | Partial<Hearing> | Error;

export interface BrainScriptOptions extends Partial<
  Omit<BrainOptions, "mind" | "createRecognizer" | "script">
> {
  /** One per response, in order, the last one again and again; or a function. Default: "All right." */
  answers?: readonly ScriptedAnswer[] | AnswerFunction;
  /** What was said, one per utterance, in order; then "". Over all sessions. */
  hears?: readonly ScriptedHearing[];
  /** The recogniser is there only when this resolves. */
  loaded?: Promise<void>;
  faults?: readonly Fault[];
  lateDeltas?: number;
  anonymousErrors?: boolean;
  apiKey?: string;
  modelRequired?: boolean;
}

/** A brain that plays a script. */
export interface ScriptedBrain extends Brain {
  /** Resolves with the `nth` (from 1) event of that type that any client sent; rejects after eight seconds. */
  waitFor(type: string, nth?: number): Promise<Record<string, unknown>>;
  /** Views of the conversation that the mind was asked about, oldest first. */
  readonly asked: readonly Remembered[][];
}

/**
 * Starts the server of brain-local with canned answers, an instant synthetic voice and a recogniser that hears what the
 * script says: no speech package is needed. Audio goes out at once unless `speed` is given. Close it when done.
 */
export async function scriptBrain(options: BrainScriptOptions = {}): Promise<ScriptedBrain> {
  const { answers, hears, loaded, faults, lateDeltas, anonymousErrors, apiKey, modelRequired, ...rest } =
    options;
  const clock = options.clock ?? WALL_CLOCK;
  const heard = [...(hears ?? [])];
  const asked: Remembered[][] = [];
  const nextAnswer = answerer(answers);
  const mind: Mind = {
    async think(conversation, session) {
      asked.push(conversation);
      const answer = await nextAnswer(conversation, session);
      if (typeof answer === "string") return { say: answer };
      if (answer.delayMs !== undefined) await pause(clock, answer.delayMs, new AbortController().signal);
      if (answer.fail) throw new Mishap(answer.fail.code, answer.fail.message, answer.fail.type);
      return answer;
    },
  };
  const script = {
    record: true,
    ...(faults && { faults }),
    ...(lateDeltas !== undefined && { lateDeltas }),
    ...(anonymousErrors !== undefined && { anonymousErrors }),
    ...(apiKey !== undefined && { apiKey }),
    ...(modelRequired !== undefined && { modelRequired }),
  };
  const brain = await startBrain({
    voice: new ToneVoice(),
    speed: Infinity,
    dialect: DIALECT,
    ...rest,
    mind,
    async createRecognizer() {
      await loaded;
      return new ScriptedRecognizer(() => heard.shift() ?? "");
    },
    script,
  });
  return Object.assign(Object.create(brain, {}) as Brain, {
    asked,
    waitFor: (type: string, nth = 1) => waitFor(brain, type, nth),
    close: () => brain.close(),
  });
}

async function waitFor(brain: Brain, type: string, nth: number): Promise<Record<string, unknown>> {
  const endsMs = performance.now() + WAIT_MS;
  for (;;) {
    const found = brain.received.filter((received) => received.type === type)[nth - 1];
    if (found) return found.event;
    if (performance.now() > endsMs) throw new Error(`No client sent ${type} (${nth}) within ${WAIT_MS} ms.`);
    await Bun.sleep(2);
  }
}

function answerer(answers: BrainScriptOptions["answers"]): AnswerFunction {
  if (typeof answers === "function") return answers;
  const left = [...(answers ?? ["All right."])];
  return () => (left.length > 1 ? left.shift() : left[0]) ?? "";
}

/** Hears the words of a script: more of them the longer the utterance, all at its end. */
class ScriptedRecognizer implements Recognizer {
  #next: () => ScriptedHearing;
  #hearing: ScriptedHearing | null = null;
  #samples = 0;
  #told = "";

  constructor(next: () => ScriptedHearing) {
    this.#next = next;
  }

  setTools(): void {}

  start(): void {
    this.#samples = 0;
    this.#told = "";
  }

  /** One word more per 200 ms. */
  write(pcm: Int16Array): string | null {
    this.#hearing ??= this.#next();
    this.#samples += pcm.length;
    const words = textOf(this.#hearing).split(" ");
    const text = words.slice(0, Math.floor(this.#samples / 4800)).join(" ");
    if (text === this.#told) return null;
    this.#told = text;
    return text;
  }

  finish(): Hearing {
    const hearing = this.#hearing ?? this.#next();
    this.#hearing = null;
    if (hearing instanceof Error) throw hearing;
    const text = textOf(hearing);
    const full = { text, accepted: text !== "", confidence: text === "" ? 0 : 1 };
    return typeof hearing === "string" ? full : { ...full, ...hearing };
  }

  close(): void {}
}

function textOf(hearing: ScriptedHearing): string {
  if (typeof hearing === "string") return hearing;
  return hearing instanceof Error ? "" : (hearing.text ?? "");
}

/** A voice without words: syllables of a 220 Hz tone, 60 ms for each letter of the text; energy VAD takes it for speech. */
export class ToneVoice implements Voice {
  names(): string[] {
    return ["tone"];
  }

  async synthesize(text: string): Promise<Int16Array<ArrayBuffer>> {
    const pcm = new Int16Array(Math.max(1, text.length) * 1440);
    for (let at = 0; at < pcm.length; at++) {
      const seconds = at / 24_000;
      const syllable = Math.max(0, Math.sin(Math.PI * 2 * 4 * seconds));
      pcm[at] = 9000 * syllable * Math.sin(Math.PI * 2 * 220 * seconds);
    }
    return pcm;
  }
}
