import { MynaError, definePlugin, isMynaError } from "myna";
import type { BatteryReading, Json } from "myna";
import { z } from "zod";
import { sayBattery, saySensors } from "./sentences.ts";
import type { Sensed } from "./sentences.ts";

/** What the body feels, as tools: all sensors at once, and the battery. */
export default definePlugin({
  name: "tools-sensors",
  config: z.object({}),
  requires: ["body"],
  setup(ctx) {
    const distance = ctx.use("distance");
    const line = ctx.use("line");
    const battery = ctx.use("battery");
    const charge = (): BatteryReading => {
      const reading = battery.read();
      if (reading) return reading;
      throw new MynaError("DEVICE_FAILED", "the battery was not measured yet");
    };

    ctx.tool({
      name: "read_sensors",
      description:
        "Reads all of the robot's sensors: distance ahead in meters (null without an echo), the three line sensors under its " +
        "nose, an edge of the floor, where the camera points, the battery. What it does not have or what failed is left out.",
      parameters: z.object({}),
      examples: ["read your sensors", "what do your sensors say"],
      timeoutMs: 5000,
      async execute() {
        const failed: string[] = [];
        /** A sensor that the robot does not have is left out; one that fails is named. */
        const sense = async <T>(name: string, read: () => T | Promise<T>): Promise<T | undefined> => {
          try {
            return await read();
          } catch (error) {
            if (!(isMynaError(error) && error.code === "SERVICE_UNAVAILABLE")) failed.push(name);
            return undefined;
          }
        };
        const far = await sense("distance", () => distance.read());
        if (far?.kind === "failed") failed.push("distance");
        const floor = await sense("line", () => line.read());
        const sensed: Sensed = {
          distanceM:
            far === undefined || far.kind === "failed"
              ? undefined
              : far.kind === "distance"
                ? far.distanceM
                : null,
          line: floor,
          battery: await sense("battery", charge),
        };
        const head = await sense("head", () => ctx.use("head").angles());
        const result: Record<string, Json> = {
          ...(sensed.distanceM !== undefined && {
            distance_m: sensed.distanceM === null ? null : Number(sensed.distanceM.toFixed(2)),
          }),
          ...(floor && {
            grayscale: [...floor.raw],
            line_seen: floor.offset !== undefined,
            floor_ends: floor.cliff,
          }),
          ...(head && { pan_deg: Math.round(head.panDeg), tilt_deg: Math.round(head.tiltDeg) }),
          ...(sensed.battery && {
            battery_v: sensed.battery.voltage,
            battery_percent: sensed.battery.percent,
          }),
          ...(failed.length > 0 && { failed }),
        };
        return { ...result, summary: saySensors(sensed, failed) };
      },
    });

    ctx.tool({
      name: "battery",
      description:
        "Tells how full the robot's battery is: voltage, percent (a rough figure), and whether it is low.",
      parameters: z.object({}),
      examples: ["how full is your battery", "check the battery"],
      timeoutMs: 5000,
      execute() {
        const reading = charge();
        const { voltage, percent, level } = reading;
        return { voltage_v: voltage, percent, level, summary: sayBattery(reading) };
      },
    });
  },
});
