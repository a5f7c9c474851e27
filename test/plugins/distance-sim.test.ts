import { describe, expect, test } from "bun:test";
import { Noise } from "../../plugins/distance-sim/noise.ts";
import { SimulatedUltrasonic } from "../../plugins/distance-sim/ultrasonic.ts";

const SETTINGS = { frontM: 0.13, coneDeg: 12, sigmaM: 0.01, minM: 0.02, maxM: 3.3, lossRate: 0 };

/** A world of one wall across the way, `wallM` from the body's centre. */
const wallAhead = (wallM: number) => ({
  rangeM: (bearingDeg: number) => ({ rangeM: wallM / Math.cos((bearingDeg * Math.PI) / 180), hit: "wall" }),
});

const sensor = (
  world: { rangeM(bearingDeg: number): { rangeM: number; hit: string } | null },
  changed = {},
) => new SimulatedUltrasonic(world, { ...SETTINGS, ...changed }, new Noise(1));

async function distances(from: SimulatedUltrasonic, count: number): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < count; i++) {
    const reading = await from.read();
    if (reading.kind === "distance") all.push(reading.distanceM);
  }
  return all;
}

describe("the simulated ultrasonic sensor", () => {
  test("measures from the robot's nose, with a centimetre of noise", async () => {
    const all = await distances(sensor(wallAhead(2.13)), 500);
    const mean = all.reduce((sum, one) => sum + one, 0) / all.length;
    const deviation = Math.sqrt(all.reduce((sum, one) => sum + (one - mean) ** 2, 0) / all.length);
    expect(mean).toBeCloseTo(2, 2);
    expect(deviation).toBeGreaterThan(0.008);
    expect(deviation).toBeLessThan(0.012);
  });

  test("has no echo beyond its range, nor where there is nothing", async () => {
    expect(await sensor(wallAhead(3.6)).read()).toEqual({ kind: "no_echo" });
    expect(await sensor({ rangeM: () => null }).read()).toEqual({ kind: "no_echo" });
  });

  test("sees a thing at the edge of its cone and none beside it", async () => {
    const postAt = (deg: number) => ({
      rangeM: (bearingDeg: number) => (Math.abs(bearingDeg - deg) < 2 ? { rangeM: 1.13, hit: "post" } : null),
    });
    expect((await sensor(postAt(11)).read()).kind).toBe("distance");
    expect((await sensor(postAt(20)).read()).kind).toBe("no_echo");
  });

  test("never tells less than it can measure", async () => {
    for (const distanceM of await distances(sensor(wallAhead(0.13)), 50)) {
      expect(distanceM).toBeGreaterThanOrEqual(0.02);
    }
  });

  test("loses echoes as often as it is told to", async () => {
    const heard = await distances(sensor(wallAhead(1), { lossRate: 0.25 }), 400);
    expect(heard.length).toBeGreaterThan(260);
    expect(heard.length).toBeLessThan(340);
  });

  test("repeats its noise for the same seed", async () => {
    const measure = async (seed: number) =>
      distances(new SimulatedUltrasonic(wallAhead(1), SETTINGS, new Noise(seed)), 5);
    expect(await measure(3)).toEqual(await measure(3));
    expect(await measure(3)).not.toEqual(await measure(4));
  });
});
