import { Metronome } from "./metronome.ts";
import { TalkClient } from "./talk-client.ts";
import type { TalkOptions } from "./talk-options.ts";

/** `myna/talk`: a browser talks to a Realtime server through this program, without the robot. */
export { talkPageScript } from "./page-script.ts";
export { TalkClient } from "./talk-client.ts";
export type { TalkEvents } from "./talk-events.ts";
export type { TalkOptions } from "./talk-options.ts";
export type { PerformanceMetrics } from "./performance-record.ts";
export type { BargeInSettings } from "./barge-in.ts";

/** One beat for all clients of a program. */
let metronome: Metronome | undefined;

/**
 * A client for one page: `initialize()` connects it to the server, `handleWebRTCOffer(sdp)` to the page. CONFIG_INVALID names an
 * option that is wrong.
 */
export function createTalkClient(options: TalkOptions = {}): TalkClient {
  metronome ??= new Metronome(
    (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    (error) => process.emitWarning(`a talk client failed: ${String(error)}`),
  );
  return new TalkClient(options, metronome);
}
