/** A JPEG with the size that its header tells. */
export interface JpegFrame {
  jpeg: Uint8Array;
  width: number;
  height: number;
}

/** No picture of a robot's camera is larger; what is gets dropped. */
const LONGEST = 8 * 1024 * 1024;

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;

/**
 * Cuts a stream of JPEGs that follow each other without a container, as cameras' programs write it, into pictures. It walks the
 * segments, so that a thumbnail inside a picture does not end it; after bytes that are no JPEG it goes on at the next one.
 */
export class JpegSplitter {
  readonly #onFrame: (frame: JpegFrame) => void;
  #bytes: Uint8Array = new Uint8Array(256 * 1024);
  #length = 0;
  /** Where the walk is; everything before it belongs to the picture that began at 0. */
  #at = 0;
  #where: "outside" | "segment" | "scan" = "outside";
  #width = 0;
  #height = 0;

  constructor(onFrame: (frame: JpegFrame) => void) {
    this.#onFrame = onFrame;
  }

  /** Bytes as they come; `onFrame` is called before it returns, with memory of its own. */
  push(bytes: Uint8Array): void {
    this.#append(bytes);
    while (this.#step());
    if (this.#length > LONGEST) this.#resync();
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = needed;
  }

  /** True where it came further. */
  #step(): boolean {
    if (this.#where === "outside") return this.#findStart();
    return this.#where === "segment" ? this.#walkSegment() : this.#walkScan();
  }

  #findStart(): boolean {
    for (let at = 0; at + 1 < this.#length; at++) {
      if (this.#bytes[at] !== 0xff || this.#bytes[at + 1] !== SOI) continue;
      this.#drop(at);
      this.#at = 2;
      this.#where = "segment";
      return true;
    }
    this.#drop(Math.max(0, this.#length - 1));
    return false;
  }

  #walkSegment(): boolean {
    if (this.#at + 4 > this.#length && !this.#ends()) return false;
    if (this.#bytes[this.#at] !== 0xff) return this.#resync();
    const marker = this.#bytes[this.#at + 1]!;
    if (marker === EOI) return this.#finish();
    if (marker === 0xff) this.#at += 1;
    else if (marker === 0 || marker === SOI) return this.#resync();
    else if (marker === 1 || isRestart(marker)) this.#at += 2;
    else {
      const length = this.#word(this.#at + 2);
      if (length < 2) return this.#resync();
      if (this.#at + 2 + length > this.#length) return false;
      if (isFrameHeader(marker)) {
        this.#height = this.#word(this.#at + 5);
        this.#width = this.#word(this.#at + 7);
      }
      this.#at += 2 + length;
      if (marker === SOS) this.#where = "scan";
    }
    return true;
  }

  #walkScan(): boolean {
    const found = this.#bytes.subarray(0, this.#length).indexOf(0xff, this.#at);
    if (found < 0 || found + 1 >= this.#length) {
      this.#at = found < 0 ? this.#length : found;
      return false;
    }
    const next = this.#bytes[found + 1]!;
    this.#at = found;
    if (next === 0 || isRestart(next)) this.#at = found + 2;
    else if (next === 0xff) this.#at = found + 1;
    else this.#where = "segment";
    return true;
  }

  /** The picture's last two bytes are there. */
  #ends(): boolean {
    return (
      this.#at + 2 <= this.#length && this.#bytes[this.#at] === 0xff && this.#bytes[this.#at + 1] === EOI
    );
  }

  #finish(): boolean {
    const jpeg = this.#bytes.slice(0, this.#at + 2);
    const [width, height] = [this.#width, this.#height];
    this.#drop(this.#at + 2);
    this.#begin();
    if (width > 0 && height > 0) this.#onFrame({ jpeg, width, height });
    return true;
  }

  /** What began at 0 was no picture: on from behind its first marker. */
  #resync(): boolean {
    this.#drop(Math.min(2, this.#length));
    this.#begin();
    return true;
  }

  #begin(): void {
    this.#at = 0;
    this.#where = "outside";
    this.#width = 0;
    this.#height = 0;
  }

  #drop(count: number): void {
    this.#bytes.copyWithin(0, count, this.#length);
    this.#length -= count;
  }

  #word(at: number): number {
    return this.#bytes[at]! * 256 + this.#bytes[at + 1]!;
  }
}

function isRestart(marker: number): boolean {
  return marker >= 0xd0 && marker <= 0xd7;
}

/** SOF0 to SOF15 without DHT, JPG and DAC (ITU-T T.81, table B.1). */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}
