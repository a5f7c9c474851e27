import { MynaError, definePlugin } from "myna";
import type { ErrorCode } from "myna";
import { readOfferRequest } from "./offer-request.ts";
import { talkPageScript } from "./page-script.ts";
import type { Switchboard } from "./switchboard.ts";
import { talkConfig } from "./talk-config.ts";

/** HTTP's word for what can go wrong with an offer; anything else is ours. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  ARGUMENT_INVALID: 400,
  DEVICE_BUSY: 409,
  DEVICE_NOT_FOUND: 503,
  LINK_CLOSED: 503,
  SHUTTING_DOWN: 503,
};
const LOOPBACK = /^(127\.|::1$|::ffff:127\.|localhost$)/;

/** A browser talks to the robot, or to a Realtime server through the robot, by WebRTC. */
export default definePlugin({
  name: "gateway-webrtc",
  config: talkConfig,
  requires: ["web"],
  setup(ctx) {
    const web = ctx.use("web");
    let board: Promise<Switchboard> | undefined;
    let open: Switchboard | undefined;
    // With the first offer and not before: most robots are never called.
    const switchboard = () =>
      (board ??= import("./switchboard.ts").then((loaded) => (open = new loaded.Switchboard(ctx))));
    ctx.inspect(() => open?.counters() ?? { calls: 0, open: 0 });
    ctx.defer(() => open?.close());
    ctx.publish("talk.calls_changed", { open: 0, most: ctx.config.max_calls });
    let draining = false;
    ctx.drain(() => {
      draining = true;
      return open?.drain();
    });
    ctx.defer(
      web.route({
        method: "POST",
        path: "/talk/offer",
        role: "operator",
        maxBodyBytes: 48 * 1024,
        maxPerMinute: 60,
        async handle(request, { address }) {
          try {
            if (draining) throw new MynaError("SHUTTING_DOWN", "no more calls are taken here");
            const offer = readOfferRequest(await request.text());
            return Response.json(await (await switchboard()).answer(offer, LOOPBACK.test(address)));
          } catch (thrown) {
            const { code, message } = MynaError.from(thrown, "PLUGIN_SETUP_FAILED");
            const status = STATUS[code] ?? 500;
            if (status === 500) ctx.log.error("an offer could not be answered", { code, error: message });
            return Response.json({ error: { code, message } }, { status });
          }
        },
      }),
    );
    ctx.defer(
      web.route({
        method: "DELETE",
        path: "/talk/*",
        role: "operator",
        handle(request) {
          const id = new URL(request.url).pathname.slice("/talk/".length);
          const found = open?.hangUp(id) ?? false;
          return new Response(null, { status: found ? 204 : 404 });
        },
      }),
    );
    ctx.defer(
      web.route({
        method: "GET",
        path: "/talk/client.js",
        role: "viewer",
        async handle() {
          return new Response(await talkPageScript(), {
            headers: { "content-type": "text/javascript; charset=utf-8" },
          });
        },
      }),
    );
  },
});
