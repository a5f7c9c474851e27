import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Keyword } from "./phrases.ts";
import { Rivals } from "./rivals.ts";
import { SoundHistory } from "./sound-history.ts";
import { Sphinx } from "./sphinx.ts";
import type { Spot } from "./sphinx.ts";

/** What the decoder looks at at all, powers of ten; what counts is decided by score. */
const WORD_THRESHOLD = -60;
const PHRASE_THRESHOLD = -100;
/** The recogniser's memory is given back after so much sound, in frames of 10 ms, and at the latest after twice as much. */
const RESTART_FRAMES = 1500;
/** A spot is looked at for so long behind its end, frames. */
const UNDECIDED_FRAMES = 75;
/** What counts as a pause around a word: so much quieter than it, as a factor of power, for so many frames before and behind it. */
interface Pause {
  quieter: number;
  before: number;
  behind: number;
}

/** Longer than the closure of a P and than the pauses between the words of a sentence. */
const PAUSE: Pause = { quieter: 10 ** -1.4, before: 30, behind: 22 };
/** The same while the robot itself speaks: its echo never pauses. */
const PAUSE_OVER: Pause = { quieter: 10 ** -0.5, before: 20, behind: 15 };
/** What is so little louder than the quietest of the last seconds is a pause as well, but not so close to the word's own power. */
const LOUDER = 10 ** 0.6;
const CLOSEST = 10 ** -0.4;
/** Where the pause may lie: the recogniser hears a word's limits no better than this, frames. */
const BEGINS_WITHIN = 30;
const ENDS_WITHIN = 45;

/** A phrase that was heard, and where: frames of 10 ms of the stream. */
export interface HeardPhrase {
  index: number;
  fromFrame: number;
  toFrame: number;
  score: number;
}

/** Listens for phrases in a stream of 16 kHz mono that never ends. */
export class WordEar {
  readonly #phrases: readonly Keyword[];
  readonly #indexes = new Map<string, number>();
  readonly #sphinx = new Sphinx(["-kws_delay", "5", "-beam", "1e-90"]);
  readonly #rivals: Rivals | null;
  readonly #history = new SoundHistory();
  /** The robot itself speaks. */
  #over = false;
  /** Frame at which the decoder began anew. */
  #origin = 0;
  /** Spots that are settled, since the decoder began anew: told, or outdone by a rival. */
  readonly #settled = new Set<string>();
  /** By phrase as it is written: what begins before that frame was told. */
  readonly #toldUntil = new Map<string, number>();

  /** Without `judged` every vague spot counts, each time that it gets clearer. Throws where a phrase is not taken. */
  constructor(phrases: readonly Keyword[], { judged = true }: { judged?: boolean } = {}) {
    this.#phrases = phrases;
    for (const [index, { text, sounds }] of phrases.entries()) {
      this.#indexes.set(text, index);
      for (const [at, word] of text.split(" ").entries()) this.#sphinx.addWord(word, sounds[at] ?? "");
    }
    const file = join(tmpdir(), `myna-keywords-${process.pid}-${performance.now()}.list`);
    writeFileSync(file, phrases.map(listLine).join(""));
    try {
      this.#sphinx.spotPhrases(file);
    } finally {
      rmSync(file, { force: true });
    }
    this.#rivals = judged ? new Rivals(phrases) : null;
  }

  /** Frames of 10 ms so far. */
  get frames(): number {
    return this.#history.frames;
  }

  /** Something was heard since the decoder began anew. */
  get busy(): boolean {
    return this.#sphinx.samples > 0;
  }

  /** Takes whole frames; answers what has been said; `over` while the robot itself speaks. */
  push(pcm: Int16Array, over = false): HeardPhrase[] {
    this.#over = over;
    this.#sphinx.push(pcm);
    this.#history.push(pcm);
    const heard: HeardPhrase[] = [];
    let undecided = false;
    for (const spot of this.#sphinx.spots()) {
      const index = this.#indexes.get(spot.text);
      const phrase = index === undefined ? undefined : this.#phrases[index];
      if (index === undefined || !phrase) continue;
      const [fromFrame, toFrame] = [this.#origin + spot.fromFrame, this.#origin + spot.toFrame];
      if (this.#history.frames - toFrame > UNDECIDED_FRAMES) continue;
      if (fromFrame < (this.#toldUntil.get(phrase.name) ?? 0)) continue;
      undecided = true;
      if (!this.#believes(phrase, spot, fromFrame, toFrame)) continue;
      if (this.#rivals) this.#toldUntil.set(phrase.name, this.#history.frames);
      heard.push({ index, fromFrame, toFrame, score: spot.score });
    }
    const age = this.#history.frames - this.#origin;
    if (age > RESTART_FRAMES && (!undecided || age > 2 * RESTART_FRAMES)) this.restart();
    return heard;
  }

  /** Begins anew after a pause. */
  restart(): void {
    this.#sphinx.restart();
    this.#origin = this.#history.frames;
    this.#settled.clear();
  }

  /** `frames` passed that this ear was not given. */
  skip(frames: number): void {
    this.#history.frames += frames;
    this.#origin += frames;
  }

  #believes(phrase: Keyword, { text, score }: Spot, from: number, to: number): boolean {
    const key = `${text} ${from} ${to} ${score}`;
    if (this.#settled.has(key)) return false;
    if (!this.#rivals) this.#settled.add(key);
    const scores = this.#over ? phrase.over : phrase.scores;
    if (!this.#rivals || score >= scores.sure) return this.#fits(phrase, key, from, to, to - from);
    if (score < Math.min(scores.last, scores.alone)) return false;
    const { quieter, before, behind } = this.#over ? PAUSE_OVER : PAUSE;
    const level = this.#history.level(from, to + 1);
    const quiet = Math.max(level * quieter, Math.min(this.#history.floor() * LOUDER, level * CLOSEST));
    const end = this.#history.quietFrom(to - 5, to + ENDS_WITHIN + behind, behind, quiet);
    if (end < 0) return false;
    if (score >= scores.last) return this.#fits(phrase, key, from, end, to - from);
    if (score < scores.alone) return false;
    const pause = this.#history.quietFrom(from - BEGINS_WITHIN - before, from + 10, before, quiet);
    if (pause < 0) return false;
    return this.#fits(phrase, key, Math.max(pause, from - 15), end, to - from, true);
  }

  /** A single word in the middle of others cannot be told from its rivals: there the score has to do. */
  #fits(phrase: Keyword, key: string, from: number, to: number, frames: number, alone = false): boolean {
    if (!this.#rivals || (phrase.sounds.length === 1 && !alone)) return true;
    if (this.#rivals.believes(phrase, this.#history.sound(from - 10, to + 10), frames)) return true;
    this.#settled.add(key);
    return false;
  }
}

function listLine({ text }: Keyword): string {
  return `${text} /1e${text.includes(" ") ? PHRASE_THRESHOLD : WORD_THRESHOLD}/\n`;
}
