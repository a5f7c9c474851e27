import { definePlugin } from "myna";
import type { DistanceReading } from "myna";
import { z } from "zod";
import { Noise } from "./noise.ts";
import { SimulatedUltrasonic } from "./ultrasonic.ts";

const config = z.object({
  /** From the body's centre to the sensor, metres. */
  front_m: z.number().min(0).max(1).default(0.13),
  /** Half angle of the cone, degrees. */
  cone_deg: z.number().min(0).max(45).default(12),
  /** Deviation of the measured distance, metres. */
  sigma_m: z.number().min(0).max(0.5).default(0.01),
  min_m: z.number().positive().max(1).default(0.02),
  max_m: z.number().positive().max(10).default(3.3),
  /** Share of pings without an echo although something is there. */
  loss_rate: z.number().min(0).max(1).default(0),
  /** The same seed gives the same noise. */
  seed: z.number().int().min(0).default(1),
});

/** The ultrasonic sensor of the simulated PiCar-X. */
export default definePlugin({
  name: "distance-sim",
  config,
  requires: ["world"],
  provides: ["distance"],
  setup(ctx) {
    const { front_m, cone_deg, sigma_m, min_m, max_m, loss_rate, seed } = ctx.config;
    const sensor = new SimulatedUltrasonic(
      ctx.use("world"),
      {
        frontM: front_m,
        coneDeg: cone_deg,
        sigmaM: sigma_m,
        minM: min_m,
        maxM: max_m,
        lossRate: loss_rate,
      },
      new Noise(seed),
    );
    let readings = 0;
    let last: DistanceReading | undefined;
    ctx.provide("distance", {
      read: async () => {
        last = await sensor.read();
        readings++;
        return last;
      },
    });
    ctx.inspect(() => ({
      readings,
      ...(last && { last: last.kind, ...(last.kind === "distance" && { distance_m: last.distanceM }) }),
    }));
  },
});
