import { JpegSplitter, MynaError, VideoChild, definePlugin } from "myna";
import type { JpegFrame } from "myna";
import { z } from "zod";
import { checkCamera } from "./doctor.ts";

/** Raspberry Pi OS from 2024 on, and before. */
const PROGRAMS = ["rpicam-vid", "libcamera-vid"];

const config = z.object({
  width: z.number().int().min(64).max(1920).default(640),
  height: z.number().int().min(48).max(1080).default(480),
  fps: z.number().min(1).max(60).default(10),
  quality: z.number().int().min(1).max(100).default(70),
  upside_down: z.boolean().default(false),
  /** Program instead of rpicam-vid. */
  program: z.string().min(1).optional(),
  extra: z.array(z.string()).default([]),
});

/** A camera on the ribbon cable of a Raspberry Pi. */
export default definePlugin({
  name: "camera-rpicam",
  config,
  provides: ["camera"],
  doctor: ({ config: { program }, run }) => checkCamera(program, run),
  async setup(ctx) {
    const { width, height, fps, quality, upside_down, program, extra } = ctx.config;
    const found = (program === undefined ? PROGRAMS : [program]).map((name) => Bun.which(name)).find(Boolean);
    if (!found) {
      const wanted = program ?? "rpicam-vid";
      throw new MynaError("DEVICE_NOT_FOUND", `${wanted} is not installed: sudo apt install rpicam-apps`);
    }
    // Without --flush the end of each picture waits in the program for the next one.
    const command = [
      ...[found, "-n", "-t", "0", "--codec", "mjpeg", "-q", `${quality}`, "--flush", "-o", "-"],
      ...["--width", `${width}`, "--height", `${height}`, "--framerate", `${fps}`],
      ...(upside_down ? ["--rotation", "180"] : []),
      ...extra,
    ];
    const child = new VideoChild<JpegFrame>({ command, splitter: (onFrame) => new JpegSplitter(onFrame) });
    ctx.defer(() => child.close());
    await child.first;
    void child.failed.then((error) => ctx.fail(error));
    const periodMs = 1000 / fps;
    ctx.provide("camera", {
      capture: () => child.frame(3 * periodMs, 1000 + 3 * periodMs),
      onPicture: (handler) => child.onFrame(handler),
    });
    ctx.inspect(() => ({ pid: child.pid, ...child.counters() }));
  },
});
