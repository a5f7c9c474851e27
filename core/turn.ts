import type { Bus } from "./bus.ts";

/** Publishes `turn.latency` for each spoken turn whose answer reached the loudspeaker. */
export function measureTurns(bus: Bus): () => void {
  let turn = 0;
  let speechEndMs: number | undefined;
  let commitMs: number | undefined;
  let firstDeltaMs: number | undefined;
  let item = "";
  const undos = [
    bus.on("user.speech_stopped", ({ source, speech_at_ms }) => {
      // The robot's own ears know the end of speech by its sound; the server's event comes a silence later.
      if (source === "local" || speechEndMs === undefined) speechEndMs = speech_at_ms;
    }),
    bus.on("user.committed", ({ committed_at_ms }) => {
      commitMs = committed_at_ms;
      firstDeltaMs = undefined;
    }),
    bus.on("response.first_audio", ({ item_id, received_at_ms }) => {
      if (commitMs === undefined || firstDeltaMs !== undefined) return;
      firstDeltaMs = received_at_ms;
      item = item_id;
    }),
    bus.on("playback.started", ({ item_id, played_at_ms }) => {
      if (firstDeltaMs === undefined || commitMs === undefined || item_id !== item) return;
      const endMs = speechEndMs !== undefined && speechEndMs <= commitMs ? speechEndMs : undefined;
      bus.publish("turn.latency", {
        turn: ++turn,
        speech_end_to_commit_ms: endMs === undefined ? null : round(commitMs - endMs),
        commit_to_first_delta_ms: round(firstDeltaMs - commitMs),
        first_delta_to_first_sample_ms: round(played_at_ms - firstDeltaMs),
        total_ms: endMs === undefined ? null : round(played_at_ms - endMs),
      });
      speechEndMs = commitMs = firstDeltaMs = undefined;
    }),
  ];
  return () => undos.forEach((undo) => undo());
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
