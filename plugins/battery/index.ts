import { MynaError, definePlugin } from "myna";
import type { BatteryReading } from "myna";
import { z } from "zod";
import { levelOf, percentOf } from "./level.ts";

declare module "myna" {
  interface Topics {
    /** The battery's level changed, or its percentage by five. */
    "battery.changed": BatteryReading;
  }
}

const PERCENT_STEP = 5;

const config = z.object({
  /** Of the pack, volts. */
  full_v: z.number().min(5).max(30).default(8.4),
  empty_v: z.number().min(5).max(30).default(6),
  low_v: z.number().min(5).max(30).default(6.8),
  critical_v: z.number().min(5).max(30).default(6.4),
});

/** The battery as the motion process measures it: how full it is, and when it is low. */
export default definePlugin({
  name: "battery",
  config,
  requires: ["body"],
  provides: ["battery"],
  setup(ctx) {
    const { full_v, empty_v, low_v, critical_v } = ctx.config;
    if (!(empty_v <= critical_v && critical_v <= low_v && low_v < full_v)) {
      const message = `[plugins.${ctx.id}] full_v, low_v, critical_v and empty_v must be in falling order`;
      throw new MynaError("CONFIG_INVALID", message);
    }
    const limits = { fullV: full_v, emptyV: empty_v, lowV: low_v, criticalV: critical_v };
    let reading: BatteryReading | undefined;
    let toldPercent = NaN;
    ctx.defer(
      ctx.use("body").onState(({ batteryV }) => {
        if (batteryV === undefined) return;
        const level = levelOf(batteryV, limits, reading?.level ?? "ok");
        const changed = level !== reading?.level;
        reading = { voltage: Number(batteryV.toFixed(2)), percent: percentOf(batteryV, limits), level };
        if (!changed && Math.abs(reading.percent - toldPercent) < PERCENT_STEP) return;
        toldPercent = reading.percent;
        ctx.publish("battery.changed", reading);
        if (!changed) return;
        if (level === "ok") ctx.health("ready");
        else ctx.health("degraded", `the battery is ${level}: ${reading.voltage} V`);
      }),
    );
    ctx.provide("battery", { read: () => reading });
    ctx.inspect(() => ({ ...reading }));
  },
});
