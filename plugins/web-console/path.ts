import type { PluginContext } from "myna";
import type { LiveModel } from "./live-model.ts";

/** A point of the path for each of these. */
const STEP_M = 0.05;

/** Keeps where the robot has been, for pages that come later. */
export function keepPath(ctx: Pick<PluginContext, "has" | "on" | "use">, model: LiveModel): void {
  let last = { x_m: Infinity, y_m: Infinity };
  ctx.on("body.pose", (believed) => {
    const { x_m, y_m } = ctx.has("world") ? ctx.use("world").pose() : believed;
    if (Math.hypot(x_m - last.x_m, y_m - last.y_m) < STEP_M) return;
    last = { x_m, y_m };
    const rounded = (value: number) => Math.round(value * 1000) / 1000;
    model.put("path", crypto.randomUUID(), { x_m: rounded(x_m), y_m: rounded(y_m) });
  });
}
