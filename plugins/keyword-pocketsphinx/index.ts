import { MynaError, definePlugin } from "myna";
import { z } from "zod";
import { Ears } from "./ears.ts";
import { keywords } from "./phrases.ts";
import type { Keyword } from "./phrases.ts";
import { DICTIONARY, missing } from "./sphinx.ts";

/** Listens for a few words without any server, while the robot speaks too: "stop" stops it, its name wakes it. */
export default definePlugin({
  name: "keyword-pocketsphinx",
  config: z.object({
    stop_words: z.array(z.string().min(1)).default(["stop"]),
    wake_words: z.array(z.string().min(1)).default(["hello robot"]),
    stop_sensitivity: z.enum(["low", "normal", "high"]).default("normal"),
    wake_sensitivity: z.enum(["low", "normal", "high"]).default("normal"),
    sounds: z.record(z.string(), z.array(z.string().min(1)).min(1)).default({}),
  }),
  async setup(ctx) {
    const hint = missing();
    if (hint) throw new MynaError("SPEECH_UNAVAILABLE", hint);
    const counters = { stops: 0, wakes: 0, own_words: 0 };
    const heard = ({ name, role }: Keyword, own: boolean) => {
      if (own) {
        counters.own_words++;
        return;
      }
      counters[role === "stop" ? "stops" : "wakes"]++;
      if (role === "stop") {
        if (ctx.has("drive")) ctx.use("drive").stop("the stop word was heard");
        ctx.session.dismiss();
      }
      ctx.publish("keyword.heard", { phrase: name, role, heard_at_ms: performance.now() });
    };
    const ears = new Ears(keywords(ctx.config, DICTIONARY), heard);
    ctx.defer(() => ears.kill());
    await ears.ready;
    void ears.ended.then(() => {
      if (!ctx.signal.aborted)
        ctx.fail(new MynaError("DEVICE_FAILED", "the word recogniser's process ended"));
    });
    // Behind all others of the chain, before half duplex: the words must be heard while the robot speaks.
    ctx.audio.addStage({ slot: "gain", process: (frame, reference) => ears.frame(frame, reference) });
    ctx.inspect(() => ({ ...counters, dropped_frames: ears.droppedFrames }));
  },
});
