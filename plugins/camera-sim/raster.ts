const HEADER_BYTES = 54;
const BYTES_PER_PIXEL = 3;

/** 24-bit pixels in the memory layout of a BMP file, which Bun.Image reads without a copy. */
export class Raster {
  readonly width: number;
  readonly height: number;
  readonly #file: Uint8Array<ArrayBuffer>;

  /** `width` is a multiple of 4: rows of a BMP are padded to 4 bytes. */
  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    const pixelBytes = width * height * BYTES_PER_PIXEL;
    this.#file = new Uint8Array(HEADER_BYTES + pixelBytes);
    const header = new DataView(this.#file.buffer);
    header.setUint16(0, 0x424d); // "BM"
    header.setUint32(2, this.#file.length, true);
    header.setUint32(10, HEADER_BYTES, true);
    header.setUint32(14, 40, true); // BITMAPINFOHEADER
    header.setInt32(18, width, true);
    header.setInt32(22, height, true); // positive: the bottom row comes first
    header.setUint16(26, 1, true);
    header.setUint16(28, BYTES_PER_PIXEL * 8, true);
    header.setUint32(34, pixelBytes, true);
  }

  /** Sets a pixel; row 0 is the top, channels are 0 to 255 and clamped. */
  set(column: number, row: number, red: number, green: number, blue: number): void {
    const at = this.#at(column, row);
    this.#file[at] = clampByte(blue);
    this.#file[at + 1] = clampByte(green);
    this.#file[at + 2] = clampByte(red);
  }

  /** Red, green and blue of a pixel. */
  get(column: number, row: number): [number, number, number] {
    const at = this.#at(column, row);
    return [this.#file[at + 2] ?? 0, this.#file[at + 1] ?? 0, this.#file[at] ?? 0];
  }

  /** Compressed off the main thread. */
  async jpeg(quality: number): Promise<Uint8Array> {
    return await new Bun.Image(this.#file).jpeg({ quality }).bytes();
  }

  #at(column: number, row: number): number {
    return HEADER_BYTES + ((this.height - 1 - row) * this.width + column) * BYTES_PER_PIXEL;
  }
}

function clampByte(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
