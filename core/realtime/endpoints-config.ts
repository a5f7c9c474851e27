import { z } from "zod";
import { endpointAuth } from "./auth-config.ts";
import { FAULTS, holdsNoSecret } from "./settings-formats.ts";

/** A ws:// or wss:// URL without anything secret in it; the message never repeats the text. */
export const serverUrl = z
  .url({ protocol: /^wss?$/, error: FAULTS.serverUrl })
  .refine(holdsNoSecret, { error: FAULTS.secretInUrl })
  .meta({ format: "realtime-url" });

/** Which way of writing events a server speaks; `auto` finds out. */
export const dialectName = z.enum(["auto", "ga", "beta"]);

/** The wire to a server; `webrtc` needs a plugin that provides the service `transport`. */
export const transportName = z.enum(["websocket", "webrtc"]);

/** An entry of `[[session.endpoints]]`. What it leaves out is as in [session]. */
export const endpointConfig = z
  .strictObject({
    name: z.string().min(1).max(40),
    url: serverUrl.optional(),
    service: z.string().min(1).optional(),
    dialect: dialectName.optional(),
    transport: transportName.optional(),
    model: z.string().min(1).optional(),
    voice: z.string().min(1).optional(),
    auth: endpointAuth.optional(),
  })
  .refine((endpoint) => endpoint.url === undefined || endpoint.service === undefined, {
    path: ["service"],
    error: "give either `url` or `service`, not both",
  });

/** One endpoint of a profile. */
export type EndpointConfig = z.output<typeof endpointConfig>;
