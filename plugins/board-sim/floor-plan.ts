import type { Room } from "myna";
import { BODY_RADIUS_M } from "./car.ts";
import { distanceToSegment, isInside, rayToCircle, rayToSegment, sides, toRad } from "./geometry.ts";
import type { Segment } from "./geometry.ts";

/** What limits a way: the body would touch an obstacle or a wall, or a wheel would leave the floor. */
export interface Limit {
  /** Path length that is left, metres, guard distance already taken off; never negative. */
  freeM: number;
  /** Path length to contact, metres; what is reported. */
  contactM: number;
  kind: "obstacle" | "cliff" | "none";
}

/** Guard distances, metres: how far from contact a motion ends. */
export interface Margins {
  obstacleM: number;
  cliffM: number;
}

interface Start {
  x: number;
  y: number;
  headingRad: number;
}

/** Metres; the finest step along a way that brushes past something. */
const FINE_STEP_M = 0.002;

/** A room as the body meets it: where it fits, how far a way is free, and what a ray hits. */
export class FloorPlan {
  readonly room: Room;
  readonly #edges: { polygon: [number, number][]; sides: Segment[] }[];

  constructor(room: Room) {
    this.room = room;
    this.#edges = room.cliffs.map(({ points }) => ({ polygon: points, sides: sides(points) }));
  }

  /** From a point to the nearest wall or obstacle, metres. */
  obstacleDistanceM(x: number, y: number): number {
    let nearest = Infinity;
    for (const wall of this.room.walls) nearest = Math.min(nearest, distanceToSegment(x, y, wall));
    for (const round of this.room.obstacles) {
      nearest = Math.min(nearest, Math.hypot(round.x - x, round.y - y) - round.radius);
    }
    return nearest;
  }

  /** From a point to the nearest edge of the floor, metres; 0 beyond it. */
  cliffDistanceM(x: number, y: number): number {
    let nearest = Infinity;
    for (const edge of this.#edges) {
      if (isInside(x, y, edge.polygon)) return 0;
      for (const side of edge.sides) nearest = Math.min(nearest, distanceToSegment(x, y, side));
    }
    return nearest;
  }

  /** True where a line is drawn on the floor. */
  isOnLine(x: number, y: number): boolean {
    for (const { points, widthM } of this.room.lines) {
      for (let i = 1; i < points.length; i++) {
        const [[x1, y1], [x2, y2]] = [points[i - 1]!, points[i]!];
        if (distanceToSegment(x, y, { x1, y1, x2, y2 }) <= widthM / 2) return true;
      }
    }
    return false;
  }

  /** True where the body fits: it touches nothing and all wheels stand on the floor. */
  isFree(x: number, y: number): boolean {
    return this.obstacleDistanceM(x, y) > BODY_RADIUS_M && this.cliffDistanceM(x, y) > BODY_RADIUS_M;
  }

  /**
   * How far the body can go on an arc of `curvature` (1/m, left positive), forward (1) or backward (-1). Looks no further
   * than `horizonM`; the way is then "none" with at least that much free.
   */
  wayAhead(from: Start, curvature: number, direction: 1 | -1, horizonM: number, margins: Margins): Limit {
    const limit: Limit = { freeM: horizonM, contactM: horizonM, kind: "none" };
    const reachM = horizonM + Math.max(margins.obstacleM, margins.cliffM);
    let lastObstacleM = 0;
    let lastCliffM = 0;
    for (let pathM = 0; pathM <= reachM;) {
      const turnRad = direction * pathM * curvature;
      const straight = Math.abs(turnRad) < 1e-9;
      const chordM = straight ? pathM : (2 * Math.sin(Math.abs(turnRad) / 2)) / Math.abs(curvature);
      const chordRad = from.headingRad + turnRad / 2;
      const x = from.x + direction * chordM * Math.cos(chordRad);
      const y = from.y + direction * chordM * Math.sin(chordRad);
      const obstacleM = this.obstacleDistanceM(x, y) - BODY_RADIUS_M;
      const cliffM = this.cliffDistanceM(x, y) - BODY_RADIUS_M;
      // Near and not nearing is no contact: so a car that stands against a wall can leave it.
      if (cliffM <= FINE_STEP_M && cliffM < lastCliffM) return shorten(limit, pathM, margins.cliffM, "cliff");
      if (obstacleM <= FINE_STEP_M && obstacleM < lastObstacleM)
        return shorten(limit, pathM, margins.obstacleM, "obstacle");
      [lastObstacleM, lastCliffM] = [obstacleM, cliffM];
      pathM += Math.max(FINE_STEP_M, Math.min(obstacleM, cliffM));
    }
    return limit;
  }

  /** From (x, y) along the direction to the first wall or obstacle, metres; null beyond `limitM`. */
  ray(x: number, y: number, bearingDeg: number, limitM: number): { rangeM: number; hit: string } | null {
    const dx = Math.cos(toRad(bearingDeg));
    const dy = Math.sin(toRad(bearingDeg));
    let rangeM = Infinity;
    let hit = "";
    for (const wall of this.room.walls) {
      const toWallM = rayToSegment(x, y, dx, dy, wall);
      if (toWallM < rangeM) [rangeM, hit] = [toWallM, "wall"];
    }
    for (const round of this.room.obstacles) {
      const toRoundM = rayToCircle(x, y, dx, dy, round);
      if (toRoundM < rangeM) [rangeM, hit] = [toRoundM, round.name];
    }
    return rangeM <= limitM ? { rangeM, hit } : null;
  }
}

function shorten(limit: Limit, contactM: number, marginM: number, kind: "obstacle" | "cliff"): Limit {
  const freeM = Math.max(0, contactM - marginM);
  return freeM < limit.freeM ? { freeM, contactM, kind } : limit;
}
