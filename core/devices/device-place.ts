import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { findPcm, listCards } from "../audio/alsa-cards.ts";
import { choosePipeProgram } from "../audio/pipe-program.ts";
import type { PipeProgram } from "../audio/pipe-program.ts";
import { listServerDevices, matchServerDevice, serverSocket } from "../audio/sound-server.ts";
import type { ServerDevice } from "../audio/sound-server.ts";
import { MynaError } from "../errors.ts";

/** Whether a device hears or speaks. */
export type DeviceKind = "capture" | "playback";

/** Where a device of a profile is at the moment. */
export interface DevicePlace {
  /** What the driver opens. */
  device: string;
  /** Its name on the sound server, where it is one of the server's: whoever opens it watches that it stays. */
  server?: string;
  /** The program that drives it, where a child process does. */
  program?: PipeProgram;
}

/**
 * What `device` means for libasound: "default", a card, a PCM of the ALSA configuration, or a device of the sound server.
 * DEVICE_NOT_FOUND lists the names that there are.
 */
export async function findAlsaPlace(kind: DeviceKind, device: string): Promise<DevicePlace> {
  if (device === "default") {
    if (!mayHaveSound()) throw notFound(kind, device, []);
    return { device };
  }
  const pcm = found(() => findPcm(device, kind));
  if (pcm !== device) return { device: pcm };
  const prefix = "pulse:";
  if (device.includes(":") && !device.startsWith(prefix)) return { device };
  const known = await listServerDevices(kind);
  const wanted = device.startsWith(prefix) ? device.slice(prefix.length) : device;
  const server = matchServerDevice(known, wanted);
  if (server) return { device: `${prefix}${server.name}`, server: server.name };
  if (device.startsWith(prefix) && known.length > 0) throw notFound(kind, device, known);
  // A name of the ALSA configuration, which only libasound knows.
  return { device };
}

/** The same for a child process: a name of the sound server for `pulse` and `pipewire`, else one of ALSA. */
export async function findPipePlace(
  kind: DeviceKind,
  device: string,
  wanted: PipeProgram | "auto",
): Promise<DevicePlace> {
  const program = found(() => choosePipeProgram(wanted, kind));
  if (device === "default" && program === "alsa" && !mayHaveSound()) throw notFound(kind, device, []);
  if (device === "default" || program === "sox") return { device, program };
  if (program === "alsa") return { device: found(() => findPcm(device, kind)), program };
  const known = await listServerDevices(kind);
  const server = matchServerDevice(known, device);
  if (server) return { device: server.name, server: server.name, program };
  // Without pactl the names are not known, and the program says what is wrong.
  if (known.length === 0 && Bun.which("pactl") === null) return { device, program };
  throw notFound(kind, device, known);
}

/** Where somebody may have said what ALSA's or PulseAudio's default device is; and the server of a whole system. */
function defaultsOfHand(): string[] {
  const configs = process.env["XDG_CONFIG_HOME"] || join(homedir(), ".config");
  return [
    ...["/etc/asound.conf", "/run/pulse/native", join(homedir(), ".asoundrc")],
    ...["alsa/asoundrc", "pulse/client.conf"].map((file) => join(configs, file)),
  ];
}

/**
 * Whether asking for the default device can lead to one. On a computer without any sound the answer costs no thread, and not the
 * memory of libasound.
 */
function mayHaveSound(): boolean {
  if (process.platform !== "linux" || process.env["ALSA_CONFIG_PATH"]) return true;
  if (existsSync("/dev/snd") || listCards().length > 0) return true;
  if (serverSocket("pulse") !== undefined || serverSocket("pipewire") !== undefined) return true;
  return defaultsOfHand().some((path) => existsSync(path)) || namesServer("/etc/pulse/client.conf");
}

function namesServer(file: string): boolean {
  return existsSync(file) && /^\s*default-server\s*=/m.test(readFileSync(file, "utf8"));
}

/** The error for a device that is not there, with the names that are. */
export async function explainMissing(kind: DeviceKind, device: string): Promise<MynaError> {
  return notFound(kind, device, await listServerDevices(kind));
}

function notFound(kind: DeviceKind, device: string, known: readonly ServerDevice[]): MynaError {
  const what = kind === "capture" ? "microphone" : "loudspeaker";
  const sound = existsSync("/dev/snd") || known.length > 0 ? "" : "; this computer has no sound device";
  return new MynaError("DEVICE_NOT_FOUND", `there is no ${what} "${device}" (${names(known)})${sound}`);
}

/** What a profile may name as a microphone's or loudspeaker's `device` on this computer, for a person. */
export async function deviceNames(kind: DeviceKind): Promise<string> {
  return names(await listServerDevices(kind));
}

function names(known: readonly ServerDevice[]): string {
  const cards = listCards().map(({ id, name }) => `${id} (${name})`);
  const devices = known.map(({ name, description }) => `${name} (${description})`);
  return `cards: ${cards.join(", ") || "none"}; of the sound server: ${devices.join(", ") || "none"}`;
}

/** Runs what throws an error with a code as the device threads do. */
function found<T>(find: () => T): T {
  try {
    return find();
  } catch (error) {
    throw MynaError.from(error, "DEVICE_NOT_FOUND");
  }
}
