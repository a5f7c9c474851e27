import { test } from "bun:test";
import type { Connect } from "../../core/realtime/transport.ts";

/** transport-webrtc-wires.test.ts runs the tests of the session once more with `MYNA_TEST_WIRE=webrtc`. */
export const TEST_WIRE = process.env["MYNA_TEST_WIRE"] === "webrtc" ? "webrtc" : "websocket";
/** The files `test/core/realtime-….test.ts` that run once more with every server in the beta dialect. */
export const BETA_FILES: readonly string[] = [
  "session",
  "tools",
  "interruption",
  "connection",
  "restore",
  "renewal",
  "faults",
  "stall",
  "usage",
  "limits",
];
/** The files of which the tests of links run over both wires. */
export const LINK_FILES: Record<string, string> = Object.fromEntries([
  ...[
    "budget",
    "faults",
    "interruption",
    "limits",
    "renewal",
    "restore",
    "session",
    "stall",
    "tools",
    "usage",
  ].map((name) => [name, `test/core/realtime-${name}.test.ts`]),
  ["server-quirks", "test/peers/server-quirks.test.ts"],
]);
/** Ends the titles of what is run over WebRTC. */
export const WEBRTC_MARK = "(over WebRTC)";

/** How the sessions of the tests connect; undefined where they do it by themselves, by WebSocket. */
export const TEST_CONNECT: Connect | undefined =
  TEST_WIRE === "webrtc"
    ? (await (await import("../kit/webrtc-wire.ts")).WebRtcWire.create()).connect
    : undefined;

const NO_CODES = "a call ends without a code: what was wrong is told before, in an error event";

/** Tests of the session that WebRTC has no part in, by title, each with what it is in the wire that is different. */
export const WEBSOCKET_ONLY: Record<string, string> = {
  "goes to the loudspeaker and to the topics, and is final once it was heard":
    "sound is a track: it is not what was sent sample for sample, and ends with a silence of its own; transport-webrtc-session.test.ts says what is true instead",
  "truncates at what was received (C7)": "the server cuts its own queue: no figure of ours goes out",
  "right after it began is a failure like any other": NO_CODES,
  "is followed by the next at once, told by close, and counts as no failure": NO_CODES,
  "that closes with 4000: it says so and stays away": NO_CODES,
  "that closes with 1008: it says so and stays away": NO_CODES,
  "cuts nothing of an item that is complete":
    "how long the sound of an item is, is known only when silence follows it",
};

/** A test of what a session does over its link, whichever wire that is. Over WebRTC several run at a time. */
export function linkTest(title: string, body: () => Promise<void>, limitMs?: number): void {
  if (TEST_WIRE === "websocket") test(title, body, limitMs);
  else if (!(title in WEBSOCKET_ONLY)) test.concurrent(`${title} ${WEBRTC_MARK}`, body, limitMs);
}
