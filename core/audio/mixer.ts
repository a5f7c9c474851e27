import { GainRamp } from "./gain-ramp.ts";
import { mixInto } from "./mix.ts";
import { FRAME_SAMPLES, RATE_HZ } from "./port.ts";
import { distance } from "./ring.ts";
import type { Ring } from "./ring.ts";
import type { SharedState } from "./shared-state.ts";

/** Speech and sounds make room for an earcon in so many samples, and come back in so many. */
const MAKE_ROOM_SAMPLES = RATE_HZ / 100;
const COME_BACK_SAMPLES = RATE_HZ / 5;

/** A ring that is mixed over the speech. */
export class MixedTrack {
  readonly #ring: Ring;
  readonly #gain: GainRamp;
  readonly #frame = new Int16Array(FRAME_SAMPLES);
  /** Ring position of the next sample. */
  at: number;
  /** Samples of the last period. */
  count = 0;

  constructor(ring: Ring, gain: number) {
    this.#ring = ring;
    this.at = ring.tail;
    this.#gain = new GainRamp(gain);
  }

  get waiting(): boolean {
    return distance(this.at, this.#ring.head) > 0;
  }

  /** The next period of it, with silence where it ends; null when there is none. */
  take(): Int16Array | null {
    const available = distance(this.at, this.#ring.head);
    this.count = available <= 0 ? 0 : Math.min(available, FRAME_SAMPLES);
    if (this.count === 0) return null;
    this.#ring.copy(this.at, this.#frame, this.count);
    this.#frame.fill(0, this.count);
    this.#gain.apply(this.#frame);
    this.at = (this.at + this.count) >>> 0;
    return this.#frame;
  }
}

/**
 * Adds up what is to be heard: speech, sounds over it, and earcons over both, each with its gain. Speech is ducked on request;
 * speech and sounds while an earcon plays. Allocates nothing per period.
 */
export class Mixer {
  readonly sounds: MixedTrack;
  readonly earcons: MixedTrack;
  readonly #shared: SharedState;
  readonly #speechGain: GainRamp;
  readonly #duck: GainRamp;
  readonly #room: GainRamp;
  #duckSeq: number;

  constructor(sounds: Ring, earcons: Ring, shared: SharedState) {
    const { speech, sound, earcon } = shared.gains;
    this.#shared = shared;
    this.sounds = new MixedTrack(sounds, sound);
    this.earcons = new MixedTrack(earcons, earcon);
    this.#speechGain = new GainRamp(speech);
    this.#duck = new GainRamp(shared.duckGain);
    this.#room = new GainRamp(1);
    this.#duckSeq = shared.duckSeq;
  }

  /** Whether the last period held a sound or an earcon. */
  get audible(): boolean {
    return this.sounds.count > 0 || this.earcons.count > 0;
  }

  /** Mixes the next period of everything into `mix`, which holds the speech. */
  mix(mix: Int16Array): void {
    const shared = this.#shared;
    const seq = shared.duckSeq;
    if (seq !== this.#duckSeq) {
      this.#duckSeq = seq;
      this.#duck.goTo(shared.duckGain, shared.duckRampSamples);
    }
    this.#speechGain.apply(mix);
    this.#duck.apply(mix);
    const sound = this.sounds.take();
    if (sound) mixInto(mix, sound, FRAME_SAMPLES);
    const busy = this.earcons.waiting;
    this.#room.goTo(busy ? shared.gains.earconDuck : 1, busy ? MAKE_ROOM_SAMPLES : COME_BACK_SAMPLES);
    this.#room.apply(mix);
    const earcon = this.earcons.take();
    if (earcon) mixInto(mix, earcon, FRAME_SAMPLES);
  }
}
