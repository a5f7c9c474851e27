import type { PluginContext, WebRoute } from "myna";

/** Nobody is told to wait with a stop. */
const OFTEN = 60_000;

/** The emergency stop: latched until it is released. What is not there needs no stopping. */
export function stopRoutes(ctx: PluginContext): WebRoute[] {
  const state = () => ({ latched: (ctx.has("body") && ctx.use("body").state()?.latched) || null });
  return [
    {
      method: "POST",
      path: "/stop",
      // Whoever sees the danger stops it; only an operator lets the robot move again.
      role: "viewer",
      maxPerMinute: OFTEN,
      handle: (_, caller) => {
        ctx.emergencyStop(`the web page of ${caller.address}`);
        ctx.session.dismiss();
        ctx.publish("user.stopped", { by: caller.address });
        return Response.json({ stopped: ctx.has("body") || ctx.has("drive") });
      },
    },
    {
      method: "POST",
      path: "/stop/release",
      role: "operator",
      async handle() {
        const released = ctx.has("body");
        if (released) await ctx.use("body").release();
        return Response.json({ ...state(), released });
      },
    },
    { method: "GET", path: "/stop", role: "viewer", handle: () => Response.json(state()) },
  ];
}
