import type { AudioDevice, DeviceSpec } from "../audio/port.ts";
import { watchServerDevices } from "../audio/sound-server.ts";
import { explainMissing } from "./device-place.ts";
import type { DeviceKind, DevicePlace } from "./device-place.ts";
import { MynaError } from "../errors.ts";
import { describeError } from "../log.ts";
import type { PluginContext } from "../plugin.ts";

/** A lost device is looked for so often, and at once when the sound server tells of a new one. */
const RETRY_MS = 1000;
/** A microphone without a frame for so many looks, a second apart, hangs. */
const HUNG_LOOKS = 4;
const LOOK_MS = 1000;
/** A device that goes again sooner than this after it came is the same trouble still, which is not told again. */
const STEADY_MS = 10_000;
/** A microphone that stays silent is restarted less and less often, up to this. */
const SILENCE_LIMIT_MAX_S = 600;

/** What {@link keepDevice} keeps open. */
export interface LastingDevice {
  kind: DeviceKind;
  /** As the profile names it. */
  device: string;
  /** Where it is now; asked before each opening. Throws DEVICE_NOT_FOUND. */
  find(): Promise<DevicePlace>;
  /** The device at that place. `silenceLimitS` is for the driver of a microphone: DEVICE_SILENT after so long, 0 for never. */
  spec(place: DevicePlace, silenceLimitS: number): DeviceSpec;
  /** Microphones: a restart after so many seconds of digital silence; 0 for never. */
  silentRestartS?: number;
}

/**
 * Opens a microphone or loudspeaker for a plugin's setup and keeps it open: what is unplugged, hangs or gives nothing but zeros
 * makes the plugin degraded, and is opened again when it is back. Throws what the first opening threw, for the host to
 * try again or to take the next driver. Everything ends with the plugin.
 */
export async function keepDevice(ctx: PluginContext, lasting: LastingDevice): Promise<void> {
  await new Keeper(ctx, lasting).start();
}

class Keeper {
  readonly #ctx: PluginContext;
  readonly #lasting: LastingDevice;
  #open: { device: AudioDevice; place: DevicePlace } | undefined;
  #opening = false;
  #unwatch: (() => void) | undefined;
  #retry: (() => void) | undefined;
  #silenceLimitS: number;
  #restarts = 0;
  #losses = 0;
  #openedAtMs = -Infinity;
  /** The log says that the device is lost, and has to say when it is back. */
  #told = false;
  #frames = 0;

  constructor(ctx: PluginContext, lasting: LastingDevice) {
    this.#ctx = ctx;
    this.#lasting = lasting;
    this.#silenceLimitS = lasting.silentRestartS ?? 0;
  }

