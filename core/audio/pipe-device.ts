import { Bell } from "./bell.ts";
import { deviceError } from "./device-error.ts";
import type { HardwareOptions } from "./hardware-options.ts";
import { PipeChild } from "./pipe-child.ts";
import { choosePipeProgram, pipeCommand } from "./pipe-program.ts";
import type { PipeCommand, PipeProgram } from "./pipe-program.ts";
import { FRAME_MS, RATE_HZ } from "./port.ts";
import type { CaptureDriver, PlaybackDriver } from "./port.ts";
import { SilenceWatch } from "./silence-watch.ts";

/** Absolute path of this module: the `module` of a device that a child process drives (aplay, pacat, pw-cat, sox …). */
export const PIPE_DEVICE: string = import.meta.path;

/**
 * Options of {@link PIPE_DEVICE}: `device` may also be a name of the sound server; without `rate_hz` 24,000, or 48,000 for a card
 * behind aplay, whose conversion is linear interpolation.
 */
export interface PipeOptions extends HardwareOptions {
  /** Without it the first that is there. */
  program?: PipeProgram | "auto" | undefined;
  /** Played ahead of the clock; default 60. Less stutters on a busy computer. */
  lead_ms?: number | undefined;
}

const DEFAULT_LEAD_MS = 60;
const CARD_RATE_HZ = 48_000;
/** A program that has neither taken nor given a sample for so long stands still. */
const STALL_MS = 2000;
/** A sound server that sleeps needs this long to give its first sample. */
const OPEN_LIMIT_MS = 4000;

function command(kind: "capture" | "playback", options: PipeOptions): PipeCommand & { rateHz: number } {
  const program = choosePipeProgram(options.program ?? "auto", kind);
  const rateHz =
    options.rate_hz ?? (program === "alsa" && options.device !== "default" ? CARD_RATE_HZ : RATE_HZ);
  return { ...pipeCommand(program, kind, { device: options.device, rateHz }), rateHz };
}

/** The error of a program that ended, or never began, with what it said. */
function programError({ argv: [name] }: PipeCommand, device: string, child: PipeChild): Error {
  const lines = child.messages.split("\n").map((line) => line.trim());
  const said =
    lines.find((line) =>
      /^(\w+: .*(open|audio).*error|Stream error|Connection failure|error:)/i.test(line),
    ) ??
    lines.findLast((line) => line !== "") ??
    "it said nothing";
  const what = `${name} cannot use the device "${device}": ${said}`;
  if (/busy/i.test(said))
    return deviceError(
      "DEVICE_BUSY",
      `${what}; close the program that holds it, or use the device "default" where a sound server shares the card`,
    );
  if (/No such (file|device|entity)|Connection (refused|failure)|Unknown PCM|not found/i.test(said))
    return deviceError("DEVICE_NOT_FOUND", what);
  return deviceError("DEVICE_FAILED", what);
}

/** Reads what a program says while it runs. */
class Messages {
  xruns = 0;

  look(child: PipeChild, name: string): void {
    const text = child.takeMessages();
    if (text === "") return;
    this.xruns += text.match(/(under|over)run!!!/g)?.length ?? 0;
    const rate = /rate is not accurate \(requested = (\d+)Hz, got = (\d+)Hz\)/.exec(text);
    if (rate)
      throw deviceError(
        "AUDIO_FORMAT",
        `${name}: the device has no ${rate[1]} Hz; set rate_hz = ${rate[2]}, or name the card by a part of its name`,
      );
  }
}

/** Opens a microphone; resolves its first sample. */
export function openCapture(options: PipeOptions): CaptureDriver {
  const plan = command("capture", options);
  const silence = new SilenceWatch(plan.rateHz, options.silence_limit_s ?? 0);
  const said = new Messages();
  const child = new PipeChild(plan.argv, "stdout", plan.env);
  let limitMs = OPEN_LIMIT_MS;
  const views = new ByteViews();
  const read = (into: Int16Array): number => {
    const bytes = views.of(into);
    for (let have = 0; have < bytes.length;) {
      if (!child.wait("read", limitMs))
        throw deviceError("DEVICE_FAILED", `${plan.argv[0]} gives no sound from "${options.device}"`);
      const got = child.read(bytes, have);
      if (got === 0) throw programError(plan, options.device, child);
      have += got;
    }
    limitMs = STALL_MS;
    said.look(child, plan.argv[0]);
    silence.observe(into, into.length);
    return into.length;
  };
  try {
    read(new Int16Array((plan.rateHz * FRAME_MS) / 1000));
  } catch (error) {
    child.kill();
    throw error;
  }
  return {
    rateHz: plan.rateHz,
    channels: 1,
    read,
    waiting: () => child.queuedBytes >> 1,
    xruns: () => said.xruns,
    close: () => child.kill(),
  };
}

/**
 * A player behind a pipe. The pipe and the program take samples faster than they are heard, so an absolute clock says when
 * the next are given: `lead` ahead of what is being heard, which a barge-in loses with the child.
 */
