import { definePlugin } from "myna";
import { z } from "zod";

/** What each pattern is called in a sentence. */
const SAID = {
  on: "My light is on.",
  off: "My light is off.",
  blink: "My light is blinking.",
  pulse: "My light is pulsing.",
  auto: "My light shows how I am.",
} as const;

/** The robot's light as a tool. */
export default definePlugin({
  name: "tools-light",
  config: z.object({}),
  requires: ["led"],
  setup(ctx) {
    const led = ctx.use("led");
    ctx.tool({
      name: "set_led",
      description:
        "Sets the robot's light. It stays so until it is set again; auto lets it show the robot's own state, as it usually does.",
      parameters: z.object({
        pattern: z.enum(["on", "off", "blink", "pulse", "auto"]).describe("What the light does."),
      }),
      examples: ["turn the light {pattern}", "switch the light {pattern}", "let the light {pattern}"],
      timeoutMs: 5000,
      execute({ pattern }) {
        led.set(pattern);
        return { pattern, summary: SAID[pattern] };
      },
    });
  },
});