  async start(): Promise<void> {
    const ctx = this.#ctx;
    await this.#begin();
    ctx.defer(() => this.#unwatch?.());
    ctx.inspect(() => ({
      device: this.#open?.place.device ?? "",
      open: this.#open ? 1 : 0,
      losses: this.#losses,
      ...(this.#lasting.kind === "capture" && { silent_restarts: this.#restarts }),
    }));
    if (this.#lasting.kind === "capture") this.#watchFrames();
  }

  async #begin(): Promise<void> {
    const { kind, device: name } = this.#lasting;
    const { audio } = this.#ctx;
    const place = await this.#lasting.find();
    const spec = this.#lasting.spec(place, this.#silenceLimitS);
    let device: AudioDevice;
    try {
      device = await (kind === "capture" ? audio.openCapture(spec) : audio.openPlayback(spec));
    } catch (error) {
      const known = MynaError.from(error, "DEVICE_FAILED");
      if (known.code !== "DEVICE_NOT_FOUND") throw known;
      const missing = await explainMissing(kind, name);
      throw new MynaError(missing.code, `${missing.message}: ${known.message}`, { cause: known });
    }
    this.#open = { device, place };
    this.#openedAtMs = performance.now();
    void device.failed.then((error) => this.#lost(device, MynaError.from(error, "DEVICE_FAILED")));
    if (place.server !== undefined) this.#watchServer();
  }

  /** Until the server ends: devices that come and go. */
  #watchServer(): void {
    this.#unwatch ??= watchServerDevices(
      this.#lasting.kind,
      () => void this.#serverChanged(),
      () => void (this.#unwatch = undefined),
    );
  }

  async #serverChanged(): Promise<void> {
    const open = this.#open;
    if (!open) return this.#again();
    if (open.place.server === undefined) return;
    // PulseAudio moves a stream to another device when its own goes: the robot would speak there.
    const place = await this.#lasting
      .find()
      .catch((error: unknown) => MynaError.from(error, "DEVICE_NOT_FOUND"));
    if (place instanceof MynaError) this.#lost(open.device, place);
    else if (place.server !== open.place.server)
      this.#lost(open.device, new MynaError("DEVICE_NOT_FOUND", `"${open.place.server}" is gone`));
  }

  #lost(device: AudioDevice, error: MynaError): void {
    if (this.#open?.device !== device || this.#ctx.signal.aborted) return;
    const { log } = this.#ctx;
    this.#open = undefined;
    this.#losses++;
    const silent = error.code === "DEVICE_SILENT";
    // The first opening and a steady one are worth a line; so is a microphone that falls silent, once.
    const news = silent
      ? this.#restarts === 0
      : performance.now() - this.#openedAtMs > STEADY_MS || this.#losses === 1;
    log[news ? "warn" : "debug"]("device lost", { error: describeError(error) });
    this.#told ||= news;
    if (silent) {
      this.#restarts++;
      this.#silenceLimitS = Math.min(SILENCE_LIMIT_MAX_S, this.#silenceLimitS * 2);
    }
    this.#ctx.health("degraded", error.message);
    void device.close().then(() => (silent ? this.#again() : this.#later()));
  }

  #later(): void {
    if (this.#ctx.signal.aborted) return;
    this.#retry?.();
    this.#retry = this.#ctx.after(RETRY_MS, () => void this.#again());
  }

  async #again(): Promise<void> {
    const ctx = this.#ctx;
    if (this.#open || this.#opening || ctx.signal.aborted) return;
    this.#opening = true;
    try {
      await this.#begin();
      if (this.#restarts === 0) this.#back();
      else ctx.health("degraded", "the microphone was restarted and gives nothing but zeros; is it muted?");
    } catch (thrown) {
      const error = MynaError.from(thrown, "DEVICE_FAILED");
      if (error.retryable) ctx.health("degraded", error.message);
      else ctx.fail(error);
      this.#later();
    } finally {
      this.#opening = false;
    }
  }

  #back(): void {
    this.#ctx.health("ready");
    this.#ctx.log[this.#told ? "info" : "debug"]("device is back", { device: this.#open?.place.device });
    this.#told = false;
  }

  /** Notices a microphone that hangs, and one that is heard again after it had been silent. */
  #watchFrames(): void {
    const ctx = this.#ctx;
    ctx.audio.onFrame((frame) => {
      this.#frames++;
      if (this.#restarts === 0 || !this.#open || frame.every((sample) => sample === 0)) return;
      this.#restarts = 0;
      this.#silenceLimitS = this.#lasting.silentRestartS ?? 0;
      this.#back();
    });
    let looked = 0;
    let still = 0;
    ctx.every(LOOK_MS, () => {
      still = this.#open && this.#frames === looked ? still + 1 : 0;
      looked = this.#frames;
      if (still < HUNG_LOOKS || !this.#open) return;
      still = 0;
      const message = `the microphone has given nothing for ${(HUNG_LOOKS * LOOK_MS) / 1000} s`;
      this.#lost(this.#open.device, new MynaError("DEVICE_FAILED", message));
    });
  }
}
