import { z } from "zod";

const calibrationDeg = z.number().min(-20).max(20);
const sign = z.union([z.literal(1), z.literal(-1)]);

/** The drive's table in a profile. */
export const driveConfig = z.object({
  max_speed_mps: z.number().min(0.05).max(0.6).default(0.5),
  speed_mps: z.number().min(0.05).max(0.6).default(0.3),
  acceleration_mps2: z.number().min(0.1).max(10).default(2),
  /** Pairs of duty (0 to 1) and speed, both rising: what the motors give on the floor. */
  speed_map: z
    .array(z.tuple([z.number().min(0.01).max(1), z.number().min(0.01).max(2)]))
    .min(1)
    .refine((points) => points.every(([duty, mps], at) => at === 0 || above(points[at - 1]!, duty, mps)), {
      error: "both numbers of each pair must be above those of the pair before it",
    })
    .default([
      [0.27, 0.05],
      [0.5, 0.225],
      [0.9, 0.525],
      [1, 0.6],
    ]),
  lag_ms: z.number().min(1).max(1000).default(60),
  coast_ms: z.number().min(1).max(2000).default(150),
  wheelbase_m: z.number().min(0.05).max(0.5).default(0.095),
  steering_gain: z.number().min(0.1).max(2).default(0.5),
  /** Calibration: what is not given here comes from `calibration_file`, or is 0 and 1. */
  steering_offset_deg: calibrationDeg.optional(),
  left_motor_sign: sign.optional(),
  right_motor_sign: sign.optional(),
  pan_offset_deg: calibrationDeg.optional(),
  tilt_offset_deg: calibrationDeg.optional(),
  /** The calibration of SunFounder's tools, read where it exists. */
  calibration_file: z.string().default("/opt/picar-x/picar-x.conf"),
  /** Longest time that one intent may drive, seconds. */
  lease_s: z.number().positive().max(300).default(35),
  reverse_max_s: z.number().positive().max(60).default(2),
  /** The runtime's sign of life may be this old, milliseconds. */
  alive_ms: z.number().int().min(150).max(2000).default(250),
  /** A reading older than this guards nothing, milliseconds. */
  fresh_ms: z.number().int().min(80).max(2000).default(250),
  /** From the sensor to what it sees, where a drive ends, metres. */
  obstacle_margin_m: z.number().min(0.02).max(1).default(0.15),
  no_echo_speed_mps: z.number().min(0.05).max(0.6).default(0.15),
  /** Guards of driving forward; without one the robot does not look there. */
  ultrasonic: z.boolean().default(true),
  cliff_guard: z.boolean().default(true),
  /** Raw grayscale values, left, middle, right: at or below, the floor ends. */
  cliff_reference: z.tuple([reference(), reference(), reference()]).optional(),
  /** False for a robot without a battery that can be measured: then nothing tells that the controller is out of step. */
  battery: z.boolean().default(true),
  battery_critical_v: z.number().min(5).max(8).default(6.4),
  stop_on_link_loss: z.boolean().default(true),
});

/** The drive's settings, checked, with defaults. */
export type DriveConfig = z.infer<typeof driveConfig>;

function reference() {
  return z.number().int().min(0).max(4095);
}

function above(before: readonly [number, number], duty: number, mps: number): boolean {
  return duty > before[0] && mps > before[1];
}
