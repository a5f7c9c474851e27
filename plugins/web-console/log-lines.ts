import type { PluginContext } from "myna";
import { bounded } from "./bounded.ts";
import type { LiveModel } from "./live-model.ts";

/** Keeps the newest lines of the robot's log. */
export function keepLog(ctx: Pick<PluginContext, "host">, model: LiveModel): void {
  ctx.host.onLog(({ fields, ...line }) =>
    model.put("log", crypto.randomUUID(), { ...line, fields: bounded(fields) as Record<string, unknown> }),
  );
}
