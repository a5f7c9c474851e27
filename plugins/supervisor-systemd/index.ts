import { definePlugin } from "myna";
import { z } from "zod";
import { checkUnit } from "./doctor.ts";
import { NotifySocket } from "./notify-socket.ts";

/** Signs of life in one time limit of the watchdog (sd_watchdog_enabled(3) advises half of it). */
const SIGNS = 3;

/**
 * Tells systemd that the robot is ready, that it lives and how it does. A runtime whose event loop hangs says nothing more:
 * systemd then kills it, stops the wheels and starts it anew. Without systemd it does nothing.
 */
export default definePlugin({
  name: "supervisor-systemd",
  config: z.object({
    /** Longest time between two states that are told, seconds. */
    status_s: z.number().min(1).max(3600).default(10),
  }),
  doctor: checkUnit,
  setup(ctx) {
    const { NOTIFY_SOCKET: path, WATCHDOG_USEC: watchdogUs } = process.env;
    if (!path) {
      ctx.inspect(() => ({ supervised: false }));
      return;
    }
    const socket = new NotifySocket(path);
    let told = "";
    let refused = 0;
    const tell = (state: string) => {
      if (!socket.send(state)) refused++;
    };
    const tellStatus = () => {
      const { ok, session, plugins } = ctx.report();
      const ill = plugins.filter(({ state }) => state !== "ready" && state !== "disabled");
      const status = `link ${session.state}${ok ? "" : `; not well: ${ill.map(({ id }) => id).join(", ")}`}`;
      if (status !== told) tell(`STATUS=${status}`);
      told = status;
    };
    const limitMs = Number(watchdogUs) / 1000;
    if (limitMs > 0) ctx.every(limitMs / SIGNS, () => tell("WATCHDOG=1"));
    ctx.every(ctx.config.status_s * 1000, tellStatus);
    ctx.on("runtime.ready", () => {
      tell("READY=1");
      tellStatus();
    });
    ctx.on("runtime.stopping", () => tell("STOPPING=1"));
    ctx.defer(() => socket.close());
    ctx.inspect(() => ({ supervised: true, watchdog_ms: limitMs > 0 ? limitMs : null, refused }));
  },
});
