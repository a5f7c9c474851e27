import { MynaError } from "myna";
import { readFileSync } from "node:fs";

/** A convolution with kernels of three points: `weights` by output channel, input channel, point in time. */
export interface Convolution {
  weights: Float64Array;
  biases: Float64Array;
  /** Input channels. */
  channels: number;
}

/** What the network has learnt. */
export interface SileroWeights {
  convolutions: Convolution[];
  /** LSTM, by gate (input, forget, cell, output) and unit, then by what comes in. */
  fromInput: Float64Array;
  fromHidden: Float64Array;
  /** Both biases of the LSTM, added up. */
  bias: Float64Array;
  output: Float64Array;
  outputBias: number;
}

/**
 * Tensors of weights.bin in their order, 32-bit floats, little endian: names and shapes are those of `silero_vad_v6.onnx`
 * (16 kHz branch) in the npm package @ricky0123/vad-web 0.0.31.
 */
export const TENSORS: readonly (readonly [name: string, count: number])[] = [
  ["encoder.0.reparam_conv.weight", 128 * 129 * 3],
  ["encoder.0.reparam_conv.bias", 128],
  ["encoder.1.reparam_conv.weight", 64 * 128 * 3],
  ["encoder.1.reparam_conv.bias", 64],
  ["encoder.2.reparam_conv.weight", 64 * 64 * 3],
  ["encoder.2.reparam_conv.bias", 64],
  ["encoder.3.reparam_conv.weight", 128 * 64 * 3],
  ["encoder.3.reparam_conv.bias", 128],
  ["decoder.rnn.weight_ih", 512 * 128],
  ["decoder.rnn.weight_hh", 512 * 128],
  ["decoder.rnn.bias_ih", 512],
  ["decoder.rnn.bias_hh", 512],
  ["decoder.decoder.2.weight", 128],
  ["decoder.decoder.2.bias", 1],
];

/** Reads weights.bin, 1 MB. CONFIG_INVALID when the file is not whole. */
export function loadWeights(file: string | URL = new URL("weights.bin", import.meta.url)): SileroWeights {
  const bytes = readFileSync(file);
  const floats = TENSORS.reduce((sum, [, count]) => sum + count, 0);
  if (bytes.length !== 4 * floats)
    throw new MynaError("CONFIG_INVALID", `${file} has ${bytes.length} bytes instead of ${4 * floats}`);
  let at = 0;
  const tensors = TENSORS.map(([, count]) => {
    const tensor = new Float64Array(count);
    for (let i = 0; i < count; i++, at += 4) tensor[i] = bytes.readFloatLE(at);
    return tensor;
  });
  const convolutions = [0, 2, 4, 6].map((index) => {
    const [weights, biases] = [tensors[index]!, tensors[index + 1]!];
    return { weights, biases, channels: weights.length / biases.length / 3 };
  });
  return {
    convolutions,
    fromInput: tensors[8]!,
    fromHidden: tensors[9]!,
    bias: tensors[10]!.map((value, i) => value + tensors[11]![i]!),
    output: tensors[12]!,
    outputBias: tensors[13]![0]!,
  };
}
