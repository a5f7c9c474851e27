import { dlopen, ptr } from "bun:ffi";
import { Playout } from "./playout.ts";
import type { Outcome } from "./playout.ts";
import type { Trace } from "./trace.ts";

const TICK_MS = 20;
const SAMPLES_PER_MS = 24;
const STEP = TICK_MS * SAMPLES_PER_MS;
/** Ticks after the last arrival in which nothing came out: the rest was thrown away. */
const OVER_TICKS = 25;
/** speex_jitter.h: JITTER_BUFFER_OK; everything else is a gap. */
const OK = 0;

/** speexdsp's jitter buffer, the library of Debian's package libspeexdsp1, with frames of 20 ms. */
export function speexdspBuffer(trace: Trace, phaseMs: number): Outcome {
  const { symbols: speex } = dlopen("libspeexdsp.so.1", {
    jitter_buffer_init: { args: ["i32"], returns: "ptr" },
    jitter_buffer_put: { args: ["ptr", "ptr"], returns: "void" },
    jitter_buffer_get: { args: ["ptr", "ptr", "i32", "ptr"], returns: "i32" },
    jitter_buffer_tick: { args: ["ptr"], returns: "void" },
    jitter_buffer_reset: { args: ["ptr"], returns: "void" },
    jitter_buffer_destroy: { args: ["ptr"], returns: "void" },
  });
  const buffer = speex.jitter_buffer_init(STEP);
  if (buffer === null) throw new Error("libspeexdsp gave no jitter buffer");
  // struct JitterBufferPacket: char *data; u32 len, timestamp, span; u16 sequence; u32 user_data.
  const packet = new DataView(new ArrayBuffer(32));
  const payload = new Uint8Array(16);
  const offset = new Int32Array(1);
  const address = ptr(packet);
  const fill = (timestamp: number) => {
    packet.setBigUint64(0, BigInt(ptr(payload)), true);
    packet.setUint32(8, 1, true);
    packet.setUint32(12, timestamp, true);
    packet.setUint32(16, STEP, true);
  };
  const take = (): boolean => {
    fill(0);
    const result = speex.jitter_buffer_get(buffer, address, STEP, ptr(offset));
    speex.jitter_buffer_tick(buffer);
    return result === OK;
  };
  const playout = new Playout();
  let nowMs = phaseMs;
  for (const answer of trace.answers) {
    playout.begin(answer);
    const firstTick = phaseMs + Math.ceil((answer.packets[0]!.arrivalMs - phaseMs) / TICK_MS) * TICK_MS;
    // A sender that is faster than real time has a media clock of its own in each answer; a live one's runs on in the pauses.
    if (trace.live) for (; nowMs < firstTick; nowMs += TICK_MS) take();
    else speex.jitter_buffer_reset(buffer);
    nowMs = firstTick;
    const fastestMs = Math.min(...answer.packets.map((one) => one.arrivalMs - one.mediaMs));
    const origin = Math.round(fastestMs / TICK_MS) * STEP;
    const frames = answer.packets.flatMap(({ arrivalMs, mediaMs, lengthMs }) =>
      Array.from({ length: lengthMs / TICK_MS }, (_, i) => ({ arrivalMs, mediaMs: mediaMs + i * TICK_MS })),
    );
    let next = 0;
    let played = 0;
    let gaps = 0;
    for (let idle = 0, last = -1; last < answer.lengthMs - TICK_MS && idle < OVER_TICKS; nowMs += TICK_MS) {
      for (; next < frames.length && frames[next]!.arrivalMs <= nowMs; next++) {
        fill(origin + frames[next]!.mediaMs * SAMPLES_PER_MS);
        speex.jitter_buffer_put(buffer, address);
      }
      const came = take();
      const mediaMs = ((packet.getUint32(12, true) - origin) | 0) / SAMPLES_PER_MS;
      if (came && mediaMs >= 0) {
        last = mediaMs;
        playout.played(nowMs, mediaMs, TICK_MS);
        played++;
        idle = 0;
      } else if (played > 0) {
        playout.concealed(TICK_MS);
        gaps++;
      }
      if (next === frames.length && !came) idle++;
    }
    // Speech that was thrown away without a gap in its place is missing as well.
    const lost = frames.length - played - gaps;
    if (lost > 0) playout.concealed(lost * TICK_MS);
  }
  speex.jitter_buffer_destroy(buffer);
  return playout.outcome();
}
