import type { SessionConfig } from "./config.ts";

/**
 * True where the robot decides only after a while whether speech is an interruption: a server that cancels by itself at the first
 * sound would be faster, and there would be nothing left to decide.
 */
export function decidesLater({
  mode,
  min_speech_ms = 0,
  warm_up_ms,
}: SessionConfig["interruption"]): boolean {
  return mode === "duck" || min_speech_ms > 0 || warm_up_ms > 0;
}

/** True where the server is told to cancel its answer by itself when it hears speech (`interrupt_response`). */
export function serverInterrupts({ barge_in, turn_detection, interruption }: SessionConfig): boolean {
  return barge_in && (turn_detection.interrupt_response ?? !decidesLater(interruption));
}

/** True where speech that the server hears silences the robot at once, whoever cancels. */
export function silencesAtOnce(config: SessionConfig): boolean {
  return config.barge_in && (serverInterrupts(config) || !decidesLater(config.interruption));
}
