import { definePlugin, filePath, MynaError, RATE_HZ } from "myna";
import { z } from "zod";
import { BUILT_IN } from "./built-in.ts";
import { readSoundFolder } from "./sound-folder.ts";
import { synthesize } from "./synthesis.ts";

const config = z.object({
  /** A folder of WAV files; a file named like a built-in sound replaces it. */
  dir: filePath().optional(),
  /** Loudness beside the robot's speech, 0 to 1. */
  gain: z.number().min(0).max(1).default(0.5),
});

/** Sounds by name: built-in ones that are computed, and those of a folder. */
export default definePlugin({
  name: "sounds",
  config,
  provides: ["sounds"],
  check: ({ dir }) => void (dir !== undefined && readSoundFolder(dir)),
  setup(ctx) {
    const { dir, gain } = ctx.config;
    const computed = new Map<string, Int16Array>();
    const files = dir === undefined ? undefined : readSoundFolder(dir, `[plugins.${ctx.id}] dir`);
    if (files && files.problems.length > 0) {
      ctx.log.warn("some sounds cannot be used", { dir, problems: files.problems });
      ctx.health("degraded", files.problems.join("; "));
    }
    const names = [...new Set([...Object.keys(BUILT_IN), ...(files?.sounds.keys() ?? [])])];
    const find = (name: string): Int16Array => {
      const ready = files?.sounds.get(name) ?? computed.get(name);
      if (ready) return ready;
      const tones = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
      if (!tones) {
        throw new MynaError("SOUND_UNKNOWN", `there is no sound "${name}"; there are: ${names.join(", ")}`);
      }
      const pcm = synthesize(tones);
      computed.set(name, pcm);
      return pcm;
    };
    let played = 0;
    ctx.provide("sounds", {
      names: () => [...names],
      async play(name) {
        const pcm = find(name);
        await ctx.audio.playSound(pcm, gain);
        played++;
        ctx.publish("sound.played", { name });
        return { durationMs: Math.round((pcm.length / RATE_HZ) * 1000) };
      },
    });
    ctx.inspect(() => ({ sounds: names.length, played }));
  },
});
