import { z } from "zod";

/** What `doctor audio` found out about a pair of devices, and writes into local.toml. */
const echoProof = z.strictObject({
  microphone: z.string().min(1),
  loudspeaker: z.string().min(1),
  /** What takes the echo away: the drivers of those plugins, "aec-speex". */
  stage: z.string().min(1),
  /** From the loudspeaker to the microphone, beside what the devices report. */
  delay_ms: z.number(),
  /** Level of the echo at the microphone against what was played. */
  echo_db: z.number(),
  /** What the listening chain takes away of it. */
  erle_db: z.number(),
  /** When it was measured. */
  date: z.string().min(1),
});

const gain = z.number().min(0).max(4);

/** The `[audio]` table of a profile. */
export const audioConfig = z
  .strictObject({
    /**
     * What to do about the robot hearing itself. `half_duplex`: the microphone is silenced while the loudspeaker plays;
     * `push_to_talk`: unless somebody holds the talk key; `open`: never; `auto`: half duplex where microphone and
     * loudspeaker share the air of a room and `doctor audio` has not proven that the listening chain cancels the echo.
     */
    echo: z.enum(["auto", "open", "half_duplex", "push_to_talk"]).default("auto"),
    /** For `auto`: the devices whose echo is proven to be cancelled, and by what; written by `bun run doctor audio --write`. */
    proof: echoProof.optional(),
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
    /** Loudness of the robot's speech; 1 is as it comes. */
    speech_gain: gain.default(1),
    /** Loudness of sounds played over it. */
    sound_gain: gain.default(1),
    /** Loudness of earcons, the short signals. */
    earcon_gain: gain.default(1),
    /** Speech and sounds are turned down to this part while an earcon plays. */
    earcon_duck: z.number().min(0).max(1).default(0.3),
  })
  .refine((audio) => audio.jitter_min_ms <= audio.jitter_target_ms, {
    path: ["jitter_min_ms"],
    error: "must not be above jitter_target_ms",
  })
  .refine((audio) => audio.jitter_target_ms <= audio.jitter_max_ms, {
    path: ["jitter_max_ms"],
    error: "must not be below jitter_target_ms",
  })
  .prefault({});

/** `[audio]`, checked, with defaults. */
export type AudioConfig = z.infer<typeof audioConfig>;
