const HEADER_BYTES = 54;

/** YUYV (4:2:2, ITU-R BT.601, limited range) as a BMP file of 24 bits, which Bun.Image reads. `width` is even. */
export function bmpOfYuyv(yuyv: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  const stride = (width * 3 + 3) & ~3;
  const file = new Uint8Array(HEADER_BYTES + stride * height);
  const header = new DataView(file.buffer);
  header.setUint16(0, 0x424d);
  header.setUint32(2, file.length, true);
  header.setUint32(10, HEADER_BYTES, true);
  header.setUint32(14, 40, true);
  header.setInt32(18, width, true);
  // Negative: the top row comes first.
  header.setInt32(22, -height, true);
  header.setUint16(26, 1, true);
  header.setUint16(28, 24, true);
  const pixels = new Uint8ClampedArray(file.buffer, HEADER_BYTES);
  for (let row = 0; row < height; row++) {
    let from = row * width * 2;
    let to = row * stride;
    for (let column = 0; column < width; column += 2, from += 4, to += 6) {
      const blue = yuyv[from + 1]! - 128;
      const red = yuyv[from + 3]! - 128;
      const toRed = 1.596 * red;
      const toGreen = -0.392 * blue - 0.813 * red;
      const toBlue = 2.017 * blue;
      for (let pixel = 0; pixel < 2; pixel++) {
        const light = 1.164 * (yuyv[from + 2 * pixel]! - 16);
        pixels[to + 3 * pixel] = light + toBlue;
        pixels[to + 3 * pixel + 1] = light + toGreen;
        pixels[to + 3 * pixel + 2] = light + toRed;
      }
    }
  }
  return file;
}

/** Cuts a stream into frames of `bytes`. */
export class FixedSplitter {
  readonly #frame: Uint8Array;
  readonly #onFrame: (frame: Uint8Array) => void;
  #filled = 0;

  constructor(bytes: number, onFrame: (frame: Uint8Array) => void) {
    this.#frame = new Uint8Array(bytes);
    this.#onFrame = onFrame;
  }

  /** `onFrame` gets memory of its own. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const part = bytes.subarray(at, at + this.#frame.length - this.#filled);
      this.#frame.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < this.#frame.length) continue;
      this.#filled = 0;
      this.#onFrame(this.#frame.slice());
    }
  }
}
