import { describe, expect, test } from "bun:test";
import { inflateSync } from "node:zlib";
import type { Room } from "myna";
import { describe as describeView } from "../../plugins/camera-sim/description.ts";
import type { Raster } from "../../plugins/camera-sim/raster.ts";
import { render } from "../../plugins/camera-sim/renderer.ts";
import type { Viewpoint } from "../../plugins/camera-sim/scene.ts";

const WIDTH = 320;
const HEIGHT = 240;

const room: Room = {
  name: "test room",
  walls: [
    { x1: 3, y1: -4, x2: 3, y2: 4 },
    { x1: 3, y1: 4, x2: -4, y2: 4 },
    { x1: -4, y1: 4, x2: -4, y2: -4 },
    { x1: -4, y1: -4, x2: 3, y2: -4 },
  ],
  obstacles: [{ name: "red ball", x: 2, y: 0.5, radius: 0.15, heightM: 0.3, color: "red" }],
  cliffs: [
    {
      points: [
        [-2, -1],
        [-1, -1],
        [-1, 1],
        [-2, 1],
      ],
    },
  ],
  lines: [],
  lights: [],
  start: { x_m: 0, y_m: 0, heading_deg: 0 },
};

const from = (changed: Partial<Viewpoint> = {}): Viewpoint => ({
  x: 0,
  y: 0,
  bearingDeg: 0,
  tiltDeg: 0,
  ...changed,
});
const isRed = ([red, green, blue]: [number, number, number]): boolean => red > 90 && green < 50 && blue < 50;
const isBlack = ([red, green, blue]: [number, number, number]): boolean => red + green + blue < 60;

interface Pixels {
  width: number;
  height: number;
  get(column: number, row: number): [number, number, number];
}

/** Number and middle of the pixels that satisfy `matches`. */
function find(picture: Pixels, matches: (pixel: [number, number, number]) => boolean) {
  let count = 0;
  let columns = 0;
  let rows = 0;
  for (let row = 0; row < picture.height; row++) {
    for (let column = 0; column < picture.width; column++) {
      if (!matches(picture.get(column, row))) continue;
      count++;
      columns += column;
      rows += row;
    }
  }
  return { count, column: columns / count, row: rows / count };
}

const shoot = (view: Viewpoint): Raster => render(room, view, WIDTH, HEIGHT);

/** Row of the picture's middle column where the sky ends. */
function wallTop(picture: Raster): number {
  const sky = picture.get(WIDTH / 2, 0);
  for (let row = 0; row < HEIGHT; row++) {
    if (picture.get(WIDTH / 2, row).join() !== sky.join()) return row;
  }
  return HEIGHT;
}

describe("the simulated picture", () => {
  test("shows an object where its direction says", () => {
    const leftOfMiddle = find(shoot(from()), isRed);
    expect(leftOfMiddle.count).toBeGreaterThan(50);
    const bearingRad = Math.atan2(0.5, 2);
    const focalPx = WIDTH / 2 / Math.tan((32.5 * Math.PI) / 180);
    expect(leftOfMiddle.column).toBeCloseTo(WIDTH / 2 - focalPx * Math.tan(bearingRad), -1);
  });

  test("moves to the right when the camera turns left, and leaves the view when it turns far", () => {
    const before = find(shoot(from()), isRed);
    const turned = find(shoot(from({ bearingDeg: 20 })), isRed);
    expect(turned.column).toBeGreaterThan(before.column + 30);
    expect(find(shoot(from({ bearingDeg: 120 })), isRed).count).toBe(0);
  });

  test("grows when the robot comes nearer", () => {
    const far = shoot(from());
    const near = shoot(from({ x: 1 }));
    expect(find(near, isRed).count).toBeGreaterThan(2 * find(far, isRed).count);
    expect(wallTop(near)).toBeLessThan(wallTop(far) - 10);
  });

  test("shifts down when the camera tilts up", () => {
    const level = find(shoot(from()), isRed);
    const up = find(shoot(from({ tiltDeg: 10 })), isRed);
    expect(up.row).toBeGreaterThan(level.row + 20);
    expect(find(shoot(from({ tiltDeg: 60 })), isRed).count).toBe(0);
  });

  test("is dark where the floor ends", () => {
    expect(find(shoot(from()), isBlack).count).toBe(0);
    const hole = find(shoot(from({ bearingDeg: 180 })), isBlack);
    expect(hole.count).toBeGreaterThan(500);
    expect(hole.row).toBeGreaterThan(HEIGHT / 2);
  });

  test("hides what stands behind something else", () => {
    const wall = { x1: 1, y1: -1, x2: 1, y2: 1 };
    const hidden = render({ ...room, walls: [...room.walls, wall] }, from(), WIDTH, HEIGHT);
    expect(find(hidden, isRed).count).toBe(0);
  });

  test("is the same in the JPEG", async () => {
    const raster = shoot(from());
    const jpeg = await raster.jpeg(90);
    expect([...jpeg.subarray(0, 2)]).toEqual([0xff, 0xd8]);
    expect(await new Bun.Image(jpeg).metadata()).toMatchObject({
      width: WIDTH,
      height: HEIGHT,
      format: "jpeg",
    });
    const decoded = await decode(jpeg);
    const drawn = find(raster, isRed);
    const seen = find(decoded, isRed);
    expect(Math.abs(seen.column - drawn.column)).toBeLessThan(2);
    expect(Math.abs(seen.row - drawn.row)).toBeLessThan(2);
    expect(Math.abs(seen.count / drawn.count - 1)).toBeLessThan(0.2);
  });
});

