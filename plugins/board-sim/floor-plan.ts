import type { Room } from "myna";
import { BODY_RADIUS_M } from "./car.ts";
import { distanceToSegment, isInside, rayToCircle, rayToSegment, sides, toRad } from "./geometry.ts";
import type { Segment } from "./geometry.ts";

/** Light where no lamp is near, as share of full light. */
const TWILIGHT = 0.25;
/** Half of the car's width and some: what touches a wall, metres. */
const CONTACT_M = 0.11;

/** A room as the body meets it: where it fits, what a ray hits, and what lies under a sensor. */
export class FloorPlan {
  readonly room: Room;
  readonly #edges: { polygon: [number, number][]; sides: Segment[] }[];
  readonly #lines: { halfM: number; parts: Segment[] }[];

  constructor(room: Room) {
    this.room = room;
    this.#edges = room.cliffs.map(({ points }) => ({ polygon: points, sides: sides(points) }));
    this.#lines = room.lines.map(({ points, widthM }) => ({
      halfM: widthM / 2,
      parts: sides(points).slice(0, -1),
    }));
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

  /** True beyond an edge of the floor. */
  isVoid(x: number, y: number): boolean {
    return this.#edges.some(({ polygon }) => isInside(x, y, polygon));
  }

  /** True where a line is drawn on the floor. */
  isLine(x: number, y: number): boolean {
    return this.#lines.some(({ halfM, parts }) =>
      parts.some((part) => distanceToSegment(x, y, part) <= halfM),
    );
  }

  /** How light it is at a point, {@link TWILIGHT} to 1; a room without lamps is light everywhere. */
  light(x: number, y: number): number {
    const { lights } = this.room;
    if (lights.length === 0) return 1;
    let sum = TWILIGHT;
    for (const lamp of lights)
      sum += lamp.brightness / (1 + ((lamp.x - x) ** 2 + (lamp.y - y) ** 2) / lamp.reachM ** 2);
    return Math.min(1, sum);
  }

  /** True where the car can be driven to. One that goes over an edge hangs there, on its belly. */
  isPassable(x: number, y: number): boolean {
    return this.obstacleDistanceM(x, y) > CONTACT_M && !this.isVoid(x, y);
  }

  /** True where the body fits: it touches nothing and all wheels stand on the floor. */
  isFree(x: number, y: number): boolean {
    return this.obstacleDistanceM(x, y) > BODY_RADIUS_M && this.cliffDistanceM(x, y) > BODY_RADIUS_M;
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
