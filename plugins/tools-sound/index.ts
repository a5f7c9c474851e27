import { definePlugin } from "myna";
import { z } from "zod";

const config = z.object({
  /** Played when no name is given; the first of the provider's sounds if it has none of this name. */
  default_sound: z.string().min(1).default("chime"),
});

/** The sounds as a tool. */
export default definePlugin({
  name: "tools-sound",
  config,
  requires: ["sounds"],
  setup(ctx) {
    const sounds = ctx.use("sounds");
    const [first, ...others] = sounds.names();
    if (first === undefined) {
      ctx.health("degraded", "there is no sound to play");
      return;
    }
    const names = [first, ...others];
    const usual = names.includes(ctx.config.default_sound) ? ctx.config.default_sound : first;
    ctx.tool({
      name: "play_sound",
      description: `Plays a sound through the robot's loudspeaker: ${names.join(", ")}.`,
      parameters: z.object({
        name: z.enum(names).optional().describe(`Which sound; ${usual} if left out.`),
      }),
      examples: ["play a sound", "make a sound", "make a noise", "play the {name}", "play a {name}"],
      timeoutMs: 60_000,
      async execute({ name = usual }) {
        const { durationMs } = await sounds.play(name);
        return { name, duration_ms: durationMs, summary: `I played the ${name}.` };
      },
    });
  },
});
