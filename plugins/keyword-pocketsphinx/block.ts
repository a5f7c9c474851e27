/** Samples at 16 kHz of one frame of 20 ms; a block on the pipe is one of the microphone and one of the loudspeaker. */
export const BLOCK_SAMPLES = 320;

/**
 * What the listening process writes, one JSON object a line: a phrase by its number, whether the robot said it itself, and
 * in both cases how many blocks it has dealt with.
 */
export type ListenerLine =
  { ready: true } | { error: string } | { heard: number; own: boolean; blocks: number } | { blocks: number };
