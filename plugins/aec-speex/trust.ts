import { FRAME_MS, FRAME_SAMPLES } from "myna";
import { energy } from "./energy.ts";
import { Resemblance } from "./resemblance.ts";

/** What is left is an echo of another place where it resembles what was taken away less than this, */
const MISPLACED = -0.3;
/** and a louder echo above this; */
const LOUDER = 0.35;
/** as long as it is no less than such a part of that. */
const LEFT_PART = 0.1;
/** What is so much more than was taken for echo, in this frame or the one before, is none. */
const OVERWHELMING = 10;
/** So long after it nothing is believed. */
const DISTRUST_MS = 100;
/** An echo that is elsewhere for longer than that is lost, */
const LOST_FRAMES = 3;
/** until so much was taken away of so many frames, or it was found. */
const TAKEN_RATIO = 4;
const FOUND_FRAMES = 3;
/** Or until in so many of them what is left resembles nothing, though no more than this was left of what was taken: a person over the echo. */
const EXPLAINED_FRAMES = 6;
const EXPLAINED_PART = 5;
/** The filter knows the room when it took so much away of so many frames. */
const KNOWN_FRAMES = 15;
/** So many frames in between may be another matter. */
const CALM_FRAMES = 3;
/** What is left resembles an echo by chance up to this. What resembles it less speaks for a person, what resembles it more against one; */
const CHANCE = 0.25;
/** so much together is enough, and so much against one is remembered. */
const ENOUGH = 0.3;
const LEAST = -0.3;
/** For so long after the echo went elsewhere a filter is worse than it was: twice as much is asked for, */
const SETTLE_MS = 500;
/** else an echo may be louder by chance up to this as well. */
const SPARED = 0.2;
/** A frame that is hardly louder than the noise of the room says nothing. */
const ABOVE_NOISE = 4;
/** A microphone that clips adds what is in no reference: so many samples at its end. */
const CLIPPED_SAMPLES = 3;
const CLIPPED = 32_700;
/** The reference was cut off where so many samples of a frame are nothing and the frame before was loud (-35 dB): 2.5 ms. */
const CUT_SAMPLES = 60;
const CUT_ENERGY = 32768 ** 2 * 10 ** -3.5;
/** It began where it became so much louder (20 dB). */
const BEGIN_RATIO = 100;
/** Nothing is judged for so long after either: the echo may come before or behind what is taken for it. */
const CUT_MS = 140;
const BEGIN_MS = 60;

/** What is known of a frame behind the filter; energies are mean squares. */
export interface Behind {
  /** The frame before the filter and behind it. */
  before: number;
  after: number;
  /** What the microphone heard; borrowed. */
  heard: Int16Array;
  /** What the filter left, and what it took for echo; borrowed. */
  left: Int16Array;
  taken: Int16Array;
  /** What the loudspeaker let out; borrowed. */
  reference: Int16Array;
  /** Below this nobody speaks; 0 while that is unknown. */
  noise: number;
}

/** Whether what a filter left of the echo may be a person. Allocates nothing per frame. */
export class Trust {
  readonly #resemblance = new Resemblance();
  #distrustMs = 0;
  #settleMs = 0;
  #blindMs = 0;
  #evidence = 0;
  #recent = 0;
  #overwhelms = false;
  #takenBefore = 0;
  #calmFrames = 0;
  #explainedFrames = 0;
  #cancelledFrames = 0;
  #foundFrames = FOUND_FRAMES;
  /** The last frame left an echo of another place; one that is louder than the filter knows it. */
  misplaced = false;
  louder = false;
  /** For how many frames the echo has been elsewhere. */
  misplacedFrames = 0;

  /** The echo went elsewhere, and was not seen to be cancelled since. */
  get lost(): boolean {
    return this.#foundFrames < FOUND_FRAMES;
  }

  /** The filter has learnt something of the room. */
  get knowing(): boolean {
    return this.#cancelledFrames >= KNOWN_FRAMES;
  }

  /** Nothing says that what is left is the robot itself. */
  get trusted(): boolean {
    return this.#distrustMs === 0 && !this.lost;
  }

