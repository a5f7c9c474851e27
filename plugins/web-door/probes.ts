import type { PluginContext, WebRoute } from "myna";

/** What those ask who keep the process running: whether it lives, and whether it may be sent somebody. */
export function probes(ctx: PluginContext, draining: () => boolean): WebRoute[] {
  const probe = (path: string, fault: () => string | undefined): WebRoute => ({
    method: "GET",
    path,
    role: "public",
    handle() {
      const status = fault();
      return Response.json({ status: status ?? "ok" }, { status: status === undefined ? 200 : 503 });
    },
  });
  // Nothing else: the public learns no names.
  const down = () => ctx.report().plugins.some(({ state }) => state !== "ready" && state !== "degraded");
  return [
    probe("/health", () => undefined),
    probe("/ready", () => (draining() ? "draining" : down() ? "starting" : undefined)),
  ];
}
