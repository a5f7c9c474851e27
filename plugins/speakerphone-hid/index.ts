import { anyHidDevice, definePlugin, loadHid } from "myna";
import type { HidConnection, HidLibrary } from "myna";
import { z } from "zod";
import { descriptorOf, fieldsOf } from "./descriptor.ts";
import { Phone } from "./phone.ts";

const LOOK_PERIOD_MS = 2000;
const TELEPHONY_PAGE = 0x0b;

const config = z.object({
  /** A part of its name; by default the first that has telephone keys. */
  device: z.string().default(""),
  hook: z.enum(["interrupt", "stop", "none"]).default("interrupt"),
});

/** The keys and lights of a speakerphone or headset: mute and hook, in step with the robot. */
export default definePlugin({
  name: "speakerphone-hid",
  config,
  state: () => ({ muted: false }),
  async setup(ctx) {
    const { device: wanted, hook } = ctx.config;
    const { state } = ctx;
    let library: HidLibrary | undefined;
    let missing: string | undefined;
    let connected: { name: string; connection: HidConnection; phone: Phone } | undefined;
    let linked = false;
    let looking = false;
    let connections = 0;
    const absent = () =>
      ctx.health("degraded", ["no speakerphone is connected", missing].filter(Boolean).join("; "));

    const show = () => {
      if (!connected) return;
      for (const report of connected.phone.lights({ offHook: linked, muted: state.muted }))
        connected.connection.write(Buffer.from(report)).catch(lose);
    };
    const lose = (error: unknown) => {
      const gone = connected;
      connected = undefined;
      if (!gone) return;
      void gone.connection.close().catch(() => {});
      ctx.log.info(`the speakerphone is gone: ${Error.isError(error) ? error.message : String(error)}`);
      absent();
    };
    const events = {
      mute(muted = !state.muted) {
        if (muted !== state.muted) ctx.publish("user.mute_changed", { muted });
      },
      hook() {
        if (hook === "none") return;
        if (hook === "stop" && ctx.has("drive")) ctx.use("drive").stop("speakerphone");
        if (hook === "stop") ctx.session.dismiss();
        else ctx.session.interrupt();
        show();
      },
    };
    const open = async (hid: HidLibrary): Promise<void> => {
      const name = wanted.toLowerCase();
      for (const { path, product = "", usagePage } of await hid.devicesAsync()) {
        if (path === undefined || usagePage !== TELEPHONY_PAGE) continue;
        if (!product.toLowerCase().includes(name)) continue;
        const phone = new Phone(fieldsOf(descriptorOf(path)), events);
        if (!phone.useful) continue;
        const connection = await hid.HIDAsync.open(path, { nonExclusive: true });
        if (ctx.signal.aborted) return void connection.close().catch(() => {});
        connected = { name: product, connection, phone };
        connections++;
        connection.on("error", (error) => connected?.connection === connection && lose(error));
        connection.on("data", (report) => connected?.connection === connection && phone.take(report));
        ctx.log.info(`speakerphone: ${product}`);
        ctx.health("ready");
        show();
        return;
      }
    };
    const look = async () => {
      if (connected || looking || missing !== undefined || !anyHidDevice()) return;
      looking = true;
      try {
        library ??= await loadHid(() => import("node-hid"));
        await open(library);
      } catch (error) {
        // A phone that may not be opened is looked for again; a library that is not there is not.
        if (!library) {
          missing = (error as Error).message;
          return absent();
        }
        ctx.log.debug("a speakerphone could not be opened", { error: String(error) });
      } finally {
        looking = false;
      }
    };

    ctx.on("session.state_changed", ({ state: link }) => {
      if (linked === (link === "ready")) return;
      linked = link === "ready";
      show();
    });
    ctx.on("user.mute_changed", ({ muted }) => {
      state.muted = muted;
      show();
    });
    ctx.defer(async () => {
      const last = connected;
      connected = undefined;
      await last?.connection.close().catch(() => {});
    });
    ctx.inspect(() => ({ device: connected?.name ?? null, muted: state.muted, connections }));
    absent();
    ctx.every(LOOK_PERIOD_MS, () => void look());
    await look();
  },
});
