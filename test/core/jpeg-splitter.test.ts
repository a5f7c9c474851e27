import { beforeAll, describe, expect, test } from "bun:test";
import { JpegSplitter } from "../../core/devices/jpeg-splitter.ts";
import type { JpegFrame } from "../../core/devices/jpeg-splitter.ts";
import { greyBmp } from "../fixtures/fake-camera.ts";

let small: Uint8Array;
let large: Uint8Array;
let progressive: Uint8Array;

beforeAll(async () => {
  small = await new Bun.Image(greyBmp(64, 48, 90)).jpeg().bytes();
  large = await new Bun.Image(greyBmp(320, 240, 200)).jpeg().bytes();
  progressive = await new Bun.Image(greyBmp(32, 24, 20)).jpeg({ progressive: true }).bytes();
});

function cut(chunks: Iterable<Uint8Array>): JpegFrame[] {
  const frames: JpegFrame[] = [];
  const splitter = new JpegSplitter((frame) => frames.push(frame));
  for (const chunk of chunks) splitter.push(chunk);
  return frames;
}

function join(...parts: (Uint8Array | number[])[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
}

/** A segment APP1 that holds a whole JPEG, as EXIF thumbnails do. */
function withThumbnail(jpeg: Uint8Array, thumbnail: Uint8Array): Uint8Array {
  const length = thumbnail.length + 2;
  return join(jpeg.slice(0, 2), [0xff, 0xe1, length >> 8, length & 255], thumbnail, jpeg.slice(2));
}

describe("a stream of JPEGs is cut", () => {
  test("into pictures with their sizes, however it is chopped up", () => {
    const stream = join(small, large, progressive, small);
    for (const size of [1, 2, 3, 7, 64, 1000, stream.length]) {
      const chunks = [];
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
      const frames = cut(chunks);
      expect(
        frames.map(({ width, height }) => `${width}x${height}`),
        `in pieces of ${size}`,
      ).toEqual(["64x48", "320x240", "32x24", "64x48"]);
      expect(frames.map(({ jpeg }) => jpeg)).toEqual([small, large, progressive, small]);
    }
  });

  test("not at the end of a thumbnail inside a picture", () => {
    const picture = withThumbnail(large, small);
    const frames = cut([join(picture, picture)]);
    expect(frames.map(({ width }) => width)).toEqual([320, 320]);
    expect(frames[0]!.jpeg).toEqual(picture);
  });

  test("at fill bytes too", () => {
    const filled = join(large.slice(0, 2), [0xff, 0xff], large.slice(2));
    expect(cut([filled, small]).map(({ width }) => width)).toEqual([320, 64]);
  });

  test("and goes on at the next picture after bytes that are none", () => {
    const broken = join([1, 2, 0xff], small.slice(0, 40), large, [0, 0xff, 0xd8, 0xff], small, small);
    const widths = cut([broken]).map(({ width }) => width);
    expect(widths.at(-1)).toBe(64);
    expect(widths.length).toBeGreaterThanOrEqual(1);
    expect(cut([new Uint8Array(1_000_000).fill(0xff), small]).map(({ width }) => width)).toEqual([64]);
  });

  test("without keeping more than a picture can be", () => {
    const endless = join(small.slice(0, -2), new Uint8Array(200_000).fill(7));
    const chunk = new Uint8Array(1_000_000).fill(9);
    const frames = cut([endless, ...Array<Uint8Array>(9).fill(chunk), small, small]);
    expect(frames.at(-1)).toMatchObject({ width: 64, height: 48 });
  });

  test("and random bytes never stop it", () => {
    let seed = 1;
    const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
    for (let round = 0; round < 50; round++) {
      const noise = Uint8Array.from({ length: 3000 }, () =>
        random() < 0.2 ? 0xff : Math.floor(random() * 256),
      );
      const frames = cut([noise, small, small, small]);
      expect(frames.length, `round ${round}`).toBeGreaterThanOrEqual(1);
    }
  });
});
