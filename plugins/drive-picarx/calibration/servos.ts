import type { CalibrationStep, CalibrationVisit } from "myna";
import type { DriveConfig } from "../config.ts";
import { PAN_CHANNEL, STEERING_CHANNEL, TILT_CHANNEL, settingsOf } from "../settings-of.ts";
import { bodyReady } from "./short-drive.ts";

/** As far as an offset of the profile may go. */
const MOST_DEG = 20;

/** Where the front wheels stand straight. */
export const steeringStep: CalibrationStep<DriveConfig> = {
  title: "where the front wheels stand straight; look from above",
  async run(visit) {
    await bodyReady(visit, STEERING_CHANNEL);
    const offsetDeg = await centre(
      visit,
      STEERING_CHANNEL,
      "Degrees to the left (+) or right (-)",
      "straight",
    );
    visit.set({ steering_offset_deg: offsetDeg });
  },
};

/** Where the camera looks straight ahead. */
export const cameraStep: CalibrationStep<DriveConfig> = {
  title: "where the camera looks straight ahead",
  async run(visit) {
    await bodyReady(visit, STEERING_CHANNEL);
    const panDeg = await centre(visit, PAN_CHANNEL, "Degrees to the left (+) or right (-)", "straight ahead");
    const tiltDeg = await centre(visit, TILT_CHANNEL, "Degrees up (+) or down (-)", "level");
    visit.set({ pan_offset_deg: panDeg, tilt_offset_deg: tiltDeg });
  },
};

/** Turns a servo by what the person says until it stands right; answers the offset that makes this its centre. */
async function centre(
  { config, use, say, number }: CalibrationVisit<DriveConfig>,
  channel: number,
  question: string,
  aim: string,
): Promise<number> {
  const { servos } = settingsOf(config, use("board").describe(), "calibration");
  const { sign, offsetDeg } = servos.find((servo) => servo.channel === channel)!;
  const body = use("body");
  let angleDeg = 0;
  for (;;) {
    await body.servo(channel, angleDeg);
    const now = angleDeg === 0 ? "" : ` (by now ${angleDeg})`;
    const by = await number(`${question}, Enter when it stands ${aim}${now}:`, {
      min: -MOST_DEG,
      max: MOST_DEG,
    });
    if (by === undefined) break;
    const wanted = Number((angleDeg + by).toFixed(2));
    if (Math.abs(offsetDeg + sign * wanted) <= MOST_DEG) angleDeg = wanted;
    else say(`More than ${MOST_DEG} degrees: take the servo's horn off and put it on straight.`);
  }
  return Number((offsetDeg + sign * angleDeg).toFixed(2)) || 0;
}
