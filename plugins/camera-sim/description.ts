import type { Room } from "myna";
import { EYE_M, FIELD_OF_VIEW_DEG, WALL_M } from "./renderer.ts";
import { Floor, isVoid, trace } from "./scene.ts";
import type { Viewpoint } from "./scene.ts";

const HALF_VIEW_DEG = FIELD_OF_VIEW_DEG / 2;
const SCAN_STEP_DEG = 0.5;
/** An edge of the floor that is farther away is too flat to be noticed, metres. */
const NOTICED_EDGE_M = 2;
/** So are lines; they are looked for in steps that miss none. */
const NOTICED_LINE_M = 1.5;
const LINE_STEP_M = 0.01;
/** Beyond this angle from the middle a thing is on the left or on the right, degrees. */
const MIDDLE_DEG = 6;

interface Sight {
  what: string;
  rangeM: number;
  bearingDeg: number;
}

/**
 * What a person would say is in the picture, nearest first: "a red ball 1.2 meters ahead on the left; the wall 2.9 meters away".
 * Only what is really visible counts: what stands behind something else, beside or above the picture does not.
 */
export function describe(room: Room, view: Viewpoint, width: number, height: number): string {
  const focalPx = width / 2 / Math.tan((FIELD_OF_VIEW_DEG * Math.PI) / 360);
  const horizonRow = height / 2 + focalPx * Math.tan((view.tiltDeg * Math.PI) / 180);
  const nearest = new Map<number, Sight>();
  let wallM = Infinity;
  let edgeM = Infinity;
  let lineM = Infinity;
  const floor = new Floor(room);
  for (let offDeg = -HALF_VIEW_DEG; offDeg <= HALF_VIEW_DEG; offDeg += SCAN_STEP_DEG) {
    const rad = ((view.bearingDeg + offDeg) * Math.PI) / 180;
    const dx = Math.cos(rad);
    const dy = Math.sin(rad);
    const hits = trace(room, view.x, view.y, dx, dy);
    const front = hits.at(-1);
    edgeM = Math.min(
      edgeM,
      edgeAlong(room, view, dx, dy, Math.min(NOTICED_EDGE_M, front?.rangeM ?? Infinity)),
    );
    if (room.lines.length > 0)
      lineM = Math.min(
        lineM,
        lineAlong(floor, view, { dx, dy, focalPx, horizonRow, height }, front?.rangeM ?? Infinity),
      );
    if (!front) continue;
    const topM = front.kind === "wall" ? WALL_M : (room.obstacles[front.index]?.heightM ?? WALL_M);
    if (!isInPicture(front.rangeM, topM, focalPx, horizonRow, height)) continue;
    if (front.kind === "wall") {
      if (Math.abs(offDeg) < SCAN_STEP_DEG) wallM = front.rangeM;
      continue;
    }
    const before = nearest.get(front.index);
    const name = room.obstacles[front.index]?.name ?? "obstacle";
    if (!before || front.rangeM < before.rangeM)
      nearest.set(front.index, {
        what: `${article(name)} ${name}`,
        rangeM: front.rangeM,
        bearingDeg: offDeg,
      });
  }
  const sights = [...nearest.values()].sort((a, b) => a.rangeM - b.rangeM);
  const parts = sights.map(({ what, rangeM, bearingDeg }) => `${what} ${metres(rangeM)} ${side(bearingDeg)}`);
  if (lineM < Infinity) parts.push(`a dark line on the floor ${metres(lineM)} away`);
  if (edgeM < Infinity) parts.push(`an edge where the floor ends ${metres(edgeM)} away`);
  if (wallM < Infinity) parts.push(`the wall ${metres(wallM)} away`);
  return parts.length > 0 ? parts.join("; ") : emptyView(view.tiltDeg);
}

/** Whether some of a thing that stands on the floor lies between the picture's upper and lower border. */
function isInPicture(
  rangeM: number,
  topM: number,
  focalPx: number,
  horizonRow: number,
  height: number,
): boolean {
  const footRow = horizonRow + (EYE_M * focalPx) / rangeM;
  const topRow = horizonRow - ((topM - EYE_M) * focalPx) / rangeM;
  return footRow > 0 && topRow < height;
}

function edgeAlong(room: Room, view: Viewpoint, dx: number, dy: number, limitM: number): number {
  if (room.cliffs.length === 0) return Infinity;
  for (let rangeM = 0; rangeM < limitM; rangeM += 0.05) {
    if (isVoid(room, view.x + dx * rangeM, view.y + dy * rangeM)) return rangeM;
  }
  return Infinity;
}

/** The first place on a ray that shows a line, within the picture and before what stands in the way. */
function lineAlong(
  floor: Floor,
  view: Viewpoint,
  ray: { dx: number; dy: number; focalPx: number; horizonRow: number; height: number },
  frontM: number,
): number {
  const nearestM = (EYE_M * ray.focalPx) / Math.max(1, ray.height - ray.horizonRow);
  if (ray.horizonRow >= ray.height) return Infinity;
  for (let rangeM = nearestM; rangeM < Math.min(NOTICED_LINE_M, frontM); rangeM += LINE_STEP_M) {
    if (floor.isLine(view.x + ray.dx * rangeM, view.y + ray.dy * rangeM)) return rangeM;
  }
  return Infinity;
}

function emptyView(tiltDeg: number): string {
  if (tiltDeg > 15) return "only the ceiling";
  return tiltDeg < -15 ? "only the floor" : "nothing within sight";
}

function side(bearingDeg: number): string {
  if (bearingDeg > MIDDLE_DEG) return "ahead on the left";
  return bearingDeg < -MIDDLE_DEG ? "ahead on the right" : "straight ahead";
}

function metres(rangeM: number): string {
  return rangeM < 0.995 ? `${Math.round(rangeM * 100)} centimeters` : `${rangeM.toFixed(1)} meters`;
}

function article(name: string): string {
  return /^[aeiou]/i.test(name) ? "an" : "a";
}
