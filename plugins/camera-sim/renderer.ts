import type { Room } from "myna";
import { Raster } from "./raster.ts";
import { Floor, isVoid, trace } from "./scene.ts";
import type { Viewpoint } from "./scene.ts";

/** Horizontal field of view of the PiCar-X's camera (OV5647), degrees. */
export const FIELD_OF_VIEW_DEG = 65;
/** The lens above the floor, metres. */
export const EYE_M = 0.12;
/** Walls of the simulated rooms are low: above them is sky. */
export const WALL_M = 1;
const TILE_M = 0.25;
/** Light falls to half at this distance, metres. */
const HALF_LIGHT_M = 6;

type Color = readonly [number, number, number];

const SKY: Color = [206, 216, 224];
const WALL: Color = [196, 188, 172];
const SKIRTING: Color = [120, 100, 80];
const SKIRTING_M = 0.06;
const TILES: readonly [Color, Color] = [
  [150, 142, 130],
  [134, 126, 114],
];
const LINE: Color = [30, 30, 32];
const VOID: Color = [14, 12, 16];

const COLORS: Readonly<Record<string, Color>> = {
  red: [205, 30, 30],
  green: [35, 140, 50],
  blue: [30, 60, 200],
  yellow: [230, 200, 30],
  orange: [235, 130, 25],
  purple: [130, 50, 160],
  pink: [235, 130, 170],
  brown: [120, 75, 40],
  black: [25, 25, 28],
  white: [240, 240, 236],
  grey: [128, 128, 128],
};

/**
 * What the camera sees, column by column. Tilt shifts the horizon instead of turning the picture plane, so that upright
 * edges stay upright, as with a shift lens.
 */
export function render(room: Room, view: Viewpoint, width: number, height: number): Raster {
  const raster = new Raster(width, height);
  const focalPx = width / 2 / Math.tan((FIELD_OF_VIEW_DEG * Math.PI) / 360);
  const horizonRow = height / 2 + focalPx * Math.tan((view.tiltDeg * Math.PI) / 180);
  const floor = new Floor(room);
  const ahead = (view.bearingDeg * Math.PI) / 180;
  for (let column = 0; column < width; column++) {
    const offRad = Math.atan2(width / 2 - column - 0.5, focalPx);
    const dx = Math.cos(ahead + offRad);
    const dy = Math.sin(ahead + offRad);
    // A plane parallel to the picture projects to straight lines: depth, not range, sets sizes.
    const depthPerRange = Math.cos(offRad);
    paintFloor(raster, room, floor, view, { column, horizonRow, focalPx, dx, dy, depthPerRange });
    for (const hit of trace(room, view.x, view.y, dx, dy)) {
      const pxPerM = focalPx / (hit.rangeM * depthPerRange);
      const lit = floor.light(view.x + dx * hit.rangeM, view.y + dy * hit.rangeM);
      const light = (lit * (0.45 + 0.55 * hit.facing) * HALF_LIGHT_M) / (HALF_LIGHT_M + hit.rangeM);
      const obstacle = hit.kind === "obstacle" ? room.obstacles[hit.index] : undefined;
      const [footM, topM] = obstacle ? extentM(obstacle, hit.facing) : [0, WALL_M];
      const color = obstacle ? (COLORS[obstacle.color] ?? [128, 128, 128]) : WALL;
      const topRow = Math.max(0, Math.round(horizonRow - (topM - EYE_M) * pxPerM));
      const bottomRow = Math.min(height, Math.round(horizonRow + (EYE_M - footM) * pxPerM));
      const skirtingRow = obstacle ? bottomRow : Math.round(horizonRow + (EYE_M - SKIRTING_M) * pxPerM);
      for (let row = topRow; row < bottomRow; row++) {
        const [red, green, blue] = row >= skirtingRow ? SKIRTING : color;
        raster.set(column, row, red * light, green * light, blue * light);
      }
    }
  }
  return raster;
}

/** Lower and upper end of an obstacle where the ray meets it: as high as wide is a ball, all else stands upright. */
function extentM(obstacle: { radius: number; heightM: number }, facing: number): [number, number] {
  const { radius, heightM } = obstacle;
  if (Math.abs(heightM - 2 * radius) > 1e-6) return [0, heightM];
  return [radius * (1 - facing), radius * (1 + facing)];
}

function paintFloor(
  raster: Raster,
  room: Room,
  floor: Floor,
  view: Viewpoint,
  ray: {
    column: number;
    horizonRow: number;
    focalPx: number;
    dx: number;
    dy: number;
    depthPerRange: number;
  },
): void {
  const { column, horizonRow, focalPx, dx, dy, depthPerRange } = ray;
  for (let row = 0; row < raster.height; row++) {
    const belowPx = row + 0.5 - horizonRow;
    if (belowPx <= 0) {
      raster.set(column, row, ...SKY);
      continue;
    }
    const rangeM = (EYE_M * focalPx) / belowPx / depthPerRange;
    const x = view.x + dx * rangeM;
    const y = view.y + dy * rangeM;
    if (isVoid(room, x, y)) {
      raster.set(column, row, ...VOID);
      continue;
    }
    const odd = (Math.floor(x / TILE_M) + Math.floor(y / TILE_M)) & 1;
    const [red, green, blue] = floor.isLine(x, y) ? LINE : TILES[odd === 0 ? 0 : 1];
    const light = (floor.light(x, y) * HALF_LIGHT_M) / (HALF_LIGHT_M + rangeM);
    raster.set(column, row, red * light, green * light, blue * light);
  }
}
