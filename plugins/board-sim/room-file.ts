import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { MynaError } from "myna";
import type { Room } from "myna";
import { z } from "zod";
import { BODY_RADIUS_M } from "./car.ts";
import { FloorPlan } from "./floor-plan.ts";
import { sides } from "./geometry.ts";

const ROOMS_FOLDER = join(import.meta.dir, "rooms");
const COLORS = [
  "red",
  "green",
  "blue",
  "yellow",
  "orange",
  "purple",
  "pink",
  "brown",
  "black",
  "white",
  "grey",
] as const;

const coordinate = z.number().min(-100).max(100);
const point = z.tuple([coordinate, coordinate]);

const roomSchema = z.strictObject({
  name: z.string().min(1),
  /** A closed polygon of walls around the room. */
  outline: z.array(point).min(3).optional(),
  walls: z
    .array(z.strictObject({ x1: coordinate, y1: coordinate, x2: coordinate, y2: coordinate }))
    .default([]),
  obstacles: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        x: coordinate,
        y: coordinate,
        radius: z.number().positive().max(5),
        height_m: z.number().positive().max(3).default(0.3),
        color: z.enum(COLORS),
      }),
    )
    .default([]),
  cliffs: z.array(z.strictObject({ points: z.array(point).min(3) })).default([]),
  /** Lines drawn on the floor, to follow. */
  lines: z
    .array(
      z.strictObject({
        points: z.array(point).min(2),
        width_m: z.number().min(0.005).max(0.5).default(0.02),
      }),
    )
    .default([]),
  /** Lamps; a room without any is light everywhere. */
  lights: z
    .array(
      z.strictObject({
        x: coordinate,
        y: coordinate,
        reach_m: z.number().min(0.1).max(20).default(1.5),
        brightness: z.number().min(0).max(1).default(1),
      }),
    )
    .default([]),
  start: z.strictObject({ x_m: coordinate, y_m: coordinate, heading_deg: z.number().min(-360).max(360) }),
});

/**
 * A room of this folder by name ("living-room"), or of a TOML file by path.
 * CONFIG_NOT_FOUND names `setting`; CONFIG_INVALID names it and the room's file and key.
 */
export async function loadRoom(nameOrPath: string, setting = "room"): Promise<Room> {
  const isPath = /[/.]/.test(nameOrPath);
  const path = isPath ? resolve(nameOrPath) : join(ROOMS_FOLDER, `${nameOrPath}.toml`);
  if (!existsSync(path)) {
    const known = readdirSync(ROOMS_FOLDER).map((file) => file.replace(/\.toml$/, ""));
    const what = isPath ? `there is no file ${path}` : `there is no room "${nameOrPath}"`;
    throw new MynaError(
      "CONFIG_NOT_FOUND",
      `${setting}: ${what}; built in are: ${known.sort().join(", ")}, or give the path of a .toml file`,
    );
  }
  return parseRoom(await Bun.file(path).text(), `${setting}: ${path}`);
}

/** A room from TOML text; `origin` names it in messages. */
export function parseRoom(text: string, origin: string): Room {
  let table: unknown;
  try {
    table = Bun.TOML.parse(text);
  } catch (cause) {
    const reason = Error.isError(cause) ? cause.message : String(cause);
    throw new MynaError("CONFIG_INVALID", `${origin}: is not TOML: ${reason}`, { cause });
  }
  const parsed = roomSchema.safeParse(table);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join(".") || "the file"}: ${issue.message}`,
    );
    throw new MynaError("CONFIG_INVALID", `${origin}: ${problems.join("; ")}`);
  }
  const { name, outline, walls, obstacles, cliffs, lines, lights, start } = parsed.data;
  const room: Room = {
    name,
    walls: [...sides(outline ?? []), ...walls],
    obstacles: obstacles.map(({ height_m, ...round }) => ({ ...round, heightM: height_m })),
    cliffs,
    lines: lines.map(({ points, width_m }) => ({ points, widthM: width_m })),
    lights: lights.map(({ reach_m, ...lamp }) => ({ ...lamp, reachM: reach_m })),
    start,
  };
  if (!new FloorPlan(room).isFree(start.x_m, start.y_m)) {
    throw new MynaError(
      "CONFIG_INVALID",
      `${origin}: start: the body (radius ${BODY_RADIUS_M} m) does not fit at ${start.x_m}, ${start.y_m}`,
    );
  }
  return room;
}
