import { MynaError, definePlugin } from "myna";
import type { ErrorCode } from "myna";
import { callPage, script } from "./call-page.ts";
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
const OPENAI = "api.openai.com";
/** Either opens the link of a call. */
const KEYS = ["OPENAI_API_KEY", "OPENAI_EPHEMERAL_TOKEN"] as const;
const LOOPBACK = /^(127\.|::1$|::ffff:127\.|localhost$)/;

/** A browser talks to the robot, or to a Realtime server through the robot, by WebRTC. */
export default definePlugin({
  name: "gateway-webrtc",
  config: talkConfig,
  check({ url }) {
    if (
      url === undefined ||
      new URL(url).hostname !== OPENAI ||
      KEYS.some((name) => process.env[name]?.trim())
    )
      return;
    throw new MynaError("CONFIG_INVALID", `url: no key for OpenAI: set the environment variable ${KEYS[0]}`);
  },
  requires: ["web"],
  setup(ctx) {
    const web = ctx.use("web");
    const { mode, page, viewers_talk } = ctx.config;
    const callers = viewers_talk ? "viewer" : "operator";
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
      return board?.then((calls) => calls.drain());
    });
    ctx.defer(
      web.route({
        method: "POST",
        path: "/talk/offer",
        role: callers,
        maxBodyBytes: 48 * 1024,
        maxPerMinute: 60,
        async handle(request, { address, role }) {
          try {
            if (draining) throw new MynaError("SHUTTING_DOWN", "no more calls are taken here");
            const offer = readOfferRequest(await request.text(), mode);
            if (offer.mode === "robot" && role !== "operator") return forbidden();
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
        // Nobody guesses the id of another's call.
        role: callers,
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
          return script(await talkPageScript());
        },
      }),
    );
    if (page) for (const route of callPage()) ctx.defer(web.route(route));
  },
});

function forbidden(): Response {
  return Response.json({ error: { message: "a viewer does not talk with the robot" } }, { status: 403 });
}
