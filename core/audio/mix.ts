/** Adds the first `count` samples, clipped to 16 bits. */
export function mixInto(into: Int16Array, samples: Int16Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const sum = into[i]! + samples[i]!;
    into[i] = sum > 32767 ? 32767 : sum < -32768 ? -32768 : sum;
  }
}
