import { definePlugin } from "myna";
import { z } from "zod";

const config = z.object({
  button: z.enum(["user", "reset"]).default("user"),
  on_press: z.enum(["emergency_stop", "stop", "interrupt", "none"]).default("emergency_stop"),
  on_long_press: z.enum(["release", "shutdown", "none"]).default("release"),
  long_press_s: z.number().min(0.5).max(20).default(2),
  debounce_ms: z.number().int().min(0).max(200).default(20),
});

/** A button of the HAT: stops the robot when it is pressed. */
export default definePlugin({
  name: "button-gpio",
  config,
  requires: ["board"],
  async setup(ctx) {
    const { button, on_press, on_long_press, long_press_s, debounce_ms } = ctx.config;
    const board = ctx.use("board");
    const { lines } = board.describe();
    const chip = await board.openLines();
    let pressedAtMs: number | undefined;
    let presses = 0;
    let releasesInVain = 0;
    /** Nothing was to move already when it was pressed: the press that stops the robot never releases it. */
    let wasLatched = false;

    // Works without whatever it stops: what is not there needs no stopping.
    const press = () => {
      if (on_press === "none") return;
      if (on_press === "emergency_stop") ctx.emergencyStop(`the ${button} button was pressed`);
      if (on_press === "stop" && ctx.has("drive")) ctx.use("drive").stop(`${button} button`);
      if (on_press === "interrupt") ctx.session.interrupt();
      else ctx.session.dismiss();
    };
    const longPress = () => {
      if (on_long_press === "shutdown") ctx.shutdown(0, `the ${button} button was held`);
      if (on_long_press === "release" && !ctx.has("body")) {
        releasesInVain++;
        ctx.log.warn("nothing was released: the drive is away");
      } else if (on_long_press === "release" && wasLatched)
        ctx
          .use("body")
          .release()
          .catch((error: unknown) =>
            ctx.log.warn("the stop could not be released", { error: String(error) }),
          );
    };
    const change = (pressed: boolean) => {
      if (pressed === (pressedAtMs !== undefined)) return;
      const heldMs = pressedAtMs === undefined ? 0 : Math.round(performance.now() - pressedAtMs);
      pressedAtMs = pressed ? performance.now() : undefined;
      if (pressed) {
        presses++;
        wasLatched = ctx.has("body") && ctx.use("body").state()?.latched !== undefined;
        press();
      } else if (heldMs >= long_press_s * 1000) longPress();
      ctx.publish("button.changed", { button, pressed, held_ms: heldMs });
    };
    // Pressed is low (robot-hat documentation).
    const line = chip.input(
      button === "user" ? lines.userButton : lines.resetButton,
      { consumer: `myna ${ctx.id}`, pull: "up", activeLow: true, debounceUs: debounce_ms * 1000 },
      ({ active }) => {
        if (!active) ctx.health("ready");
        change(active);
      },
    );
    ctx.defer(() => line.close());
    if (line.get()) ctx.health("degraded", `the ${button} button is held down, or its line is low`);
    ctx.inspect(() => ({
      ...{ button, presses, pressed: pressedAtMs !== undefined },
      releases_in_vain: releasesInVain,
    }));
  },
});
