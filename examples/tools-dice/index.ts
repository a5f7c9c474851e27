import { definePlugin } from "myna";
import { z } from "zod";
import { roll } from "./roll.ts";

declare module "myna" {
  interface Topics {
    /** A dice was rolled. */
    "dice.rolled": { sides: number; value: number };
  }
}

export default definePlugin({
  name: "tools-dice",
  config: z.object({ max_sides: z.number().int().min(2).default(20) }),
  state: () => ({ rolls: 0 }),
  setup(ctx) {
    ctx.tool({
      name: "roll_dice",
      description: "Rolls one dice and says what came up.",
      examples: ["roll a dice", "roll a dice with {sides} sides"],
      parameters: z.object({ sides: z.number().int().min(2).max(ctx.config.max_sides).default(6) }),
      execute({ sides }) {
        const value = roll(sides);
        ctx.state.rolls++;
        ctx.publish("dice.rolled", { sides, value });
        return `rolled a ${value} with ${sides} sides; that was roll number ${ctx.state.rolls}`;
      },
    });
    ctx.inspect(() => ({ rolls: ctx.state.rolls }));
  },
});
