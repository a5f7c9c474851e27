import { existsSync } from "node:fs";
import { join } from "node:path";

/** A microphone or loudspeaker as PulseAudio, or PipeWire in its place, knows it. */
export interface ServerDevice {
  /** As programs name it. */
  name: string;
  /** As people read it. */
  description: string;
}

/**
 * The socket of a sound server that runs for this user, or the address of a remote one; undefined where there is none. Asked
 * first, because a client library would start a server.
 */
export function serverSocket(
  server: "pulse" | "pipewire",
  env: Record<string, string | undefined> = process.env,
): string | undefined {
  const folder = env["XDG_RUNTIME_DIR"] || `/run/user/${process.getuid?.() ?? 0}`;
  if (server === "pipewire") return present(join(folder, env["PIPEWIRE_REMOTE"] || "pipewire-0"));
  const address = env["PULSE_SERVER"];
  if (!address) return present(join(env["PULSE_RUNTIME_PATH"] || join(folder, "pulse"), "native"));
  const path = /^(?:\{[^}]*\})?(?:unix:)?(\/.*)$/.exec(address)?.[1];
  return path === undefined ? address : present(path);
}

function present(path: string): string | undefined {
  return existsSync(path) ? path : undefined;
}

/** The server's devices, a monitor of a loudspeaker among the microphones; none where no server runs or pactl is not installed. */
export async function listServerDevices(kind: "capture" | "playback"): Promise<ServerDevice[]> {
  if (serverSocket("pulse") === undefined || Bun.which("pactl") === null) return [];
  const child = Bun.spawn(["pactl", "list", kind === "capture" ? "sources" : "sinks"], {
    env: { ...process.env, LC_ALL: "C" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: LIST_LIMIT_MS,
  });
  return parseServerDevices(await child.stdout.text());
}

const LIST_LIMIT_MS = 3000;
/** pactl would outlive a robot that is killed; the end of its standard input ends it. */
const SUBSCRIBE = "pactl subscribe & pactl=$!; exec >/dev/null; read -r _; kill $pactl";

/** What `pactl list sinks` or `sources` says, in the C locale. */
export function parseServerDevices(text: string): ServerDevice[] {
  const devices: ServerDevice[] = [];
  for (const [, name = "", description = ""] of text.matchAll(/^\tName: (.+)\n\tDescription: (.+)$/gm)) {
    devices.push({ name, description });
  }
  return devices;
}

/**
 * The device that a profile means: by its exact name, else by a part of its name or description. A monitor is meant only by
 * its exact name.
 */
export function matchServerDevice(
  devices: readonly ServerDevice[],
  wanted: string,
): ServerDevice | undefined {
  const part = wanted.toLowerCase();
  return (
    devices.find(({ name }) => name === wanted) ??
    devices.find(
      ({ name, description }) =>
        !name.endsWith(".monitor") && `${name} ${description}`.toLowerCase().includes(part),
    )
  );
}

/**
 * Calls `changed` when devices come or go, and `ended` when the server does. Answers the undo; nothing happens where pactl is
 * not installed.
 */
export function watchServerDevices(
  kind: "capture" | "playback",
  changed: () => void,
  ended: () => void,
): () => void {
  if (serverSocket("pulse") === undefined || Bun.which("pactl") === null) return () => {};
  const child = Bun.spawn(["sh", "-c", SUBSCRIBE], {
    env: { ...process.env, LC_ALL: "C" },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  const event = new RegExp(`'(new|remove)' on ${kind === "capture" ? "source" : "sink"} #`);
  void (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) if (event.test(decoder.decode(bytes))) changed();
    ended();
  })();
  return () => void child.stdin.end();
}
