import { definePlugin } from "myna";
import { z } from "zod";
import { checkClock } from "./clock.ts";
import { checkGroups } from "./groups.ts";
import { checkLoad } from "./load.ts";
import { HOT_C, checkTemperature, temperatureC } from "./temperature.ts";
import { checkDisk, freeMb } from "./disk.ts";
import { checkModel } from "./model.ts";

const LOOK_PERIOD_MS = 10_000;
const LAG_PERIOD_MS = 200;

const config = z.object({
  groups: z.array(z.string().min(1)).default([]),
  least_free_mb: z.number().int().min(0).default(500),
});

/** The computer that the robot runs on: how warm and how full it is, and what `bun run doctor` looks at there. */
export default definePlugin({
  name: "machine-linux",
  config,
  doctor: async (visit) => [
    checkModel(visit),
    ...checkGroups(visit, visit.config.groups),
    ...(await checkLoad(visit)),
    ...(await checkTemperature(visit)),
    checkDisk(visit, visit.config.least_free_mb),
    await checkClock(visit),
  ],
  setup(ctx) {
    const path = (absolute: string) => absolute;
    let lagMs = 0;
    let worstLagMs = 0;
    let lastMs = performance.now();
    ctx.every(LAG_PERIOD_MS, () => {
      const nowMs = performance.now();
      worstLagMs = Math.max(worstLagMs, nowMs - lastMs - LAG_PERIOD_MS);
      lastMs = nowMs;
    });
    const look = () => {
      lagMs = Math.round(worstLagMs);
      worstLagMs = 0;
      const warmC = temperatureC(path);
      const freeNowMb = freeMb(path);
      const wrong = [
        ...(warmC !== undefined && warmC >= HOT_C ? [`the processor has ${Math.round(warmC)} °C`] : []),
        ...(freeNowMb < ctx.config.least_free_mb ? [`the disk has ${freeNowMb} MB left`] : []),
      ];
      if (wrong.length > 0) ctx.health("degraded", wrong.join("; "));
      else ctx.health("ready");
    };
    ctx.every(LOOK_PERIOD_MS, look);
    look();
    ctx.inspect(() => {
      const warmC = temperatureC(path);
      return {
        ...(warmC !== undefined && { temperature_c: warmC }),
        disk_free_mb: freeMb(path),
        loop_lag_ms: lagMs,
      };
    });
  },
});
