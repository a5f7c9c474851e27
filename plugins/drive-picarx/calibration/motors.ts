import type { CalibrationStep } from "myna";
import type { DriveConfig } from "../config.ts";
import { STEERING_CHANNEL, settingsOf } from "../settings-of.ts";
import { bodyReady, driveShortly } from "./short-drive.ts";

const SPEED_MPS = 0.2;
const SECONDS = 0.7;

/** Which way each motor turns. Backward, since forward the guards see no floor under a car that is held up. */
export const motorsStep: CalibrationStep<DriveConfig> = {
  title: "which way the motors turn; put something under the car, so that its wheels turn freely",
  async run(visit) {
    const { config, use, say, choose, set } = visit;
    const { leftSign, rightSign } = settingsOf(config, use("board").describe(), "calibration").motors;
    await bodyReady(visit, STEERING_CHANNEL);
    let answer: "b" | "l" | "r" | "n" | "again";
    do {
      const question = `Both wheels are to turn BACKWARD for ${SECONDS} s. Is nothing in the way?`;
      if ((await choose(question, ["n", "y"])) === "n")
        return say("Nothing has turned. The motors stay as they are.");
      await driveShortly(visit, -SPEED_MPS, SECONDS);
      answer = await choose(
        "Which turned backward? (b)oth, only the (l)eft, only the (r)ight, (n)one, or again",
        [...(["b", "l", "r", "n", "again"] as const)],
      );
    } while (answer === "again");
    const left = answer === "b" || answer === "l" ? leftSign : -leftSign;
    const right = answer === "b" || answer === "r" ? rightSign : -rightSign;
    set({ left_motor_sign: left, right_motor_sign: right });
    if (answer !== "b") say("That is turned round now; `--only motors` looks once more.");
  },
};
