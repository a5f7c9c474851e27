import { withoutSecretFields } from "myna";
import type { HealthReport, PluginContext } from "myna";
import type { LiveModel } from "./live-model.ts";
import type { PluginCard, Values } from "./wire.ts";

/** Samples per millisecond at 24 kHz. */
const SAMPLES_PER_MS = 24;
const SILENCE_DB = -90;

type Ctx = Pick<PluginContext, "audio" | "host" | "on" | "report" | "use" | "has">;

/** What the console knows of itself. */
export interface ConsoleFacts {
  /** Id of its own plugin. */
  own: string;
  /** Fingerprint of the page. */
  build: () => string;
  maxSpeedMps: number;
  cameraFps: number;
}

/** What is read only while somebody looks: levels, counters, the body and the world. */
export class Gauges {
  readonly #ctx: Ctx;
  readonly #model: LiveModel;
  readonly #facts: ConsoleFacts;
  #ready = false;
  readonly #heard = { microphone: 0, loudspeaker: 0 };
  readonly #pulse: Values["pulse"] = { world: null, body: null, microphone: null, camera: null };

  constructor(ctx: Ctx, model: LiveModel, facts: ConsoleFacts) {
    this.#ctx = ctx;
    this.#model = model;
    this.#facts = facts;
    ctx.on("runtime.ready", () => void (this.#ready = true));
  }

  /** Begins to listen to both ends of the audio path; the result ends it. */
  listen(): () => void {
    const { audio } = this.#ctx;
    const undos = [
      audio.onFrame((frame) => {
        this.#pulse.microphone = performance.now();
        this.#heard.microphone = Math.max(this.#heard.microphone, peak(frame));
      }),
      audio.onPlayed((frame) => {
        this.#heard.loudspeaker = Math.max(this.#heard.loudspeaker, peak(frame));
      }),
    ];
    return () => undos.forEach((undo) => undo());
  }

  /** A picture came. */
  seen(): void {
    this.#pulse.camera = performance.now();
  }

  /** Twenty times a second. */
  readFast(): void {
    const { microphone, loudspeaker } = this.#heard;
    this.#heard.microphone = this.#heard.loudspeaker = 0;
    this.#model.set("levels", { microphone_db: decibels(microphone), loudspeaker_db: decibels(loudspeaker) });
    this.#readBody();
    this.#readWorld();
  }

  /** Once or twice a second. */
  readSlow(): void {
    const { has } = this.#ctx;
    this.#model.set("pulse", { ...this.#pulse });
    const room = has("world") ? this.#ctx.use("world").room() : null;
    this.#model.set("room", room && { ...room });
    const report = this.#ctx.report();
    this.#describe(report);
    this.#model.set("audio", audioGauges(report));
    for (const sheet of this.#ctx.host.plugins()) {
      const { id, use, state, message = "", required, reloads, provides, config, inspect } = sheet;
      const vital = id === this.#facts.own || provides.includes("web");
      const card: PluginCard = {
        id,
        use,
        state,
        message,
        required,
        vital,
        reloads,
        provides,
        config,
        inspect: withoutSecretFields(inspect) as Record<string, unknown>,
      };
      if (JSON.stringify(this.#model.entry("plugins", id)) !== JSON.stringify(card))
        this.#model.put("plugins", id, card);
    }
  }

  #describe({ profile }: HealthReport): void {
    const { has, use } = this.#ctx;
    const { build, maxSpeedMps, cameraFps } = this.#facts;
    this.#model.set("robot", {
      profile,
      ready: this.#ready,
      build: build(),
      hearing: has("brain") ? use("brain").hearing() : { available: true },
      has: {
        drive: has("drive"),
        body: has("body"),
        head: has("head"),
        camera: has("camera"),
        world: has("world"),
      },
      max_speed_mps: maxSpeedMps,
      camera_fps: cameraFps,
    });
  }

  #readBody(): void {
    const { has } = this.#ctx;
    if (!has("drive")) return;
    const state = has("body") ? this.#ctx.use("body").state() : undefined;
    const pose = this.#ctx.use("drive").pose();
    const head = has("head") ? this.#ctx.use("head").angles() : { panDeg: 0, tiltDeg: 0 };
    this.#pulse.body = state ? state.atMs : performance.now();
    this.#model.set("body", {
      pose,
      duty: state?.duty ?? null,
      distance_m: state?.distance.kind === "distance" ? state.distance.distanceM : null,
      distance: state?.distance.kind ?? "none",
      grayscale: state?.grayscale ?? null,
      battery_v: state?.batteryV ?? null,
      latched: state?.latched ?? null,
      head: { pan_deg: head.panDeg, tilt_deg: head.tiltDeg },
    });
  }

  #readWorld(): void {
    if (!this.#ctx.has("world")) {
      this.#model.set("truth", null);
      return;
    }
    const world = this.#ctx.use("world");
    const { x_m, y_m, heading_deg, moving } = world.pose();
    const { panDeg, tiltDeg } = world.head();
    this.#pulse.world = performance.now();
    this.#model.set("truth", {
      x_m: rounded(x_m),
      y_m: rounded(y_m),
      heading_deg: rounded(heading_deg),
      moving,
      pan_deg: rounded(panDeg),
      tilt_deg: rounded(tiltDeg),
    });
  }
}

function audioGauges(report: HealthReport): Values["audio"] {
  const audio = report.core["audio"] ?? {};
  const count = (key: string) => (typeof audio[key] === "number" ? audio[key] : 0);
  return {
    target_ms: count("playback_target_ms"),
    queued_ms: count("playback_queued_ms"),
    underruns: count("playback_underruns"),
    concealed_ms: Math.round(count("playback_concealed_samples") / SAMPLES_PER_MS),
    device_xruns: count("playback_xruns") + count("capture_xruns"),
    overruns: Math.round(count("capture_overrun_samples") / SAMPLES_PER_MS),
    half_duplex: audio["half_duplex"] === true,
    echo_rung: String(audio["echo_rung"] ?? "none"),
    echo: echoGauges(report),
    microphone: audio["capture_open"] === true,
    loudspeaker: audio["playback_open"] === true,
  };
}

/** Of the first plugin that measures an echo: "erle_db" is what it takes away, "coupling_db" what comes back. */
function echoGauges(report: HealthReport): Values["audio"]["echo"] {
  for (const { id, inspect } of report.plugins) {
    const value = (key: string) => (typeof inspect[key] === "number" ? inspect[key] : null);
    const erle = value("erle_db");
    const coupling = value("coupling_db");
    if (erle !== null || coupling !== null) return { stage: id, erle_db: erle, coupling_db: coupling };
  }
  return null;
}

/** Largest magnitude of the samples. */
function peak(frame: Int16Array): number {
  let largest = 0;
  for (let i = 0; i < frame.length; i++) {
    const magnitude = Math.abs(frame[i]!);
    if (magnitude > largest) largest = magnitude;
  }
  return largest;
}

function decibels(magnitude: number): number {
  return magnitude < 1 ? SILENCE_DB : Math.round(20 * Math.log10(magnitude / 32_768));
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000 || 0;
}
