/**
 * Writes weights.bin from Silero's published ONNX file; to be run by hand when a new version of the model comes out.
 *
 *   bun plugins/vad-silero/extract-weights.ts silero_vad_v6.onnx weights.bin
 */
import { TENSORS } from "./weights.ts";

interface Field {
  number: number;
  value: number | Uint8Array;
}

/** Fields of a protocol buffer message, see https://protobuf.dev/programming-guides/encoding/. */
function fields(message: Uint8Array): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const bytes = (length: number) => message.subarray(at, (at += length));
  while (at < message.length) {
    const key = varint();
    const read = [varint, () => bytes(8), () => bytes(varint()), undefined, undefined, () => bytes(4)][
      key & 7
    ];
    if (!read) throw new Error(`This is no ONNX file: field of type ${key & 7}.`);
    found.push({ number: key >>> 3, value: read() });
  }
  return found;
}

const parts = (message: Uint8Array, number: number) =>
  fields(message).flatMap((field) =>
    field.number === number && typeof field.value !== "number" ? [field.value] : [],
  );

/** Named tensors of the constants of a graph and the graphs within it: NodeProto, AttributeProto, TensorProto of onnx.proto. */
function collect(graph: Uint8Array, into: Map<string, Uint8Array[]>): void {
  for (const attribute of parts(graph, 1).flatMap((node) => parts(node, 5))) {
    for (const tensor of parts(attribute, 5)) {
      const name = new TextDecoder().decode(parts(tensor, 8)[0]);
      const raw = parts(tensor, 9)[0];
      if (raw) into.set(name, [...(into.get(name) ?? []), raw]);
    }
    for (const inner of parts(attribute, 6)) collect(inner, into);
  }
}

const [from, to] = process.argv.slice(2);
if (!from || !to) throw new Error("Usage: bun plugins/vad-silero/extract-weights.ts MODEL.onnx weights.bin");
const tensors = new Map<string, Uint8Array[]>();
const model = new Uint8Array(await Bun.file(from).arrayBuffer());
for (const graph of parts(model, 7)) collect(graph, tensors);
// Both branches, 8 and 16 kHz, name their tensors alike; the second is the one for 16 kHz.
const wanted = TENSORS.map(([name, count]) => {
  const raw = tensors.get(name)?.at(-1);
  if (raw?.length !== 4 * count) throw new Error(`${from} has no tensor ${name} of ${count} floats.`);
  return raw;
});
await Bun.write(to, Buffer.concat(wanted));
