import { definePlugin, MynaError } from "myna";
import { z } from "zod";
import { Door } from "./door.ts";
import { mount } from "./mounts.ts";
import type { Mounts } from "./mounts.ts";
import { isLoopback, SameSite } from "./same-site.ts";

const config = z.object({
  /** 0 takes any free port. */
  port: z.number().int().min(0).max(65_535).default(8321),
  /** Takes any free port where `port` is taken. */
  any_port: z.boolean().default(false),
  host: z.string().min(1).default("127.0.0.1"),
  /** Further names people reach it by. */
  names: z.array(z.string()).default([]),
});

interface State {
  mounts: Mounts;
  /** The port it had before a reload: pages come back to it. 0 at first. */
  port: number;
}

/** The robot's one web address. */
export default definePlugin({
  name: "web-door",
  config,
  provides: ["web"],
  state: (): State => ({ mounts: new Map(), port: 0 }),
  setup(ctx) {
    const { state } = ctx;
    const { host, names } = ctx.config;
    if (!isLoopback(host))
      throw new MynaError("CONFIG_INVALID", `[plugins.${ctx.id}] host: only loopback (127.0.0.1)`);
    const door = new Door({
      mounts: state.mounts,
      site: new SameSite({ host, names, tls: false }),
      identify: (_, address) => ({ role: "operator", key: address }),
      log: ctx.log,
    });
    const server = listen(door, ctx.id, ctx.config, state.port);
    state.port = server.port ?? 0;
    ctx.defer(() => server.stop(true));
    const url = () => server.url.href;
    ctx.provide("web", {
      url,
      route: (route) => mount(state.mounts, route.method, route),
      socket: (route) => mount(state.mounts, "SOCKET", route),
    });
    const health = () => Response.json({ status: "ok" });
    ctx.defer(mount(state.mounts, "GET", { method: "GET", path: "/health", role: "public", handle: health }));
    ctx.inspect(() => ({ url: url(), mounted: state.mounts.size, ...door.counters() }));
  },
});

/** At the port of before a reload, else the configured one, else any where that is wished for. */
function listen(door: Door, id: string, wanted: z.infer<typeof config>, before: number) {
  const { host: hostname, port, any_port } = wanted;
  const ports = [
    ...new Set([...(before > 0 && (any_port || port === 0) ? [before] : []), port, ...(any_port ? [0] : [])]),
  ];
  for (const one of ports) {
    try {
      return door.listen({ port: one, hostname });
    } catch (cause) {
      if (!Error.isError(cause) || !("code" in cause) || cause.code !== "EADDRINUSE") throw cause;
    }
  }
  throw new MynaError(
    "PORT_IN_USE",
    `[plugins.${id}] port: another program listens on ${hostname}:${port}; choose another port, or 0 for any free one`,
  );
}
