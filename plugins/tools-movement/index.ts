import { definePlugin } from "myna";
import { z } from "zod";
import { addMove, addStop, addTurn, Driving } from "./driving.ts";
import { addFollowLine, addKeepDistance } from "./following.ts";
import { addLook } from "./looking.ts";
import { addComeCloser, addMeasureDistance } from "./measuring.ts";
import { addSteer } from "./steering.ts";
import { Streams } from "./stream.ts";

const TOOLS = [
  "move",
  "turn",
  "steer",
  "stop",
  "look",
  "measure_distance",
  "come_closer",
  "keep_distance",
  "follow_line",
] as const;

const config = z.object({
  /** What a motion does when the user speaks over it. */
  on_interrupt: z.enum(["stop", "finish"]).default("stop"),
  /** What `come_closer` leaves free ahead, metres. */
  keep_m: z.number().min(0.05).max(2).default(0.25),
  /** The tools that are offered to the model; `stop` always is. */
  tools: z.array(z.enum(TOOLS)).default([...TOOLS]),
});

/** The body as tools: drive, turn, stop, look, measure. */
export default definePlugin({
  name: "tools-movement",
  config,
  requires: ["drive"],
  setup(ctx) {
    const { on_interrupt, keep_m } = ctx.config;
    const offered = new Set(ctx.config.tools);
    const sensor = ctx.use("distance");
    // A motion that may finish still ends with the plugin; the drive ends it on a lost link and at the end of its lease.
    const drive = ctx.use("drive");
    const body = ctx.use("body");
    const driving = new Driving(drive, new Streams(ctx, drive, body), (call) =>
      on_interrupt === "stop" ? call : ctx.signal,
    );
    addStop(ctx, driving);
    // Before `move`: where a sentence fits two tools, the local brain takes the first one.
    if (offered.has("come_closer")) addComeCloser(ctx, { sensor, driving, keepM: keep_m });
    if (offered.has("move")) addMove(ctx, driving);
    if (offered.has("turn")) addTurn(ctx, driving);
    if (offered.has("steer")) addSteer(ctx, driving);
    if (offered.has("keep_distance")) addKeepDistance(ctx, driving, body);
    if (offered.has("follow_line")) addFollowLine(ctx, driving, ctx.use("line"));
    if (offered.has("look")) addLook(ctx, ctx.use("head"));
    if (offered.has("measure_distance")) addMeasureDistance(ctx, sensor);
  },
});
