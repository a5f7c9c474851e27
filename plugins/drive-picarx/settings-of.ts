import { existsSync, readFileSync } from "node:fs";
import { MynaError } from "myna";
import type { BoardDescription } from "myna";
import type { DriveConfig } from "./config.ts";
import type { MotionSettings } from "./motion/settings.ts";
import { parseVendorCalibration } from "./vendor-calibration.ts";
import type { VendorCalibration } from "./vendor-calibration.ts";

/** HAT channels of the PiCar-X (picarx.py): camera pan and tilt, steering. */
export const PAN_CHANNEL = 0;
export const TILT_CHANNEL = 1;
export const STEERING_CHANNEL = 2;

/** The steering servo's way to each side, the camera's ways, degrees (picarx.py). */
const STEERING_MAX_DEG = 30;
const PAN_MAX_DEG = 90;
const TILT_DEG = [-35, 65] as const;
const GRAYSCALE_INPUTS = [0, 1, 2] as const;
/** Below what a white or black floor gives, above what nothing gives (picar-x, cliff example). */
const CLIFF_BELOW = [200, 200, 200] as const;
const BATTERY_INPUT = 4;
/** 3.3 V for 4,095, behind a divider by 3 (robot-hat, get_battery_voltage). */
const BATTERY_V_PER_COUNT = (3.3 / 4095) * 3;

/** What the motion process is told, of the drive's table, the board and the vendor's calibration where it exists. */
export function settingsOf(config: DriveConfig, board: BoardDescription, owner: string): MotionSettings {
  const vendor = vendorCalibration(config.calibration_file);
  const [leftSign, rightSign] = vendor.motors ?? [1, 1];
  const steeringDeg = config.steering_offset_deg ?? vendor.steeringDeg ?? 0;
  const panDeg = config.pan_offset_deg ?? vendor.panDeg ?? 0;
  const tiltDeg = config.tilt_offset_deg ?? vendor.tiltDeg ?? 0;
  return {
    ...board,
    owner,
    motors: {
      leftSign: config.left_motor_sign ?? leftSign,
      rightSign: config.right_motor_sign ?? rightSign,
      speedMap: config.speed_map,
      maxSpeedMps: config.max_speed_mps,
      defaultSpeedMps: Math.min(config.speed_mps, config.max_speed_mps),
      accelerationMps2: config.acceleration_mps2,
      lagMs: config.lag_ms,
      coastMs: config.coast_ms,
    },
    steering: {
      channel: STEERING_CHANNEL,
      offsetDeg: steeringDeg,
      maxDeg: STEERING_MAX_DEG,
      gain: config.steering_gain,
      wheelbaseM: config.wheelbase_m,
    },
    // picarx.py: steering is positive to the right, pan is negative to the left and written negated, tilt as well.
    servos: [
      servo(STEERING_CHANNEL, -STEERING_MAX_DEG, STEERING_MAX_DEG, -1, steeringDeg),
      servo(PAN_CHANNEL, -PAN_MAX_DEG, PAN_MAX_DEG, 1, panDeg),
      servo(TILT_CHANNEL, ...TILT_DEG, -1, tiltDeg),
    ],
    limits: {
      maxMotionMs: config.lease_s * 1000,
      maxReverseMs: config.reverse_max_s * 1000,
      aliveMs: config.alive_ms,
      freshMs: config.fresh_ms,
      obstacleMarginM: config.obstacle_margin_m,
      noEchoMps: config.no_echo_speed_mps,
    },
    grayscale: {
      inputs: GRAYSCALE_INPUTS,
      cliffBelow: config.cliff_guard ? (config.cliff_reference ?? vendor.cliff ?? CLIFF_BELOW) : null,
    },
    ultrasonic: config.ultrasonic,
    battery: config.battery
      ? { input: BATTERY_INPUT, voltsPerCount: BATTERY_V_PER_COUNT, criticalV: config.battery_critical_v }
      : null,
  };
}

function servo(channel: number, minDeg: number, maxDeg: number, sign: 1 | -1, offsetDeg: number) {
  return { channel, minDeg, maxDeg, sign, offsetDeg };
}

/** A file that is there and cannot be read is an error: a motor's direction may stand in it. */
function vendorCalibration(path: string): VendorCalibration {
  if (!existsSync(path)) return {};
  try {
    return parseVendorCalibration(readFileSync(path, "utf8"));
  } catch (cause) {
    const message = `calibration_file ${path} cannot be read: ${(cause as Error).message}`;
    throw new MynaError("CONFIG_INVALID", message, { cause });
  }
}
