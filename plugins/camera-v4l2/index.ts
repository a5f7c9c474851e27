import { JpegSplitter, MynaError, VideoChild, definePlugin } from "myna";
import type { Picture } from "myna";
import { z } from "zod";
import { checkCamera } from "./doctor.ts";
import { candidates, setFormat } from "./device.ts";
import type { VideoFormat } from "./device.ts";
import { FixedSplitter, bmpOfYuyv } from "./yuyv.ts";

const config = z.object({
  device: z.string().min(1).default("auto"),
  width: z.number().int().min(64).max(1920).multipleOf(2).default(640),
  height: z.number().int().min(48).max(1080).default(480),
  fps: z.number().int().min(1).max(60).default(10),
  /** JPEG quality where the camera gives bare pixels. */
  quality: z.number().int().min(1).max(100).default(70),
  program: z.string().min(1).default("v4l2-ctl"),
});

/** A frame as the camera gave it. */
type Frame = Uint8Array | Picture;

/** A USB camera, through Video4Linux. */
export default definePlugin({
  name: "camera-v4l2",
  config,
  provides: ["camera"],
  doctor: (visit) => checkCamera(visit),
  async setup(ctx) {
    const { device: wanted, width, height, fps, quality } = ctx.config;
    const program = Bun.which(ctx.config.program);
    if (!program)
      throw new MynaError(
        "DEVICE_NOT_FOUND",
        `${ctx.config.program} is not installed: sudo apt install v4l-utils`,
      );
    const { device, format } = await open(program, wanted, { width, height, fps });
    const command = [program, "-d", device, "--stream-mmap=3", "--stream-to=-", "--silent"];
    const child = new VideoChild<Frame>({
      command,
      splitter: (onFrame) =>
        format.pixels === "MJPG"
          ? new JpegSplitter(onFrame)
          : new FixedSplitter(format.width * format.height * 2, onFrame),
    });
    ctx.defer(() => child.close());
    await child.first;
    void child.failed.then((error) => ctx.fail(error));

    const pictureOf = async (frame: Frame): Promise<Picture> => {
      if (!(frame instanceof Uint8Array)) return frame;
      const bmp = bmpOfYuyv(frame, format.width, format.height);
      const jpeg = await new Bun.Image(bmp).jpeg({ quality }).bytes();
      return { jpeg, width: format.width, height: format.height };
    };
    const periodMs = 1000 / fps;
    ctx.provide("camera", {
      capture: async () => pictureOf(await child.frame(3 * periodMs + 100, 1000 + 3 * periodMs)),
      onPicture(handler) {
        let busy = false;
        return child.onFrame((frame) => {
          if (busy) return;
          busy = true;
          pictureOf(frame)
            .then(handler, (error: unknown) => ctx.log.debug("a picture was lost", { error: String(error) }))
            .finally(() => (busy = false));
        });
      },
    });
    ctx.inspect(() => ({ device, ...format, pid: child.pid, ...child.counters() }));
  },
});

async function open(
  program: string,
  wanted: string,
  size: { width: number; height: number; fps: number },
): Promise<{ device: string; format: VideoFormat }> {
  for (const device of candidates(wanted)) {
    const format = await setFormat(program, device, size);
    if (format) return { device, format };
  }
  const what = wanted === "auto" ? "no camera" : `no camera "${wanted}"`;
  throw new MynaError("DEVICE_NOT_FOUND", `there is ${what} that gives MJPG or YUYV`);
}