  /** Who is heard is a person. */
  get convinced(): boolean {
    return this.trusted && this.#evidence > (this.#settleMs > 0 ? 2 * ENOUGH : ENOUGH);
  }

  /** Takes the next frame. */
  push({ before, after, heard, left, taken, reference, noise }: Behind): void {
    const resemblance = this.#resemblance.push(left, taken);
    const loud = Math.max(before, after) > ABOVE_NOISE * noise;
    const leftEnergy = energy(left);
    const takenEnergy = energy(taken);
    this.#overwhelms = leftEnergy > OVERWHELMING * Math.max(takenEnergy, this.#takenBefore);
    this.#takenBefore = takenEnergy;
    const notable = loud && leftEnergy > LEFT_PART * takenEnergy && !this.#overwhelms;
    this.misplaced = notable && resemblance < MISPLACED;
    this.louder = notable && resemblance > LOUDER;
    if (this.misplaced || this.louder || clips(heard)) this.#distrustMs = DISTRUST_MS;
    else this.#distrustMs = Math.max(0, this.#distrustMs - FRAME_MS);
    this.#settleMs = this.misplaced ? SETTLE_MS : Math.max(0, this.#settleMs - FRAME_MS);
    const explained =
      notable && leftEnergy < EXPLAINED_PART * takenEnergy && Math.abs(this.#resemblance.ofFrame) < CHANCE;
    this.#explainedFrames = this.misplaced ? 0 : this.#explainedFrames + (explained ? 1 : 0);
    this.#seek(loud && before > TAKEN_RATIO * after);
    this.#look(reference);
  }

  /** A frame in which somebody may speak, or none. */
  weigh(candidate: boolean): void {
    if (!candidate) this.#evidence /= 2;
    else if (this.#blindMs === 0) this.#evidence = Math.max(LEAST, this.#evidence + CHANCE - this.#doubt());
  }

  #doubt(): number {
    const { ofFrame } = this.#resemblance;
    if (this.#overwhelms) return 0;
    const louder = this.#settleMs > 0 ? ofFrame : ofFrame - SPARED;
    return Math.max(0, -ofFrame, louder);
  }

  /** The filter forgot the room. */
  reset(): void {
    this.#cancelledFrames = 0;
  }

  /** The echo was found. */
  found(): void {
    this.misplacedFrames = 0;
    this.#foundFrames = FOUND_FRAMES;
  }

  /** Whether the echo is where it was; `cancelled`: most of the frame was taken away. */
  #seek(cancelled: boolean): void {
    if (this.misplaced) {
      this.#calmFrames = 0;
      this.misplacedFrames++;
      if (this.misplacedFrames > LOST_FRAMES) this.#foundFrames = 0;
      return;
    }
    if (cancelled) {
      this.#foundFrames++;
      this.#cancelledFrames++;
    }
    if (this.#explainedFrames >= EXPLAINED_FRAMES) this.#foundFrames = FOUND_FRAMES;
    if (this.misplacedFrames === 0) return;
    this.misplacedFrames++;
    if (++this.#calmFrames > CALM_FRAMES) this.misplacedFrames = 0;
  }

  /** Whether the reference was cut off, or begins. */
  #look(reference: Int16Array): void {
    const now = energy(reference);
    let nothing = 0;
    for (let i = 0; i < FRAME_SAMPLES; i++) if (reference[i] === 0) nothing++;
    this.#blindMs = Math.max(0, this.#blindMs - FRAME_MS);
    if (nothing >= CUT_SAMPLES && this.#recent > CUT_ENERGY) this.#blindMs = CUT_MS;
    else if (now > CUT_ENERGY / BEGIN_RATIO && now > BEGIN_RATIO * this.#recent)
      this.#blindMs = Math.max(this.#blindMs, BEGIN_MS);
    this.#recent = Math.max(now, this.#recent / 2);
    if (nothing >= CUT_SAMPLES) this.#recent = Math.min(this.#recent, now);
  }
}

function clips(frame: Int16Array): boolean {
  let count = 0;
  for (let i = 0; i < frame.length; i++) if (frame[i]! >= CLIPPED || frame[i]! <= -CLIPPED) count++;
  return count >= CLIPPED_SAMPLES;
}
