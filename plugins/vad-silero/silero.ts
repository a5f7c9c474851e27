import { BINS, Spectrum } from "./spectrum.ts";
import type { Convolution, SileroWeights } from "./weights.ts";

/** The rate that the network was trained for. */
export const SILERO_HZ = 16_000;
/** Samples of one verdict: 32 ms. */
export const WINDOW_SAMPLES = 512;

/** Samples of the window before that the network wants to see again. Without them its verdicts are worthless. */
const CONTEXT_SAMPLES = 64;
const HOP_SAMPLES = 128;
/** The signal is mirrored at its end by so much; four spectra result. */
const MIRRORED_SAMPLES = 64;
const SPECTRA = 4;
const HIDDEN = 128;

/**
 * Silero VAD v6: spectra, four convolutions in time, an LSTM, one output. Computes what the published ONNX graph computes (its
 * 16 kHz branch) to 1e-5. Keeps state from window to window. Allocates nothing per window.
 */
export class Silero {
  readonly #weights: SileroWeights;
  readonly #spectrum = new Spectrum();
  /** Context, window, and the mirrored end. */
  readonly #signal = new Float64Array(CONTEXT_SAMPLES + WINDOW_SAMPLES + MIRRORED_SAMPLES);
  /** By channel, each channel in time with a zero before and after. */
  readonly #spectra = new Float64Array(BINS * (SPECTRA + 2));
  readonly #first = new Float64Array(128 * (4 + 2));
  readonly #second = new Float64Array(64 * (2 + 2));
  readonly #third = new Float64Array(64 * (1 + 2));
  readonly #fourth = new Float64Array(HIDDEN * (1 + 2));
  readonly #input = new Float64Array(HIDDEN);
  readonly #hidden = new Float64Array(HIDDEN);
  readonly #cell = new Float64Array(HIDDEN);
  readonly #gates = new Float64Array(4 * HIDDEN);

  constructor(weights: SileroWeights) {
    this.#weights = weights;
  }

  /** Probability of speech in the next {@link WINDOW_SAMPLES} of PCM16 at {@link SILERO_HZ}; borrowed. */
  probability(window: Int16Array): number {
    const { convolutions, output, outputBias } = this.#weights;
    this.#load(window);
    for (let i = 0; i < SPECTRA; i++)
      this.#spectrum.magnitudes(this.#signal, i * HOP_SAMPLES, this.#spectra, i + 1, SPECTRA + 2);
    convolve(this.#spectra, 4, convolutions[0]!, 1, this.#first);
    convolve(this.#first, 4, convolutions[1]!, 2, this.#second);
    convolve(this.#second, 2, convolutions[2]!, 2, this.#third);
    convolve(this.#third, 1, convolutions[3]!, 1, this.#fourth);
    for (let i = 0; i < HIDDEN; i++) this.#input[i] = this.#fourth[3 * i + 1]!;
    this.#remember();
    let sum = outputBias;
    for (let i = 0; i < HIDDEN; i++) sum += output[i]! * Math.max(0, this.#hidden[i]!);
    return sigmoid(sum);
  }

  #load(window: Int16Array): void {
    const signal = this.#signal;
    signal.copyWithin(0, WINDOW_SAMPLES, WINDOW_SAMPLES + CONTEXT_SAMPLES);
    for (let i = 0; i < WINDOW_SAMPLES; i++) signal[CONTEXT_SAMPLES + i] = window[i]! / 32768;
    const end = CONTEXT_SAMPLES + WINDOW_SAMPLES;
    for (let i = 0; i < MIRRORED_SAMPLES; i++) signal[end + i] = signal[end - 2 - i]!;
  }

  /** One step of the LSTM; gates are in the order input, forget, cell, output. */
  #remember(): void {
    const { fromInput, fromHidden, bias } = this.#weights;
    const gates = this.#gates;
    const input = this.#input;
    const hidden = this.#hidden;
    for (let gate = 0, at = 0; gate < 4 * HIDDEN; gate++) {
      let a = bias[gate]!;
      let b = 0;
      for (let i = 0; i < HIDDEN; i += 2, at += 2) {
        a += fromInput[at]! * input[i]! + fromHidden[at]! * hidden[i]!;
        b += fromInput[at + 1]! * input[i + 1]! + fromHidden[at + 1]! * hidden[i + 1]!;
      }
      gates[gate] = a + b;
    }
    const cell = this.#cell;
    for (let i = 0; i < HIDDEN; i++) {
      const kept = sigmoid(gates[HIDDEN + i]!) * cell[i]!;
      const added = sigmoid(gates[i]!) * Math.tanh(gates[2 * HIDDEN + i]!);
      cell[i] = kept + added;
      hidden[i] = sigmoid(gates[3 * HIDDEN + i]!) * Math.tanh(cell[i]!);
    }
  }
}

/** A kernel of three over `count` points in time, every `stride`th, and what is negative becomes zero. */
function convolve(
  input: Float64Array,
  count: number,
  { weights, biases, channels }: Convolution,
  stride: 1 | 2,
  output: Float64Array,
): void {
  const row = count + 2;
  const made = count / stride < 1 ? 1 : count / stride;
  for (let out = 0, o = 0; out < biases.length; out++, o += made + 2) {
    const bias = biases[out]!;
    let a = bias;
    let b = bias;
    let c = bias;
    let d = bias;
    let w = out * channels * 3;
    for (let channel = 0, i = 0; channel < channels; channel++, w += 3, i += row) {
      const w0 = weights[w]!;
      const w1 = weights[w + 1]!;
      const w2 = weights[w + 2]!;
      a += w0 * input[i]! + w1 * input[i + 1]! + w2 * input[i + 2]!;
      if (made === 1) continue;
      const next = i + stride;
      b += w0 * input[next]! + w1 * input[next + 1]! + w2 * input[next + 2]!;
      if (made === 2) continue;
      c += w0 * input[i + 2]! + w1 * input[i + 3]! + w2 * input[i + 4]!;
      d += w0 * input[i + 3]! + w1 * input[i + 4]! + w2 * input[i + 5]!;
    }
    output[o + 1] = a > 0 ? a : 0;
    if (made > 1) output[o + 2] = b > 0 ? b : 0;
    if (made > 2) {
      output[o + 3] = c > 0 ? c : 0;
      output[o + 4] = d > 0 ? d : 0;
    }
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
