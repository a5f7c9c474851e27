import { decodeWav } from "../../core/audio/wav.ts";

const spoken = new Map<string, Promise<Int16Array<ArrayBuffer>>>();

/** Speech of Debian's espeak-ng, PCM16 mono 24 kHz, kept for the next time. Throws naming the package where it is missing. */
export function espeak(
  text: string,
  voice = "en-us",
  wordsPerMinute = 170,
): Promise<Int16Array<ArrayBuffer>> {
  return say("espeak-ng", ["-v", voice, "-s", String(wordsPerMinute), "--stdout", text]);
}

/** The same by Debian's flite: voices slt, rms, awb, kal16. */
export function flite(text: string, voice = "slt"): Promise<Int16Array<ArrayBuffer>> {
  return say("flite", ["-voice", voice, "-t", text, "-o", "/dev/stdout"]);
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
  const child = Bun.spawn([program, ...args], { stdout: "pipe", stderr: "ignore" });
  const bytes = new Uint8Array(await new Response(child.stdout).arrayBuffer());
  return decodeWav(patched(bytes)).pcm as Int16Array<ArrayBuffer>;
}

/** A program that writes to a pipe does not know the length when it writes the header. */
function patched(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    const isData = String.fromCharCode(...bytes.subarray(at, at + 4)) === "data";
    if (isData || at + 8 + size > bytes.length) {
      view.setUint32(at + 4, bytes.length - at - 8, true);
      break;
    }
    at += 8 + size;
  }
  view.setUint32(4, bytes.length - 8, true);
  return bytes;
}
