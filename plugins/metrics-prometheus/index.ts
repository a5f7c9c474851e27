import { definePlugin, MynaError } from "myna";
import type { PluginContext } from "myna";
import { z } from "zod";
import { isMetric, renderAliases } from "./aliases.ts";
import { countCost } from "./cost-metrics.ts";
import { checkRuntime } from "./doctor.ts";
import { Exposition } from "./exposition.ts";
import { OwnNames } from "./own-names.ts";
import { measureProcess } from "./process-metrics.ts";
import { countTopics, showHealth } from "./robot-metrics.ts";
import { countCalls } from "./talk-metrics.ts";

const TEXT_FORMAT = { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } };
const PATHS = ["/metrics", "/metrics/older", "/healthz"] as const;

const config = z.object({
  /** 0 takes any free port; the health report tells which. */
  port: z.number().int().min(0).max(65_535).default(9464),
  /** Address to listen on; another one than loopback shows the robot's state to the network. */
  host: z.string().min(1).default("127.0.0.1"),
  any_port: z.boolean().default(false),
  /** Further names by which Prometheus reaches it. */
  names: z.array(z.string()).default([]),
  door: z.boolean().default(false),
  aliases: z
    .record(
      z.string().regex(/^[a-z_][a-z0-9_]*$/i, "expected a metric's name"),
      z.string().refine(isMetric, 'expected a metric, or some of its series: name{label="value"}'),
    )
    .default({ voice_first_audio_ms: 'myna_talk_seconds{figure="first_audio"}' }),
});

/** `/metrics` for Prometheus and `/healthz` for whoever watches over the robot. */
export default definePlugin({
  name: "metrics-prometheus",
  config,
  doctor: (visit) => checkRuntime(visit.config.host, visit.config.port, visit),
  setup(ctx) {
    const { port, host, any_port, names, door, aliases } = ctx.config;
    const metrics = new Exposition();
    countTopics(ctx, metrics);
    countCost(ctx, metrics);
    countCalls(ctx, metrics);
    showHealth(ctx, metrics);
    measureProcess(ctx, metrics);
    const answer = (path: string): Response => {
      if (path === "/metrics") return new Response(metrics.text(), TEXT_FORMAT);
      if (path === "/metrics/older") return new Response(renderAliases(metrics.text(), aliases), TEXT_FORMAT);
      if (path !== "/healthz") return new Response(`${PATHS.join(", ")}\n`, { status: 404 });
      const report = ctx.report();
      return Response.json(report, { status: report.ok ? 200 : 503 });
    };
    if (door) return mountAtDoor(ctx, answer);
    const own = new OwnNames(names);
    const guarded = (request: Request) =>
      own.has(request.headers.get("host") ?? "")
        ? answer(new URL(request.url).pathname)
        : new Response("this address is not known here by that name\n", { status: 421 });
    const ports = any_port ? [port, 0] : [port];
    const server = listen(ports, host, ctx.id, guarded);
    if (server.port !== port && port !== 0) ctx.log.info("listens at another port", { port: server.port });
    ctx.defer(() => server.stop(true));
    ctx.inspect(() => ({ url: server.url.href }));
  },
});

/** The door may come later, and stays mounted while it is loaded anew. */
function mountAtDoor(ctx: PluginContext, answer: (path: string) => Response): void {
  const web = ctx.use("web");
  let mounted = false;
  const mount = () => {
    if (mounted || !ctx.has("web")) return;
    mounted = true;
    for (const path of PATHS)
      ctx.defer(web.route({ method: "GET", path, role: "viewer", handle: () => answer(path) }));
    ctx.health("ready");
  };
  ctx.health("degraded", "waits for the service web");
  ctx.on("plugin.state_changed", mount);
  mount();
  ctx.inspect(() => ({ url: ctx.has("web") ? web.url() : "" }));
}

function listen(
  [port = 0, ...others]: number[],
  host: string,
  id: string,
  answer: (request: Request) => Response,
): Bun.Server<undefined> {
  try {
    return Bun.serve({
      port,
      hostname: host,
      // Without development mode Bun 1.4.5 shares a port that another program listens on.
      reusePort: false,
      fetch: (request) =>
        request.method === "GET" || request.method === "HEAD"
          ? answer(request)
          : new Response("read only\n", { status: 405 }),
    });
  } catch (cause) {
    if (!Error.isError(cause) || !("code" in cause) || cause.code !== "EADDRINUSE") throw cause;
    if (others.length > 0) return listen(others, host, id, answer);
    throw new MynaError(
      "PORT_IN_USE",
      `[plugins.${id}] port: another program listens on ${host}:${port}; choose another port, or 0 for any free one`,
      { cause },
    );
  }
}
