import { anyHidDevice, definePlugin, loadHid } from "myna";
import type { HidLibrary } from "myna";
import { z } from "zod";
import type { Feedback } from "./feedback.ts";
import { openHidPad } from "./hid-pad.ts";
import { openJoystick } from "./joystick-pad.ts";
import { BUTTONS } from "./pad-state.ts";
import type { Pad, PadEvents } from "./pad.ts";
import { Teleop } from "./teleop.ts";
import type { Wish } from "./teleop.ts";

/** How often it is looked for a pad, how often one is read that tells nothing by itself, and how often it steers. */
const LOOK_PERIOD_MS = 2000;
const POLL_PERIOD_MS = 10;
const INTENT_PERIOD_MS = 50;
/** An intent counts for so long: five periods. */
const LEASE_MS = 250;
/** A pad that reports all the time is silent for so long when it is gone; it is looked at each intent's period. */
const SILENT_MS = 200;

const button = z.enum(BUTTONS);

const config = z.object({
  dead_man: button.default("l1"),
  talk: button.default("r1"),
  mute: button.default("mute"),
  emergency_stop: button.default("east"),
  release: button.default("start"),
  release_s: z.number().min(0.2).max(10).default(1),
  max_speed_mps: z.number().min(0.05).max(0.6).default(0.4),
  still_s: z.number().min(0.5).max(30).default(2),
  dead_zone: z.number().min(0).max(0.5).default(0.1),
  expo: z.number().min(0).max(1).default(0.5),
  look_deg_per_s: z.number().min(0).max(300).default(90),
  hid: z.boolean().default(true),
  input_folder: z.string().min(1).default("/dev/input"),
});

/** Drives the robot with a gamepad, and talks, mutes and stops with it. */
export default definePlugin({
  name: "gamepad-hid",
  config,
  state: () => ({ muted: false }),
  setup(ctx) {
    const { config: settings, state } = ctx;
    let pad: Pad | undefined;
    let library: HidLibrary | undefined;
    let missing: string | undefined;
    let looking = false;
    let talking = false;
    let garbage = 0;
    let connections = 0;
    let shown = "";
    let timers: (() => void)[] = [];

    const wish = (what: Wish) => {
      switch (what) {
        case "emergency_stop":
          ctx.emergencyStop("the gamepad's stop button was pressed");
          ctx.session.dismiss();
          break;
        case "release":
          if (ctx.has("body")) ctx.use("body").release().catch(noted);
          else ctx.log.warn("nothing was released: the drive is away");
          break;
        case "stop":
          if (ctx.has("drive"))
            ctx.use("drive").stop("the gamepad's dead-man button was let go", { letGo: true });
          break;
        case "talk":
          if (ctx.audio.speaking()) ctx.session.interrupt();
          ctx.publish("user.talk_changed", { talking: (talking = true) });
          break;
        case "talk_end":
          ctx.publish("user.talk_changed", { talking: (talking = false) });
          break;
        case "mute":
          ctx.publish("user.mute_changed", { muted: !state.muted });
      }
      showState();
    };
    const teleop = new Teleop(
      {
        deadMan: settings.dead_man,
        talk: settings.talk,
        mute: settings.mute,
        emergencyStop: settings.emergency_stop,
        release: settings.release,
        releaseMs: settings.release_s * 1000,
        maxSpeedMps: settings.max_speed_mps,
        maxSteerDeg: 30,
        deadZone: settings.dead_zone,
        expo: settings.expo,
        lookDegPerS: settings.look_deg_per_s,
        silentMs: SILENT_MS,
        stillMs: settings.still_s * 1000,
      },
      wish,
    );
    const noted = (error: unknown) => ctx.log.warn("the gamepad was refused", { error: String(error) });
    const isLatched = () => ctx.has("body") && ctx.use("body").state()?.latched !== undefined;
    const showState = () => {
      const feedback: Feedback = { muted: state.muted, latched: isLatched(), talking };
      const now = JSON.stringify(feedback);
      if (now === shown) return;
      shown = now;
      pad?.show(feedback);
    };
    const events: PadEvents = {
      state: (one) => teleop.update(one, performance.now()),
      garbage() {
        garbage++;
        teleop.drop();
      },
      lost(reason) {
        const gone = pad;
        pad = undefined;
        teleop.drop();
        for (const undo of timers.splice(0)) undo();
        void gone?.close();
        ctx.log.info(`the gamepad is gone: ${reason}`);
        tellHealth();
      },
    };
    const tellHealth = () => {
      if (pad) return ctx.health("ready");
      ctx.health(
        "degraded",
        missing === undefined ? "no gamepad is connected" : `no gamepad is connected; ${missing}`,
      );
    };
    const find = async (): Promise<Pad | undefined> => {
      if (settings.hid && missing === undefined && anyHidDevice())
        try {
          library ??= await loadHid(() => import("node-hid"));
          const found = await openHidPad(library, events);
          if (found) return found;
        } catch (error) {
          // A pad that may not be opened is looked for again; a library that is not there is not.
          if (!library) missing = (error as Error).message;
          else noted(error);
        }
      return openJoystick(settings.input_folder, events);
    };
    const look = async () => {
      if (pad || looking) return;
      looking = true;
      try {
        const found = await find();
        if (ctx.signal.aborted) return void found?.close();
        pad = found;
        if (found) {
          connections++;
          shown = "";
          timers = [ctx.every(INTENT_PERIOD_MS, steer)];
          if (found.polled) timers.push(ctx.every(POLL_PERIOD_MS, () => found.poll()));
          ctx.log.info(`gamepad: ${found.name}`);
          showState();
        }
        tellHealth();
      } finally {
        looking = false;
      }
    };
    const steer = () => {
      const dtS = INTENT_PERIOD_MS / 1000;
      const intent = teleop.tick(performance.now(), dtS, pad?.streams ?? false);
      showState();
      if (!intent) return;
      const { speedMps, steerDeg, panDeg, tiltDeg } = intent;
      try {
        if (ctx.has("drive")) ctx.use("drive").steer({ speedMps, steerDeg, leaseMs: LEASE_MS, by: "person" });
      } catch (error) {
        noted(error);
        teleop.stopped();
      }
      if ((panDeg !== 0 || tiltDeg !== 0) && ctx.has("head") && !isLatched()) {
        const head = ctx.use("head");
        const at = head.angles();
        head.look({ panDeg: at.panDeg + panDeg, tiltDeg: at.tiltDeg + tiltDeg }).catch(noted);
      }
    };

    ctx.on("user.mute_changed", ({ muted }) => {
      state.muted = muted;
      showState();
    });
    ctx.defer(async () => {
      teleop.drop();
      await pad?.close();
    });
    ctx.every(LOOK_PERIOD_MS, () => void look().catch(noted));
    ctx.inspect(() => ({ pad: pad?.name ?? null, driving: teleop.driving, connections, garbage }));
    tellHealth();
    void look().catch(noted);
  },
});
