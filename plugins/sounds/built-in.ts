import type { Tone } from "./synthesis.ts";

const bell = (startMs: number, hz: number, durationMs: number): Tone => ({
  startMs,
  durationMs,
  hz,
  shape: "bell",
  level: 0.8,
});
const brass = (startMs: number, hz: number, durationMs: number): Tone => ({
  startMs,
  durationMs,
  hz,
  shape: "square",
  level: 0.5,
});
const sweep = (startMs: number, hz: number, toHz: number, durationMs: number): Tone => ({
  startMs,
  durationMs,
  hz,
  toHz,
  shape: "sine",
  level: 0.8,
});

/** The sounds that need no file, as tones; names are words that a speech recogniser knows. */
export const BUILT_IN: Readonly<Record<string, readonly Tone[]>> = {
  chime: [bell(0, 784, 500), bell(180, 1047, 700)],
  bell: [bell(0, 880, 1200)],
  beep: [sweep(0, 1000, 1000, 200)],
  horn: [brass(0, 311, 600), brass(0, 392, 600)],
  siren: [0, 600, 1200].flatMap((startMs) => [
    sweep(startMs, 500, 1100, 300),
    sweep(startMs + 300, 1100, 500, 300),
  ]),
  whistle: [sweep(0, 900, 1900, 250), sweep(300, 1900, 800, 400)],
  fanfare: [brass(0, 523, 150), brass(170, 523, 150), brass(340, 659, 150), brass(510, 784, 600)],
  buzzer: [brass(0, 110, 500)],
};
