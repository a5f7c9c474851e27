import { definePlugin, MynaError } from "myna";
import type { Picture } from "myna";
import { z } from "zod";
import { describe } from "./description.ts";
import { render } from "./renderer.ts";

const config = z.object({
  /** Pixels; a multiple of 4. */
  width: z.number().int().min(64).max(1920).multipleOf(4).default(640),
  height: z.number().int().min(48).max(1080).default(480),
  /** JPEG quality, 1 to 100. */
  quality: z.number().int().min(1).max(100).default(80),
  /** Pictures a second for somebody who watches. */
  fps: z.number().min(1).max(30).default(5),
  /** From the body's centre to the lens, metres. */
  front_m: z.number().min(0).max(1).default(0.13),
});

/** The camera of the simulated robot. */
export default definePlugin({
  name: "camera-sim",
  config,
  requires: ["world"],
  provides: ["camera"],
  doctor: () => [{ name: "camera", state: "not_here", message: "simulated" }],
  setup(ctx) {
    const { width, height, quality, fps, front_m } = ctx.config;
    const world = ctx.use("world");
    let frames = 0;
    let renderMs = 0;
    const capture = async (): Promise<Picture> => {
      const startedMs = performance.now();
      const { x_m, y_m, heading_deg } = world.pose();
      const { panDeg, tiltDeg } = world.head();
      const room = world.room();
      const rad = (heading_deg * Math.PI) / 180;
      const view = {
        x: x_m + front_m * Math.cos(rad),
        y: y_m + front_m * Math.sin(rad),
        bearingDeg: heading_deg + panDeg,
        tiltDeg,
      };
      try {
        const raster = render(room, view, width, height);
        const description = describe(room, view, width, height);
        renderMs = Math.round(performance.now() - startedMs);
        const jpeg = await raster.jpeg(quality);
        frames++;
        return { jpeg, width, height, description };
      } catch (cause) {
        throw MynaError.from(cause, "DEVICE_FAILED");
      }
    };
    ctx.provide("camera", {
      capture,
      onPicture(handler) {
        let busy = false;
        const take = async () => {
          if (busy) return;
          busy = true;
          try {
            handler(await capture());
          } finally {
            busy = false;
          }
        };
        return ctx.every(
          1000 / fps,
          () => void take().catch((error: unknown) => ctx.log.debug(String(error))),
        );
      },
    });
    ctx.inspect(() => ({ frames, render_ms: renderMs }));
  },
});
