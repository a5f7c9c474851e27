import { definePlugin } from "myna";
import { z } from "zod";
import { PATTERNS, patternOf } from "./patterns.ts";
import type { Pattern, RobotState } from "./patterns.ts";

/** How often it is looked whether the body may move. */
const LATCH_PERIOD_MS = 250;

/** The LED of the HAT: shows how the robot does, or what a tool wants it to show. */
export default definePlugin({
  name: "led-gpio",
  config: z.object({
    /** Nothing by itself: only what a tool shows. */
    shows_state: z.boolean().default(true),
  }),
  requires: ["board"],
  provides: ["led"],
  async setup(ctx) {
    const board = ctx.use("board");
    const { led } = board.describe().lines;
    const chip = await board.openLines();
    const line = chip.output(led, { consumer: `myna ${ctx.id}`, high: false });
    const robot: RobotState = {
      latched: false,
      failed: false,
      link: "idle",
      userSpeaks: false,
      robotSpeaks: false,
      waiting: false,
    };
    let shown: Pattern = "off";
    let asked: Pattern | undefined;
    let undoStep = () => {};

    const step = (at: number) => {
      const lengths = PATTERNS[shown];
      line.set(at % 2 === 0 && lengths[0]! > 0);
      if (lengths.length > 1) undoStep = ctx.after(lengths[at]!, () => step((at + 1) % lengths.length));
    };
    const refresh = () => {
      const pattern = asked ?? (ctx.config.shows_state ? patternOf(robot) : "off");
      if (pattern === shown) return;
      shown = pattern;
      undoStep();
      step(0);
    };
    const know = (news: Partial<RobotState>) => {
      Object.assign(robot, news);
      refresh();
    };
    ctx.on("session.state_changed", ({ state }) =>
      know({ link: state === "ready" || state === "idle" ? state : "other" }),
    );
    ctx.on("user.speech_started", () => know({ userSpeaks: true, waiting: false }));
    ctx.on("user.speech_stopped", () => know({ userSpeaks: false }));
    ctx.on("user.committed", () => know({ userSpeaks: false, waiting: true }));
    ctx.on("playback.started", () => know({ robotSpeaks: true, waiting: false }));
    ctx.on("playback.stopped", () => know({ robotSpeaks: false }));
    ctx.on("response.finished", () => know({ waiting: false }));
    const failed = new Set<string>();
    ctx.on("plugin.state_changed", ({ id, state }) => {
      if (state === "failed" || state === "quarantined") failed.add(id);
      else failed.delete(id);
      know({ failed: failed.size > 0 });
    });
    ctx.every(LATCH_PERIOD_MS, () =>
      know({ latched: ctx.has("body") && ctx.use("body").state()?.latched !== undefined }),
    );
    ctx.provide("led", {
      set(pattern) {
        asked = pattern === "auto" ? undefined : pattern;
        refresh();
      },
    });
    ctx.defer(() => {
      line.set(false);
      line.close();
    });
    ctx.inspect(() => ({ shows: shown }));
    refresh();
  },
});
