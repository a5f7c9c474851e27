import type { DistanceReading, DistanceSensor, World } from "myna";
import type { Noise } from "./noise.ts";

/** How the sensor is built; metres and degrees. */
export interface UltrasonicSettings {
  /** From the body's centre to the sensor. */
  frontM: number;
  coneDeg: number;
  sigmaM: number;
  minM: number;
  maxM: number;
  /** Share of pings whose echo is lost, 0 to 1. */
  lossRate: number;
}

/** Odd, so that one ray runs straight ahead. */
const RAYS = 9;

/** An HC-SR04: the nearest thing within a cone answers; beyond its range there is no echo. */
export class SimulatedUltrasonic implements DistanceSensor {
  readonly #world: Pick<World, "rangeM">;
  readonly #settings: UltrasonicSettings;
  readonly #noise: Noise;

  constructor(world: Pick<World, "rangeM">, settings: UltrasonicSettings, noise: Noise) {
    this.#world = world;
    this.#settings = settings;
    this.#noise = noise;
  }

  async read(): Promise<DistanceReading> {
    const { sigmaM, minM, maxM, lossRate } = this.#settings;
    const nearestM = this.#nearestM();
    const lost = this.#noise.uniform() < lossRate;
    const measuredM = nearestM + this.#noise.gaussian() * sigmaM;
    if (lost || nearestM > maxM) return { kind: "no_echo" };
    return { kind: "distance", distanceM: Math.min(maxM, Math.max(minM, measuredM)) };
  }

  #nearestM(): number {
    const { frontM, coneDeg } = this.#settings;
    let nearestM = Infinity;
    for (let ray = 0; ray < RAYS; ray++) {
      const bearingDeg = coneDeg * ((2 * ray) / (RAYS - 1) - 1);
      const found = this.#world.rangeM(bearingDeg);
      if (!found) continue;
      const aheadM = found.rangeM * Math.cos((bearingDeg * Math.PI) / 180) - frontM;
      const asideM = found.rangeM * Math.sin((bearingDeg * Math.PI) / 180);
      nearestM = Math.min(nearestM, Math.hypot(aheadM, asideM));
    }
    return nearestM;
  }
}
