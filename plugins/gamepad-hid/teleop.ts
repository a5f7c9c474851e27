import type { Button, PadState } from "./pad-state.ts";

/** What the person at the pad wants, besides driving. */
export type Wish = "emergency_stop" | "release" | "stop" | "talk" | "talk_end" | "mute";

/** How the pad drives. */
export interface TeleopSettings {
  deadMan: Button;
  talk: Button;
  mute: Button;
  emergencyStop: Button;
  release: Button;
  /** How long `release` is held until it counts. */
  releaseMs: number;
  maxSpeedMps: number;
  maxSteerDeg: number;
  /** Share of a stick's way that counts as nothing. */
  deadZone: number;
  /** 0 straight, 1 cubic: finer in the middle. */
  expo: number;
  /** Of the head at full deflection, degrees a second. */
  lookDegPerS: number;
  /** Silence after which a pad that reports all the time is gone. */
  silentMs: number;
  /** For so long one that tells changes only drives without any. */
  stillMs: number;
}

/** What the sticks want for one tick; undefined where nothing is to be said. */
export interface Intent {
  speedMps: number;
  steerDeg: number;
  /** Change of pan (left positive) and tilt (up positive), degrees. */
  panDeg: number;
  tiltDeg: number;
}

/**
 * From a gamepad's state to what the robot is asked for. It drives only while the dead-man button is held; a pad that is lost,
 * silent or talks nonsense is the same as letting go.
 */
export class Teleop {
  readonly #settings: TeleopSettings;
  readonly #onWish: (wish: Wish) => void;
  /** Undefined until the pad has told how it is held: what is held then counts after it was let go. */
  #state: PadState | undefined;
  #atMs = 0;
  #releaseSinceMs: number | undefined;
  #driving = false;
  #talking = false;

  constructor(settings: TeleopSettings, onWish: (wish: Wish) => void) {
    this.#settings = settings;
    this.#onWish = onWish;
  }

  get driving(): boolean {
    return this.#driving;
  }

  /** The pad says how it is held now. */
  update(state: PadState, nowMs: number): void {
    const { deadMan, talk, mute, emergencyStop, release } = this.#settings;
    const before = this.#state?.buttons ?? new Set([...state.buttons].filter((one) => one !== emergencyStop));
    this.#state = state;
    this.#atMs = nowMs;
    const went = (button: Button, down: boolean) =>
      state.buttons.has(button) === down && before.has(button) !== down;
    // First what stops.
    if (went(emergencyStop, true)) {
      this.#driving = false;
      this.#onWish("emergency_stop");
    }
    if (went(deadMan, false)) this.#letGo();
    if (went(deadMan, true) && !state.buttons.has(emergencyStop)) this.#driving = true;
    if (went(talk, true)) {
      this.#talking = true;
      this.#onWish("talk");
    }
    if (went(talk, false) && this.#talking) {
      this.#talking = false;
      this.#onWish("talk_end");
    }
    if (went(mute, true)) this.#onWish("mute");
    if (went(release, true)) this.#releaseSinceMs = nowMs;
    if (went(release, false)) this.#releaseSinceMs = undefined;
  }

  /** The wheels were stopped, or refuse: the dead-man button drives again when it is pressed anew. */
  stopped(): void {
    this.#driving = false;
  }

  /** The pad is gone, or cannot be believed: as if everything was let go. */
  drop(): void {
    const talking = this.#talking;
    this.#talking = false;
    this.#state = undefined;
    this.#releaseSinceMs = undefined;
    this.#letGo();
    if (talking) this.#onWish("talk_end");
  }

  /** Every `dtS` seconds; `streams` for a pad that reports all the time. */
  tick(nowMs: number, dtS: number, streams: boolean): Intent | undefined {
    const { silentMs, stillMs } = this.#settings;
    const quietMs = nowMs - this.#atMs;
    if (this.#state && streams && quietMs > silentMs) this.drop();
    // A hand that rests is like a pad that is gone, so only the wheels are let go of.
    if (!streams && quietMs > stillMs) this.#letGo();
    if (this.#releaseSinceMs !== undefined && nowMs - this.#releaseSinceMs >= this.#settings.releaseMs) {
      this.#releaseSinceMs = undefined;
      this.#onWish("release");
    }
    if (!this.#driving || !this.#state) return undefined;
    const { maxSpeedMps, maxSteerDeg, lookDegPerS } = this.#settings;
    const { leftX, leftY, rightX, rightY } = this.#state;
    return {
      speedMps: this.#shape(leftY) * maxSpeedMps,
      steerDeg: -this.#shape(leftX) * maxSteerDeg,
      panDeg: -this.#shape(rightX) * lookDegPerS * dtS,
      tiltDeg: this.#shape(rightY) * lookDegPerS * dtS,
    };
  }

  #letGo(): void {
    if (!this.#driving) return;
    this.#driving = false;
    this.#onWish("stop");
  }

  #shape(value: number): number {
    const { deadZone, expo } = this.#settings;
    const way = (Math.min(1, Math.abs(value)) - deadZone) / (1 - deadZone);
    if (!(way > 0)) return 0;
    return Math.sign(value) * (expo * way ** 3 + (1 - expo) * way);
  }
}
