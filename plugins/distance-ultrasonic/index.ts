import { MynaError, definePlugin } from "myna";
import type { DistanceReading } from "myna";
import { z } from "zod";

/** The ultrasonic sensor in front: the motion process measures, for its guard; this shows it to the tools. */
export default definePlugin({
  name: "distance-ultrasonic",
  config: z.object({
    /** The middle of so many readings is told while the robot moves: single ones jump. */
    samples: z.number().int().min(1).max(9).default(3),
    /** Longest wait for them, milliseconds. */
    wait_ms: z.number().int().min(100).max(5000).default(600),
  }),
  requires: ["body"],
  provides: ["distance"],
  setup(ctx) {
    const { samples, wait_ms } = ctx.config;
    const body = ctx.use("body");
    let last: DistanceReading | undefined;
    ctx.provide("distance", {
      async read() {
        const readings: DistanceReading[] = [];
        const { promise, resolve } = Promise.withResolvers<void>();
        // At rest states come seldom, and one is as good as three; right after the start nothing has been measured yet.
        const undo = body.onState(({ distance, moving }) => {
          readings.push(distance);
          const known = distance.kind !== "failed";
          if (readings.length >= samples || (!moving && known)) resolve();
        });
        try {
          await Promise.race([promise, Bun.sleep(wait_ms)]);
        } finally {
          undo();
        }
        last = middle(readings);
        return last;
      },
    });
    ctx.inspect(() => ({ ...(last && { last: last.kind }) }));
  },
});

/** The median of what has a distance; otherwise what most of them say. */
function middle(readings: DistanceReading[]): DistanceReading {
  if (readings.length === 0) throw new MynaError("DEVICE_FAILED", "the motion process tells no distance");
  const distances = readings
    .filter((reading) => reading.kind === "distance")
    .toSorted((a, b) => a.distanceM - b.distanceM);
  if (distances.length * 2 >= readings.length) return distances[Math.floor(distances.length / 2)]!;
  const others = readings.filter((reading) => reading.kind !== "distance");
  return others.find(({ kind }) => kind === "no_echo") ?? others[0]!;
}
