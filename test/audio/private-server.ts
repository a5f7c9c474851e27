import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type ServerKind = "pipewire" | "pulseaudio";
export const SERVER_KINDS: readonly ServerKind[] = ["pipewire", "pulseaudio"];

/** Programs that the tests need, and the Debian package of each. */
const PACKAGES: Record<string, string> = {
  pipewire: "pipewire-bin",
  wireplumber: "wireplumber",
  "pipewire-pulse": "pipewire-pulse",
  pulseaudio: "pulseaudio",
  "dbus-daemon": "dbus-daemon",
  pactl: "pulseaudio-utils",
  aplay: "alsa-utils",
};
/** libasound's way to the sound server. */
const ALSA_PLUGIN = "libasound_module_pcm_pulse.so";
const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 3000;

/** Fails with the name of the first package that is not installed. */
function needPackages(): void {
  for (const [program, name] of Object.entries(PACKAGES)) {
    if (Bun.which(program) === null) throw missing(program, name);
  }
  const found = [...new Bun.Glob(`*/alsa-lib/${ALSA_PLUGIN}`).scanSync("/usr/lib")];
  if (found.length === 0) throw missing(ALSA_PLUGIN, "libasound2-plugins");
}

function missing(what: string, name: string): Error {
  return new Error(`${what} is not installed: run ./setup --dev, or install the Debian package ${name}`);
}

/** Looks every 10 ms; throws when it takes longer than `limitMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = START_LIMIT_MS,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await Bun.sleep(10);
  }
}

/**
 * A sound server of its own, in a private folder, with loudspeakers that are null sinks; the monitor of one is the microphone.
 * Close it with `stop`, which fails where a process is left that belongs to it.
 */
export class PrivateServer implements AsyncDisposable {
  readonly kind: ServerKind;
  readonly folder: string;
  /** For every program that shall find this server and no other. */
  readonly env: Record<string, string>;
  readonly #processes: Bun.Subprocess[] = [];
  /** Programs that ended before `stop`, with their signal or exit code. */
  readonly #died: string[] = [];
  #stopping = false;
  readonly #modules = new Map<string, string>();

  private constructor(kind: ServerKind) {
    this.kind = kind;
    this.folder = mkdtempSync(join(tmpdir(), "myna-sound-"));
    const { PIPEWIRE_REMOTE: _remote, ...inherited } = process.env;
    this.env = {
      ...(inherited as Record<string, string>),
      HOME: this.folder,
      XDG_RUNTIME_DIR: this.folder,
      XDG_CONFIG_HOME: join(this.folder, "config"),
      PULSE_SERVER: `unix:${join(this.folder, "pulse-socket")}`,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(this.folder, "bus")}`,
    };
    if (kind === "pipewire") this.env["PULSE_SERVER"] = `unix:${join(this.folder, "pulse", "native")}`;
  }

  /** With the sinks "attic" (the default one), "spk" and "ear". */
  static async start(kind: ServerKind): Promise<PrivateServer> {
    needPackages();
    const server = new PrivateServer(kind);
    try {
      await (kind === "pipewire" ? server.#startPipewire() : server.#startPulse());
      await server.plug("attic");
      await Promise.all(["spk", "ear"].map((sink) => server.plug(sink)));
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  async #startPipewire(): Promise<void> {
    const { folder } = this;
    const bus = this.env["DBUS_SESSION_BUS_ADDRESS"]!;
    this.#spawn(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", `--address=${bus}`]);
    await until(() => existsSync(join(folder, "bus")), "dbus-daemon");
    this.#spawn(["pipewire"]);
    await until(() => existsSync(join(folder, "pipewire-0")), "pipewire");
    this.#spawn(["wireplumber"]);
    this.#spawn(["pipewire-pulse"]);
    await until(() => existsSync(join(folder, "pulse", "native")), "pipewire-pulse");
  }

  async #startPulse(): Promise<void> {
    const socket = join(this.folder, "pulse-socket");
    const modules = ["-L", `module-native-protocol-unix socket=${socket} auth-anonymous=1`];
    const flags = ["--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"];
    this.#spawn(["pulseaudio", "-n", ...flags, ...modules]);
    await until(() => existsSync(socket), "pulseaudio");
  }

  #spawn(command: string[]): Bun.Subprocess {
    const child = Bun.spawn(command, { env: this.env, stdin: "ignore", stdout: "ignore", stderr: "ignore" });
    this.#processes.push(child);
    void child.exited.then((code) => {
      if (!this.#stopping) this.#died.push(`${command[0]} (${child.signalCode ?? code})`);
    });
    return child;
  }

  /** What pactl says. */
  async control(...args: string[]): Promise<string> {
    const child = Bun.spawn(["pactl", ...args], { env: this.env, stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    if ((await child.exited) !== 0) throw new Error(`pactl ${args.join(" ")}: ${err.trim()}`);
    return out.trim();
  }

  /** A null sink comes, as a sound card is plugged in. */
  async plug(sink: string): Promise<void> {
    // Mono, since PipeWire 0.3.65 makes a sound 3 dB louder on its way from two channels to one.
    const shape = ["channels=1", "channel_map=mono", "rate=48000"];
    // PulseAudio's null sink works in blocks of 2 s, and without rewinds in blocks of 50 ms.
    if (this.kind === "pulseaudio") shape.push("norewinds=1");
    this.#modules.set(
      sink,
      await this.control("load-module", "module-null-sink", `sink_name=${sink}`, ...shape),
    );
    await until(
      async () => (await this.control("list", "short", "sources")).includes(`\t${sink}.monitor\t`),
      sink,
    );
  }

  /** It goes again. */
  async unplug(sink: string): Promise<void> {
    const module = this.#modules.get(sink);
    if (module === undefined) throw new Error(`${sink} is not plugged in`);
    this.#modules.delete(sink);
    await this.control("unload-module", module);
  }

  /** The server hangs until `SIGCONT`. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    const server = this.#processes.find(({ killed }) => !killed);
    if (this.kind === "pulseaudio") server?.kill(signal);
    else for (const child of this.#processes.slice(1)) child.kill(signal);
  }

  /** Processes that belong to this server or use it, as "pid command". */
  processes(): string[] {
    const mark = `XDG_RUNTIME_DIR=${this.folder}`;
    const found: string[] = [];
    for (const entry of readdirSync("/proc")) {
      if (!/^\d+$/.test(entry)) continue;
      try {
        if (!readFileSync(`/proc/${entry}/environ`, "latin1").split("\0").includes(mark)) continue;
        found.push(`${entry} ${readFileSync(`/proc/${entry}/comm`, "utf8").trim()}`);
      } catch {
        // It has ended meanwhile.
      }
    }
    return found;
  }

  /** Throws where a program of the server has ended by itself. */
  checkAlive(): void {
    if (this.#died.length > 0) throw new Error(`the sound server broke down: ${this.#died.join(", ")}`);
  }

  /** Ends the server; throws when something of it, or something that used it, is left after that. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const child of this.#processes.toReversed()) {
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
      await child.exited;
      clearTimeout(late);
    }
    try {
      await until(() => this.processes().length === 0, "the last process", STOP_LIMIT_MS);
    } catch {
      throw new Error(`left running: ${this.processes().join(", ")}`);
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
