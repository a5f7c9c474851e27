import { MynaError, PACED_DEVICE, decodeWav, definePlugin, filePath, isMynaError } from "myna";
import { readFileSync } from "node:fs";
import { z } from "zod";

/** A microphone without hardware: hears silence, what the program feeds, and the file of its config. */
export default definePlugin({
  name: "mic-wav",
  config: z.object({
    file: filePath().optional(),
    loop: z.boolean().default(false),
    start_after_s: z.number().min(0).max(86_400).default(0),
  }),
  state: () => ({ spoken: false }),
  check: ({ file }) => void (file !== undefined && load(file)),
  doctor: () => [{ name: "microphone", state: "not_here", message: "simulated" }],
  async setup(ctx) {
    const { file, loop, start_after_s } = ctx.config;
    const pcm = file === undefined ? undefined : load(file);
    const device = await ctx.audio.openCapture({ module: PACED_DEVICE, options: {} });
    void device.failed.then((error) => ctx.fail(error));
    // After a reload the file is not spoken once more.
    if (!pcm || (ctx.state.spoken && !loop)) return;
    ctx.after(start_after_s * 1000, () => {
      ctx.state.spoken = true;
      void speak(pcm).catch((error: unknown) => {
        if (!ctx.signal.aborted) ctx.log.warn("the file was not spoken to its end", { error: String(error) });
      });
    });

    async function speak(sound: Int16Array): Promise<void> {
      do await ctx.audio.feed(sound);
      while (loop && !ctx.signal.aborted);
    }
  },
});

function load(file: string): Int16Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new MynaError("CONFIG_INVALID", `file: cannot read ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  try {
    return decodeWav(bytes).pcm;
  } catch (cause) {
    if (!isMynaError(cause)) throw cause;
    throw new MynaError(cause.code, `file: ${file}: ${cause.message}`, { cause });
  }
}
