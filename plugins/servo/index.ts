import { MynaError, definePlugin } from "myna";
import { z } from "zod";

/** SunFounder's servo: 60 degrees in 0.14 s at 4.8 V. */
const SLEW_DEG_PER_S = 428;
/** From the request to the servo's first step: the way to the motion process, its tick, and a servo's frame of 20 ms. */
const BEGIN_MS = 80;

const config = z.object({
  /** HAT channels of the camera's servos. */
  pan_channel: z.number().int().min(0).max(11).default(0),
  tilt_channel: z.number().int().min(0).max(11).default(1),
});

/** The camera's pan and tilt, through the motion process. */
export default definePlugin({
  name: "servo",
  config,
  requires: ["body"],
  provides: ["head"],
  state: () => ({ panDeg: 0, tiltDeg: 0 }),
  setup(ctx) {
    const { config: channels, state } = ctx;
    const body = ctx.use("body");
    ctx.provide("head", {
      async look({ panDeg, tiltDeg }) {
        const from = { ...state };
        for (const [name, angleDeg] of Object.entries({ panDeg, tiltDeg })) {
          if (angleDeg !== undefined && !Number.isFinite(angleDeg))
            throw new MynaError("MOTION_REFUSED", `${name} must be a number, not ${angleDeg}`);
        }
        if (panDeg !== undefined) state.panDeg = (await body.servo(channels.pan_channel, panDeg)).angleDeg;
        if (tiltDeg !== undefined)
          state.tiltDeg = (await body.servo(channels.tilt_channel, tiltDeg)).angleDeg;
        const wayDeg = Math.max(Math.abs(state.panDeg - from.panDeg), Math.abs(state.tiltDeg - from.tiltDeg));
        if (wayDeg > 0) await Bun.sleep(BEGIN_MS + Math.ceil((wayDeg / SLEW_DEG_PER_S) * 1000));
        return { ...state };
      },
      angles: () => ({ ...state }),
    });
    ctx.inspect(() => ({ ...state }));
  },
});
