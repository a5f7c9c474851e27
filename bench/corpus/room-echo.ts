import { Fft } from "../../core/audio/fft.ts";
import { RATE_HZ } from "../../core/audio/port.ts";

/** How sound gets from the loudspeaker to the microphone. */
export interface EchoPath {
  /** The microphone hears it so much later than the reference has it; negative where the clocks are wrong. */
  delayMs: number;
  /** Level of the echo against what is played. */
  echoDb: number;
  /** Time in which the room's reflections lose 60 dB. */
  reverbMs: number;
  /** Whether the loudspeaker is overdriven, by 4 % at the peaks of speech: what it adds is not in the reference. */
  distorts: boolean;
}

/** Six rooms with -10 dB, from a desk to a hall. */
export const ROOMS: readonly EchoPath[] = [
  { delayMs: 8, echoDb: -10, reverbMs: 150, distorts: false },
  { delayMs: 35, echoDb: -10, reverbMs: 200, distorts: false },
  { delayMs: 70, echoDb: -10, reverbMs: 250, distorts: true },
  { delayMs: 0, echoDb: -10, reverbMs: 300, distorts: false },
  { delayMs: -40, echoDb: -10, reverbMs: 200, distorts: false },
  { delayMs: 120, echoDb: -10, reverbMs: 400, distorts: true },
];

const SIZE = 16_384;
const SEED = 77;

/** What reaches the microphone of what is played. */
export function echoOf(played: Int16Array, path: EchoPath): Float64Array {
  const source = Float64Array.from(played, (sample) => {
    const part = sample / 32768;
    return 32768 * (path.distorts ? Math.tanh(part) : part);
  });
  const wet = convolve(source, response(path));
  const shift = Math.round((path.delayMs * RATE_HZ) / 1000);
  const echo = new Float64Array(played.length);
  for (let i = Math.max(0, shift); i < echo.length; i++) echo[i] = wet[i - shift] ?? 0;
  return echo;
}

/** Direct sound and noise that dies away, of the energy of the echo's level. */
function response({ echoDb, reverbMs }: EchoPath): Float64Array {
  const taps = new Float64Array(Math.min(SIZE / 2, Math.round((reverbMs * RATE_HZ) / 1000)));
  let state = SEED;
  for (let i = 0; i < taps.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const decay = 10 ** ((-3 * i * 1000) / RATE_HZ / reverbMs);
    taps[i] = i === 0 ? 1 : i < 48 ? 0 : 0.02 * decay * (state / 2 ** 31 - 1);
  }
  const energy = taps.reduce((sum, tap) => sum + tap * tap, 0);
  return taps.map((tap) => (tap * 10 ** (echoDb / 20)) / Math.sqrt(energy));
}

/** Overlap-add. */
function convolve(signal: Float64Array, taps: Float64Array): Float64Array {
  const fft = new Fft(SIZE);
  const [tapsRe, tapsIm] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  tapsRe.set(taps);
  fft.transform(tapsRe, tapsIm);
  const block = SIZE - taps.length + 1;
  const result = new Float64Array(signal.length + taps.length);
  const [re, im] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  for (let at = 0; at < signal.length; at += block) {
    re.fill(0);
    im.fill(0);
    re.set(signal.subarray(at, at + block));
    fft.transform(re, im);
    for (let k = 0; k < SIZE; k++) {
      const x = re[k]! * tapsRe[k]! - im[k]! * tapsIm[k]!;
      im[k] = re[k]! * tapsIm[k]! + im[k]! * tapsRe[k]!;
      re[k] = x;
    }
    fft.transform(im, re);
    for (let i = 0; i < SIZE && at + i < result.length; i++) result[at + i]! += re[i]! / SIZE;
  }
  return result;
}