describe("a room with a line and a lamp", () => {
  const marked: Room = {
    ...room,
    lines: [
      {
        points: [
          [0.5, 0],
          [2.5, 0],
        ],
        widthM: 0.05,
      },
    ],
    lights: [{ x: 0, y: 0, reachM: 1, brightness: 1 }],
  };
  const isInk = ([red, green, blue]: [number, number, number]): boolean => red + green + blue < 110;

  test("shows the line on the floor, straight ahead of who stands on it", () => {
    const ahead = find(render({ ...marked, lights: [] }, from(), WIDTH, HEIGHT), isInk);
    expect(ahead.count).toBeGreaterThan(100);
    expect(Math.abs(ahead.column - WIDTH / 2)).toBeLessThan(3);
    expect(ahead.row).toBeGreaterThan(HEIGHT / 2);
    expect(find(shoot(from()), isInk).count).toBeLessThan(10);
  });

  test("is dim far from its lamp", () => {
    const brightness = (picture: Raster) => {
      const [red, green, blue] = picture.get(WIDTH / 2, HEIGHT - 1);
      return red + green + blue;
    };
    const view = { x: -3, y: 3 };
    const lit = brightness(render({ ...marked, lights: [] }, from(view), WIDTH, HEIGHT));
    expect(brightness(render(marked, from(view), WIDTH, HEIGHT))).toBeLessThan(lit * 0.6);
    expect(brightness(render(marked, from(), WIDTH, HEIGHT))).toBeGreaterThan(lit * 0.8);
  });

  test("is described with its line where one can be seen", () => {
    expect(describeView(marked, from(), 640, 480)).toContain("a dark line on the floor 48 centimeters away");
    expect(describeView(marked, from({ bearingDeg: 180 }), 640, 480)).not.toContain("line");
    expect(describeView(marked, from({ tiltDeg: 60 }), 640, 480)).not.toContain("line");
  });
});

describe("the description", () => {
  const say = (changed: Partial<Viewpoint>, where = room) => describeView(where, from(changed), 640, 480);

  test("names what is visible with distance and side, nearest first", () => {
    expect(say({})).toBe("a red ball 1.9 meters ahead on the left; the wall 3.0 meters away");
    expect(say({ bearingDeg: 25 })).toMatch(/^a red ball 1\.9 meters ahead on the right/);
    expect(say({ bearingDeg: 14 })).toMatch(/^a red ball 1\.9 meters straight ahead/);
    expect(say({ x: 1.3, y: 0.5 })).toMatch(/^a red ball 55 centimeters straight ahead/);
  });

  test("leaves out what is outside the view", () => {
    expect(say({ bearingDeg: -90 })).toBe("the wall 4.0 meters away");
    expect(say({ tiltDeg: 65 })).toBe("only the ceiling");
  });

  test("warns of a near edge", () => {
    expect(say({ bearingDeg: 180 })).toBe(
      "an edge where the floor ends 1.0 meters away; the wall 4.0 meters away",
    );
  });
});

/** Pixels of a JPEG, by way of a PNG, whose format is simple enough to read here. */
async function decode(jpeg: Uint8Array): Promise<Pixels> {
  const png = Buffer.from(await new Bun.Image(jpeg).png().bytes());
  const width = png.readUInt32BE(16);
  const height = png.readUInt32BE(20);
  const channels = png[25] === 6 ? 4 : 3;
  const parts: Buffer[] = [];
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    if (png.toString("latin1", at + 4, at + 8) === "IDAT")
      parts.push(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  const rows = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const pixels = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = rows[row * (stride + 1)] ?? 0;
    for (let i = 0; i < stride; i++) {
      const at = row * stride + i;
      const left = i >= channels ? (pixels[at - channels] ?? 0) : 0;
      const up = row > 0 ? (pixels[at - stride] ?? 0) : 0;
      const corner = i >= channels && row > 0 ? (pixels[at - stride - channels] ?? 0) : 0;
      const predicted = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter] ?? 0;
      pixels[at] = (rows[row * (stride + 1) + 1 + i] ?? 0) + predicted;
    }
  }
  return {
    width,
    height,
    get: (column, row) => {
      const at = row * stride + column * channels;
      return [pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0];
    },
  };
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [toLeft, toUp, toCorner] = [guess - left, guess - up, guess - corner].map(Math.abs) as [
    number,
    number,
    number,
  ];
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
