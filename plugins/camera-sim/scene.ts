import type { Room } from "myna";

/** Where the camera is: metres, degrees; heading and pan together, counter-clockwise. */
export interface Viewpoint {
  x: number;
  y: number;
  bearingDeg: number;
  tiltDeg: number;
}

/** Something that a ray meets, nearest last. */
export interface Hit {
  /** Along the ray, metres. */
  rangeM: number;
  kind: "wall" | "obstacle";
  /** Index among the room's walls or obstacles. */
  index: number;
  /** Cosine between the ray and the surface's normal, 0 (grazing) to 1 (head-on). */
  facing: number;
}

/** All that a ray with the unit direction (dx, dy) meets up to the nearest wall, farthest first. */
export function trace(room: Room, x: number, y: number, dx: number, dy: number): Hit[] {
  let wall: Hit | undefined;
  room.walls.forEach(({ x1, y1, x2, y2 }, index) => {
    const ex = x2 - x1;
    const ey = y2 - y1;
    const cross = dx * ey - dy * ex;
    if (Math.abs(cross) < 1e-12) return;
    const rangeM = ((x1 - x) * ey - (y1 - y) * ex) / cross;
    const at = ((x1 - x) * dy - (y1 - y) * dx) / cross;
    if (rangeM <= 0 || at < 0 || at > 1 || rangeM >= (wall?.rangeM ?? Infinity)) return;
    wall = { rangeM, kind: "wall", index, facing: Math.abs(cross) / Math.hypot(ex, ey) };
  });
  const hits: Hit[] = wall ? [wall] : [];
  room.obstacles.forEach((round, index) => {
    const toX = round.x - x;
    const toY = round.y - y;
    const along = toX * dx + toY * dy;
    const squared = round.radius ** 2 - (toX * toX + toY * toY - along * along);
    if (squared < 0) return;
    const half = Math.sqrt(squared);
    const rangeM = along - half;
    if (rangeM <= 0 || rangeM >= (wall?.rangeM ?? Infinity)) return;
    hits.push({ rangeM, kind: "obstacle", index, facing: half / round.radius });
  });
  return hits.sort((a, b) => b.rangeM - a.rangeM);
}

/** True where the floor ends. */
export function isVoid(room: Room, x: number, y: number): boolean {
  return room.cliffs.some(({ points }) => {
    let inside = false;
    let [px, py] = points.at(-1) ?? [0, 0];
    for (const [qx, qy] of points) {
      if (qy > y !== py > y && x < ((px - qx) * (y - qy)) / (py - qy) + qx) inside = !inside;
      px = qx;
      py = qy;
    }
    return inside;
  });
}

/** What is drawn on a floor: its lines, and how light it is. Made once for a picture, asked for every pixel. */
export class Floor {
  readonly #lines: readonly Stroke[];
  readonly #lights: Room["lights"];

  constructor(room: Room) {
    this.#lights = room.lights;
    this.#lines = room.lines.flatMap(({ points, widthM }) =>
      points.slice(1).map(([x2, y2], at) => strokeOf(points[at]!, [x2, y2], widthM / 2)),
    );
  }

  isLine(x: number, y: number): boolean {
    for (const line of this.#lines) {
      if (x < line.left || x > line.right || y < line.bottom || y > line.top) continue;
      const along = ((x - line.x) * line.dx + (y - line.y) * line.dy) / line.squared;
      const t = Math.min(1, Math.max(0, along));
      if (Math.hypot(x - line.x - t * line.dx, y - line.y - t * line.dy) <= line.halfM) return true;
    }
    return false;
  }

  /** {@link TWILIGHT} to 1; a room without lamps is light everywhere. */
  light(x: number, y: number): number {
    if (this.#lights.length === 0) return 1;
    let sum = TWILIGHT;
    for (const lamp of this.#lights) {
      const squared = (lamp.x - x) ** 2 + (lamp.y - y) ** 2;
      sum += lamp.brightness / (1 + squared / lamp.reachM ** 2);
    }
    return Math.min(1, sum);
  }
}

/** Light where no lamp is near, as share of full light. */
const TWILIGHT = 0.25;

/** A straight part of a line, with the box around it. */
interface Stroke {
  x: number;
  y: number;
  dx: number;
  dy: number;
  squared: number;
  halfM: number;
  left: number;
  right: number;
  bottom: number;
  top: number;
}

function strokeOf(
  [x, y]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  halfM: number,
): Stroke {
  const [dx, dy] = [x2 - x, y2 - y];
  return {
    x,
    y,
    dx,
    dy,
    squared: dx * dx + dy * dy || 1,
    halfM,
    left: Math.min(x, x2) - halfM,
    right: Math.max(x, x2) + halfM,
    bottom: Math.min(y, y2) - halfM,
    top: Math.max(y, y2) + halfM,
  };
}
