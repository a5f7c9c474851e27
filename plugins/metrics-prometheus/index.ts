import { definePlugin, MynaError } from "myna";
import { z } from "zod";
import { countCost } from "./cost-metrics.ts";
import { checkRuntime } from "./doctor.ts";
import { Exposition } from "./exposition.ts";
import { measureProcess } from "./process-metrics.ts";
import { countTopics, showHealth } from "./robot-metrics.ts";

const config = z.object({
  /** 0 takes any free port; the health report tells which. */
  port: z.number().int().min(0).max(65_535).default(9464),
  /** Address to listen on; another one than loopback shows the robot's state to the network. */
  host: z.string().min(1).default("127.0.0.1"),
});

/** `/metrics` for Prometheus and `/healthz` for whoever watches over the robot. */
export default definePlugin({
  name: "metrics-prometheus",
  config,
  doctor: ({ config: { host, port } }) => checkRuntime(host, port),
  setup(ctx) {
    const { port, host } = ctx.config;
    const metrics = new Exposition();
    countTopics(ctx, metrics);
    countCost(ctx, metrics);
    showHealth(ctx, metrics);
    measureProcess(ctx, metrics);
    const server = listen(port, host, ctx.id, (path) => {
      if (path === "/metrics")
        return new Response(metrics.text(), {
          headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        });
      if (path !== "/healthz") return new Response("/metrics or /healthz\n", { status: 404 });
      const report = ctx.report();
      return Response.json(report, { status: report.ok ? 200 : 503 });
    });
    ctx.defer(() => server.stop(true));
    ctx.inspect(() => ({ url: server.url.href }));
  },
});

function listen(port: number, host: string, id: string, answer: (path: string) => Response) {
  try {
    return Bun.serve({
      port,
      hostname: host,
      fetch: (request) =>
        request.method === "GET" || request.method === "HEAD"
          ? answer(new URL(request.url).pathname)
          : new Response("read only\n", { status: 405 }),
    });
  } catch (cause) {
    if (!Error.isError(cause) || !("code" in cause) || cause.code !== "EADDRINUSE") throw cause;
    throw new MynaError(
      "PORT_IN_USE",
      `[plugins.${id}] port: another program listens on ${host}:${port}; choose another port, or 0 for any free one`,
      { cause },
    );
  }
}
