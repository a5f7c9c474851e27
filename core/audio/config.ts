import { z } from "zod";

/** The `[audio]` table of a profile. */
export const audioConfig = z
  .strictObject({
    /**
     * What to do about the robot hearing itself. `half_duplex`: the microphone is silenced while the loudspeaker plays;
     * `open`: never; `auto`: half duplex where microphone and loudspeaker share the air of a room.
     */
    echo: z.enum(["auto", "open", "half_duplex"]).default("auto"),
    /** Half duplex lasts this much longer than the sound, for the echo of the room to die away. */
    half_duplex_tail_ms: z.number().int().min(0).max(5000).default(300),
    /** Frames of 20 ms that must be queued before an answer starts that comes faster than it is spoken. */
    start_frames: z.number().int().min(1).max(50).default(2),
    /** How long speech of a live sender (WebRTC) waits before it is played, until its jitter is known. */
    jitter_target_ms: z.number().int().min(20).max(500).default(100),
    /** It never waits less. */
    jitter_min_ms: z.number().int().min(20).max(500).default(50),
    /** It never waits more, save after a stall, until that is made good. */
    jitter_max_ms: z.number().int().min(20).max(1000).default(200),
  })
  .prefault({});

/** `[audio]`, checked, with defaults. */
export type AudioConfig = z.infer<typeof audioConfig>;
