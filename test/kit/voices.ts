import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeWav } from "../../core/audio/wav.ts";

/** Stands for the file in a program's arguments. */
const OUTPUT = "OUTPUT";
let files = 0;
const spoken = new Map<string, Promise<Int16Array<ArrayBuffer>>>();

/** Speech of Debian's espeak-ng, PCM16 mono 24 kHz, kept for the next time. Throws naming the package where it is missing. */
export function espeak(
  text: string,
  voice = "en-us",
  wordsPerMinute = 170,
): Promise<Int16Array<ArrayBuffer>> {
  return say("espeak-ng", ["-v", voice, "-s", String(wordsPerMinute), "-w", OUTPUT, text]);
}

/** The same by Debian's flite: voices slt, rms, awb, kal16. */
export function flite(text: string, voice = "slt"): Promise<Int16Array<ArrayBuffer>> {
  return say("flite", ["-voice", voice, "-t", text, "-o", OUTPUT]);
}

function say(program: string, args: string[]): Promise<Int16Array<ArrayBuffer>> {
  const key = [program, ...args].join("\n");
  const known = spoken.get(key);
  if (known) return known;
  const pcm = synthesize(program, args);
  spoken.set(key, pcm);
  return pcm;
}

async function synthesize(program: string, args: string[]): Promise<Int16Array<ArrayBuffer>> {
  if (Bun.which(program) === null) throw new Error(`${program} is missing: apt-get install ${program}`);
  const file = join(tmpdir(), `myna-voice-${process.pid}-${++files}.wav`);
  try {
    const command = [program, ...args.map((arg) => (arg === OUTPUT ? file : arg))];
    const child = Bun.spawn(command, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    if ((await child.exited) !== 0) throw new Error(`${program} could not say "${args.join(" ")}"`);
    return decodeWav(await Bun.file(file).bytes()).pcm as Int16Array<ArrayBuffer>;
  } finally {
    rmSync(file, { force: true });
  }
}
