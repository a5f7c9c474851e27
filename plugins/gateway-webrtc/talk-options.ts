import { MynaError } from "myna";
import { sessionEnvironment } from "myna/realtime";
import type { RealtimeClientOptions } from "myna/realtime";
import { BARGE_IN } from "./barge-in.ts";
import type { BargeInSettings } from "./barge-in.ts";
import type { CallSettings } from "./call.ts";

/** What a talk client may be told; every key has a default. */
export interface TalkOptions extends Pick<
  RealtimeClientOptions,
  | "url"
  | "apiKey"
  | "model"
  | "voice"
  | "temperature"
  | "instructions"
  | "tools"
  | "language"
  | "auth"
  | "dialect"
> {
  /** The server's turn detection, in the names of a profile's `[session.turn_detection]`. */
  vad?: RealtimeClientOptions["turn_detection"];
  /** How long a missing packet of the page is waited for. */
  jitter?: { minMs?: number; maxMs?: number };
  /** False: speech over the robot does not silence it. */
  bargeIn?: boolean | Partial<BargeInSettings>;
  /** The robot's voice on the wire. */
  opus?: { bitrateBps?: number; complexity?: number; expectedLossPercent?: number };
  /** Address of this machine that the page's sound comes to; all of them if absent. */
  bindAddress?: string;
  /** STUN servers as `stun:HOST:PORT`. */
  iceServers?: readonly string[];
  /** Where the older client's variables (`NEVIL_REALTIME_VOICE` and its like) are looked up; `process.env` if absent. */
  env?: Record<string, string | undefined>;
}

const CALL: CallSettings = {
  peer: { bindAddress: "", iceServers: [] },
  codec: { bitrateBps: 32_000, complexity: 5, expectedLossPercent: 5 },
  jitter: { minMs: 20, maxMs: 120 },
};
const OWN = new Set(["vad", "jitter", "bargeIn", "opus", "bindAddress", "iceServers", "env"]);

/** The options by whom they concern. The link's are checked by RealtimeClient; CONFIG_INVALID names those that are ours. */
export interface TalkSettings {
  link: RealtimeClientOptions;
  call: CallSettings;
  /** Null: nobody interrupts. */
  bargeIn: BargeInSettings | null;
}

/** Options over environment over defaults. */
export function talkSettings(options: TalkOptions): TalkSettings {
  const { vad, jitter, bargeIn = true, opus, bindAddress, iceServers, env = process.env } = options;
  const given = Object.entries(options).filter(([key, value]) => !OWN.has(key) && value !== undefined);
  const link: RealtimeClientOptions = {
    ...sessionEnvironment(env, { namesService: false }),
    ...Object.fromEntries(given),
    ...(vad && { turn_detection: vad }),
  };
  const call: CallSettings = {
    peer: {
      bindAddress: bindAddress ?? CALL.peer.bindAddress,
      iceServers: iceServers ?? CALL.peer.iceServers,
    },
    codec: { ...CALL.codec, ...opus },
    jitter: { ...CALL.jitter, ...jitter },
  };
  const { minMs, maxMs } = call.jitter;
  if (!(minMs >= 0 && maxMs >= minMs && maxMs <= 1000))
    throw new MynaError("CONFIG_INVALID", "createTalkClient: jitter: 0 ≤ minMs ≤ maxMs ≤ 1000 is expected");
  const { bitrateBps, complexity, expectedLossPercent } = call.codec;
  if (!(bitrateBps >= 6000 && bitrateBps <= 128_000 && complexity >= 0 && complexity <= 10))
    throw new MynaError("CONFIG_INVALID", "createTalkClient: opus: 6000 to 128000 bit/s, complexity 0 to 10");
  if (!(expectedLossPercent >= 0 && expectedLossPercent <= 50))
    throw new MynaError("CONFIG_INVALID", "createTalkClient: opus: expectedLossPercent is 0 to 50");
  const details = typeof bargeIn === "object" ? bargeIn : {};
  return { link, call, bargeIn: bargeIn === false ? null : { ...BARGE_IN, ...details } };
}
