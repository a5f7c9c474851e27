import { FRAME_MS } from "myna";

const FULL_SCALE = 32768 * 32768;
/** The loudspeaker sounds above this mean square (-60 dB), */
const SOUND_ENERGY = 1e-6 * FULL_SCALE;
/** and the room this much longer. */
const ROOM_MS = 300;
/** Energies are averaged over some ten frames. */
const PACE = 0.1;
/** The echo is cancelled when it is down by this much, */
const PROVEN_RATIO = 30;
/** or when what is left is hardly above the noise of the room. */
const HARDLY_ABOVE = 4;
/** The one has to stay so for a while; */
const PROOF_MS = 500;
/** the other for longer than the delay of any loudspeaker: its sound may only be on the way. */
const SILENT_PROOF_MS = 2000;
/** The proof is void when hardly anything was taken away for so long; nobody talks so long over a robot that stops for them. */
const LOST_MS = 3000;
const LOST_RATIO = 2;
/** The quietest energy of the silent loudspeaker rises by so much per frame until a quieter frame comes: 3 dB in ten seconds. */
const FLOOR_RISE = 1.0014;
/** A digital microphone's silence. */
const LEAST_FLOOR = 1;
/** So much silence has to be heard before the noise of the room is known, beside what an empty delay line gives at first. */
const FLOOR_MS = 300;
const EMPTY_MS = 300;

/** Watches whether the echo goes away. Allocates nothing per frame. */
export class EchoProof {
  #before = 0;
  #after = 0;
  #floor = Number.POSITIVE_INFINITY;
  #silentMs = -EMPTY_MS;
  #soundingMs = 0;
  #goodMs = 0;
  #unheardMs = 0;
  #badMs = 0;
  #proven = false;
  /** How long the loudspeaker has sounded since the start. */
  playedMs = 0;

  /** True from the time the echo was seen to go away until `reset`, or until it is seen to come back. */
  get proven(): boolean {
    return this.#proven;
  }

  /** Whether the loudspeaker sounds, or did a moment ago. */
  get sounding(): boolean {
    return this.#soundingMs > 0;
  }

  /**
   * Echo return loss enhancement, dB, of the last half second in which the loudspeaker sounded; who speaks at the same time
   * lowers it.
   */
  get erleDb(): number {
    return this.#after > 0 ? 10 * Math.log10(Math.max(1, this.#before) / Math.max(1, this.#after)) : 0;
  }

  /** Mean square up to which a frame is the room's own noise; 0 while that is unknown. */
  get noise(): number {
    return this.#silentMs < FLOOR_MS ? 0 : HARDLY_ABOVE * this.#floor;
  }

  /** Takes the mean square of the same frame before and after the canceller, and of its reference. */
  push(before: number, left: number, reference: number): void {
    if (reference > SOUND_ENERGY) this.#soundingMs = ROOM_MS;
    else {
      this.#soundingMs = Math.max(0, this.#soundingMs - FRAME_MS);
      if (!this.sounding) this.#listen(left);
      return;
    }
    this.playedMs += FRAME_MS;
    this.#before += PACE * (before - this.#before);
    this.#after += PACE * (left - this.#after);
    const unheard = this.#after < this.noise;
    const bad = !unheard && this.#after * LOST_RATIO > this.#before;
    this.#goodMs = this.#after * PROVEN_RATIO < this.#before ? this.#goodMs + FRAME_MS : 0;
    this.#unheardMs = unheard ? this.#unheardMs + FRAME_MS : 0;
    this.#badMs = bad ? this.#badMs + FRAME_MS : 0;
    if (this.#goodMs >= PROOF_MS || this.#unheardMs >= SILENT_PROOF_MS) this.#proven = true;
    else if (this.#badMs >= LOST_MS) this.#proven = false;
  }

  #listen(left: number): void {
    // A microphone that lost samples for a moment.
    if (left === 0 && this.#floor !== Number.POSITIVE_INFINITY) return;
    this.#silentMs += FRAME_MS;
    if (this.#silentMs > 0) this.#floor = Math.max(LEAST_FLOOR, Math.min(left, this.#floor * FLOOR_RISE));
  }

  /** What was seen is no longer true. */
  reset(): void {
    this.#proven = false;
    this.#goodMs = 0;
    this.#unheardMs = 0;
    this.#badMs = 0;
    this.#before = 0;
    this.#after = 0;
  }
}
