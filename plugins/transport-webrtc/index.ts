import { OPUS_KEYS, definePlugin } from "myna";
import { z } from "zod";

/** The Realtime session over WebRTC: events on a data channel, sound as Opus on tracks of its own. */
export default definePlugin({
  name: "transport-webrtc",
  config: z.object({
    ice_servers: z
      .array(z.string().regex(/^stuns?:/, "expected stun:HOST:PORT"))
      .default([])
      .describe("STUN servers as `stun:HOST:PORT`; none are needed for a server with a public address"),
    host_addresses: z
      .array(z.ipv4())
      .default([])
      .describe("More addresses of this machine to offer; loopback is added for a server on loopback"),
    ...OPUS_KEYS,
    open_ms: z
      .number()
      .int()
      .min(100)
      .default(4000)
      .describe(
        "From the server's answer until the call stands; after it the call is made anew, with up to eight times as long",
      ),
  }),
  provides: ["transport"],
  async setup(ctx) {
    // Loaded here and not above: whoever only reads the settings does not pay for a WebRTC stack.
    const { WebRtcCalls } = await import("./calls.ts");
    const calls = await WebRtcCalls.create(ctx.config, ctx.log);
    ctx.defer(() => calls.end());
    ctx.inspect(() => calls.counters());
    ctx.provide("transport", { connect: (request, events) => calls.connect(request, events) });
  },
});
