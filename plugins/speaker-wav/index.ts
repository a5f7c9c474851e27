import { MynaError, PACED_DEVICE, RATE_HZ, WavWriter, definePlugin, filePath } from "myna";
import { z } from "zod";

/** A loudspeaker without hardware: takes samples at the pace of a real one, and can keep them in a file. */
export default definePlugin({
  name: "speaker-wav",
  config: z.object({ file: filePath().optional() }),
  state: () => ({ recordings: 0 }),
  doctor: () => [{ name: "loudspeaker", state: "not_here", message: "simulated" }],
  async setup(ctx) {
    const { file } = ctx.config;
    if (file !== undefined) {
      const writer = create(numbered(file, ++ctx.state.recordings));
      ctx.defer(() => writer.close());
      ctx.audio.onPlayed((frame) => writer.write(frame));
    }
    const device = await ctx.audio.openPlayback({ module: PACED_DEVICE, options: {} });
    void device.failed.then((error) => ctx.fail(error));
  },
});

function create(file: string): WavWriter {
  try {
    return new WavWriter(file, RATE_HZ);
  } catch (cause) {
    throw new MynaError("CONFIG_INVALID", `file: cannot write ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** A reload must not overwrite what was recorded before it. */
function numbered(file: string, recording: number): string {
  return recording === 1 ? file : `${file.replace(/\.wav$/i, "")}-${recording}.wav`;
}