class Player implements PlaybackDriver {
  readonly rateHz: number;
  readonly channels = 1;
  readonly #plan: PipeCommand & { rateHz: number };
  readonly #device: string;
  readonly #samplesPerMs: number;
  readonly #lead: number;
  readonly #said = new Messages();
  readonly #views = new ByteViews();
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  readonly #bell: Bell;
  #child: PipeChild;
  #given = 0;
  /** When the first sample was heard, this thread's clock; NaN until the program has begun. */
  #startMs = NaN;
  #spawnedMs = 0;
  #xruns = 0;
  #told = 0;
  /** It ran dry, and nothing was given since. */
  #dry = false;

  constructor(options: PipeOptions, bell: Bell) {
    this.#bell = bell;
    this.#plan = command("playback", options);
    this.#device = options.device;
    this.rateHz = this.#plan.rateHz;
    this.#samplesPerMs = this.rateHz / 1000;
    this.#lead = Math.round((options.lead_ms ?? DEFAULT_LEAD_MS) * this.#samplesPerMs);
    this.#child = this.#spawn();
  }

  awaitRoom(): void {
    const dueMs = this.#dueMs;
    for (let nowMs = performance.now(); nowMs < dueMs && !this.#bell.take(); nowMs = performance.now())
      this.#bell.sleep(dueMs - nowMs);
  }

  write(frames: Int16Array): void {
    if (Number.isNaN(this.#startMs) && this.#given >= this.#lead) this.#awaitStart();
    if (!Number.isNaN(this.#startMs)) this.#pace();
    const bytes = this.#views.of(frames);
    for (let done = 0; done < bytes.length;) {
      if (!this.#child.wait("write", STALL_MS))
        throw deviceError("DEVICE_FAILED", `${this.#plan.argv[0]} takes no sound for "${this.#device}"`);
      const taken = this.#child.write(bytes, done);
      if (taken === 0) throw programError(this.#plan, this.#device, this.#child);
      done += taken;
    }
    this.#given += frames.length;
    this.#said.look(this.#child, this.#plan.argv[0]);
    if (this.#said.xruns > this.#told) this.#ranDry();
  }

  delay(): number {
    if (Number.isNaN(this.#startMs)) return this.#given;
    return Math.max(0, Math.ceil(this.#given - this.#heard()));
  }

  drop(): void {
    this.#child.kill();
    this.#child = this.#spawn();
  }

  xruns(): number {
    return this.#xruns;
  }

  close(): void {
    this.#child.kill();
  }

  #spawn(): PipeChild {
    this.#given = 0;
    this.#startMs = NaN;
    this.#spawnedMs = performance.now();
    return new PipeChild(this.#plan.argv, "stdin", this.#plan.env);
  }

  #heard(): number {
    return (performance.now() - this.#startMs) * this.#samplesPerMs;
  }

  /** When less than the lead is ahead; NaN until the program has begun. */
  get #dueMs(): number {
    return this.#startMs + (this.#given - this.#lead) / this.#samplesPerMs;
  }

  /** The program has begun when it has taken what it wants to hold. Throws when it ended instead. */
  #awaitStart(): void {
    const wanted = Math.min(this.#lead, this.#plan.bufferMs * this.#samplesPerMs);
    while ((this.#given - wanted) * 2 < this.#child.queuedBytes) {
      if (this.#child.ended()) throw programError(this.#plan, this.#device, this.#child);
      if (performance.now() - this.#spawnedMs > OPEN_LIMIT_MS)
        throw deviceError("DEVICE_FAILED", `${this.#plan.argv[0]} takes no sound for "${this.#device}"`);
      Atomics.wait(this.#sleeper, 0, 0, 1);
    }
    this.#startMs = performance.now();
  }

  /** Sleeps until less than the lead is ahead; slows down by a thousandth where the card's clock is slower than ours. */
  #pace(): void {
    const excess = this.#child.queuedBytes / 2 - this.#lead;
    if (excess > 0) this.#startMs += FRAME_MS / 1000;
    const dueMs = this.#dueMs;
    for (let nowMs = performance.now(); nowMs < dueMs; nowMs = performance.now())
      Atomics.wait(this.#sleeper, 0, 0, dueMs - nowMs);
    if (!this.#dry && this.#heard() > this.#given) this.#ranDry();
    this.#dry = false;
  }

  /** What is given from now on is heard from now on. */
  #ranDry(): void {
    this.#dry = true;
    this.#told = this.#said.xruns;
    this.#xruns++;
    this.#startMs = performance.now() - this.#given / this.#samplesPerMs;
  }
}

/** Opens a loudspeaker; what it cannot do shows before it returns. */
export function openPlayback(options: PipeOptions, bell = new Bell()): PlaybackDriver {
  const player = new Player(options, bell);
  const silence = new Int16Array((player.rateHz * FRAME_MS) / 1000);
  try {
    const frames = Math.ceil((options.lead_ms ?? DEFAULT_LEAD_MS) / FRAME_MS) + 1;
    for (let i = 0; i < frames; i++) player.write(silence);
  } catch (error) {
    player.close();
    throw error;
  }
  return player;
}

/** Blocks repeat, so the bytes of each are looked at through one view, made once. */
class ByteViews {
  readonly #views = new Map<Int16Array, Uint8Array>();

  of(samples: Int16Array): Uint8Array {
    let view = this.#views.get(samples);
    if (!view) {
      view = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
      this.#views.set(samples, view);
    }
    return view;
  }
}
