import { definePlugin } from "myna";
import type { WebRoute } from "myna";
import { z } from "zod";
import { Conversation } from "./conversation.ts";
import { Desk } from "./desk.ts";
import { Gauges } from "./gauges.ts";
import { LiveModel, newMemory } from "./live-model.ts";
import { keepLog } from "./log-lines.ts";
import { PageFiles } from "./page-files.ts";
import { keepPath } from "./path.ts";
import { watchStatus } from "./status.ts";

/** A page that is open sends more than this only in a fault. */
const MESSAGES_PER_S = 200;
const MESSAGE_BYTES = 8192;
const ASSETS = "/assets/";

const config = z.object({
  /** Metres per second at the full throw of a key, a stick or a pad. */
  max_speed_mps: z.number().min(0.05).max(0.6).default(0.4),
  /** Pictures a second for each page. */
  camera_fps: z.number().min(1).max(10).default(5),
});

/** The robot's page: see it, talk to it, drive it, stop it. */
export default definePlugin({
  name: "web-console",
  config,
  requires: ["web"],
  state: newMemory,
  setup(ctx) {
    const { max_speed_mps: maxSpeedMps, camera_fps: cameraFps } = ctx.config;
    const web = ctx.use("web");
    const model = new LiveModel(ctx.state);
    const page = new PageFiles(ctx.log);
    watchStatus(ctx, model);
    keepLog(ctx, model);
    keepPath(ctx, model);
    const gauges = new Gauges(ctx, model, { own: ctx.id, build: () => page.build, maxSpeedMps, cameraFps });
    const conversation = new Conversation(ctx, model);
    const desk = new Desk({ ctx, model, conversation, gauges, maxSpeedMps, cameraFps });
    ctx.defer(() => desk.close());

    const show = (path: string, name: (pathname: string) => string): WebRoute => ({
      method: "GET",
      path,
      role: "viewer",
      handle: (request) => page.serve(name(new URL(request.url).pathname), request),
    });
    ctx.defer(web.route(show("/", () => "index.html")));
    ctx.defer(web.route(show(`${ASSETS}*`, (pathname) => pathname.slice(ASSETS.length))));
    const socket = web.socket({
      path: "/console/socket",
      role: "viewer",
      maxMessageBytes: MESSAGE_BYTES,
      maxMessagesPerSecond: MESSAGES_PER_S,
      open: (peer) => desk.open(peer),
    });
    ctx.defer(socket);
    ctx.inspect(() => desk.counters());
  },
});
