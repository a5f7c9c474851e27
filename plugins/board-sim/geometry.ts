/** A straight line between two points, metres. */
export interface Segment {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

/** Distance from a point to a segment, in the unit of its coordinates. */
export function distanceToSegment(x: number, y: number, { x1, y1, x2, y2 }: Segment): number {
  const dx = x2 - x1;
  const dy = y2 - y1;
  const lengthSquared = dx * dx + dy * dy;
  const along = lengthSquared === 0 ? 0 : ((x - x1) * dx + (y - y1) * dy) / lengthSquared;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x1 - t * dx, y - y1 - t * dy);
}

/** Even-odd rule; a point on the edge may count either way. */
export function isInside(x: number, y: number, polygon: readonly (readonly [number, number])[]): boolean {
  let inside = false;
  let [px, py] = polygon.at(-1) ?? [0, 0];
  for (const [qx, qy] of polygon) {
    if (qy > y !== py > y && x < ((px - qx) * (y - qy)) / (py - qy) + qx) inside = !inside;
    px = qx;
    py = qy;
  }
  return inside;
}

/** The sides of a closed polygon. */
export function sides(polygon: readonly (readonly [number, number])[]): Segment[] {
  return polygon.map(([x1, y1], i) => {
    const [x2, y2] = polygon[(i + 1) % polygon.length] ?? [x1, y1];
    return { x1, y1, x2, y2 };
  });
}

/** How far a ray with the unit direction (dx, dy) runs to the segment; Infinity when it misses. */
export function rayToSegment(x: number, y: number, dx: number, dy: number, wall: Segment): number {
  const ex = wall.x2 - wall.x1;
  const ey = wall.y2 - wall.y1;
  const cross = dx * ey - dy * ex;
  if (Math.abs(cross) < 1e-12) return Infinity;
  const along = ((wall.x1 - x) * ey - (wall.y1 - y) * ex) / cross;
  const at = ((wall.x1 - x) * dy - (wall.y1 - y) * dx) / cross;
  return along >= 0 && at >= -1e-9 && at <= 1 + 1e-9 ? along : Infinity;
}

/** How far a ray with the unit direction (dx, dy) runs to the circle; 0 from inside, Infinity when it misses. */
export function rayToCircle(
  x: number,
  y: number,
  dx: number,
  dy: number,
  circle: { x: number; y: number; radius: number },
): number {
  const toX = circle.x - x;
  const toY = circle.y - y;
  const along = toX * dx + toY * dy;
  const squared = circle.radius * circle.radius - (toX * toX + toY * toY - along * along);
  if (squared < 0) return Infinity;
  const half = Math.sqrt(squared);
  if (along + half < 0) return Infinity;
  return Math.max(0, along - half);
}

/** The same direction within -180 (not included) to 180 degrees. */
export function wrapDeg(deg: number): number {
  const wrapped = ((((deg + 180) % 360) + 360) % 360) - 180;
  return wrapped === -180 ? 180 : wrapped;
}

/** Degrees to radians. */
export function toRad(deg: number): number {
  return (deg * Math.PI) / 180;
}

/** Radians to degrees. */
export function toDeg(rad: number): number {
  return (rad * 180) / Math.PI;
}
