import { findPcm } from "./alsa-cards.ts";
import { deviceError } from "./device-error.ts";
import { serverSocket } from "./sound-server.ts";

/** Programs that play or record through a pipe, in the order in which "auto" tries them. */
export const PIPE_PROGRAMS = ["pulse", "pipewire", "alsa", "sox"] as const;

/** "pulse": pacat and parec; "pipewire": pw-cat; "alsa": aplay and arecord; "sox": sox. */
export type PipeProgram = (typeof PIPE_PROGRAMS)[number];

/** A program as it is started, and what it does to the samples. */
export interface PipeCommand {
  program: PipeProgram;
  argv: [string, ...string[]];
  env: Record<string, string>;
  /** What the program holds when it plays, beside what is in the pipe. */
  bufferMs: number;
}

/** Command and Debian package of each program. */
const COMMANDS: Record<PipeProgram, { capture: string; playback: string; package: string }> = {
  pulse: { capture: "parec", playback: "pacat", package: "pulseaudio-utils" },
  pipewire: { capture: "pw-cat", playback: "pw-cat", package: "pipewire-bin" },
  alsa: { capture: "arecord", playback: "aplay", package: "alsa-utils" },
  sox: { capture: "sox", playback: "sox", package: "sox" },
};

const PERIOD_MS = 20;
/** aplay's whole buffer; it starts with the half of it. */
const ALSA_BUFFER_MS = 80;
const PULSE_LATENCY_MS = 40;

/** The first of the programs that is installed and whose sound server, if it needs one, runs. DEVICE_NOT_FOUND names packages. */
export function choosePipeProgram(
  wanted: PipeProgram | "auto",
  kind: "capture" | "playback",
  env: Record<string, string | undefined> = process.env,
): PipeProgram {
  const installed = (program: PipeProgram) =>
    Bun.which(COMMANDS[program][kind], { PATH: env["PATH"] ?? "" }) !== null;
  if (wanted !== "auto") {
    if (installed(wanted)) return wanted;
    const { package: name } = COMMANDS[wanted];
    throw deviceError(
      "DEVICE_NOT_FOUND",
      `${COMMANDS[wanted][kind]} is not installed; on Debian it is in the package ${name}`,
    );
  }
  const mac = process.platform === "darwin";
  const serves = (program: PipeProgram) =>
    program === "sox" ? mac : program === "alsa" ? !mac : serverSocket(program, env) !== undefined;
  const found = PIPE_PROGRAMS.find((program) => serves(program) && installed(program));
  if (found) return found;
  throw deviceError(
    "DEVICE_NOT_FOUND",
    mac
      ? "sox is not installed; install it with brew install sox"
      : "no program to play and record with: on Debian install the package alsa-utils, or pulseaudio-utils where a sound server runs",
  );
}

/** How `program` is started for raw PCM16 mono at `rateHz`; `device` is "default" or a name that the program knows. */
export function pipeCommand(
  program: PipeProgram,
  kind: "capture" | "playback",
  { device, rateHz }: { device: string; rateHz: number },
): PipeCommand {
  const named = device !== "default";
  const rate = String(rateHz);
  const command = COMMANDS[program][kind];
  const known = { program, env: {} };
  switch (program) {
    case "alsa": {
      const bufferUs = String(ALSA_BUFFER_MS * 1000);
      const argv: [string, ...string[]] = [
        command,
        ...["-t", "raw", "-f", "S16_LE", "-c", "1", "-r", rate, "-D", findPcm(device, kind)],
        ...["--buffer-time", bufferUs, "--period-time", String(PERIOD_MS * 1000)],
        ...(kind === "playback" ? ["--start-delay", String(2 * PERIOD_MS * 1000)] : []),
        // Without -q, with which aplay does not tell of a wrong rate.
      ];
      return { ...known, argv, bufferMs: 2 * PERIOD_MS };
    }
    case "pulse": {
      const latency = `--latency-msec=${kind === "playback" ? PULSE_LATENCY_MS : PERIOD_MS}`;
      const argv: [string, ...string[]] = [
        command,
        ...["--raw", "--format=s16le", "--channels=1", `--rate=${rate}`, latency],
        // PipeWire moves a stream to another device when its own goes, unless it is told not to.
        ...(named ? [`--device=${device}`, "--property=node.dont-reconnect=true"] : []),
        ...["--client-name=Myna", `--stream-name=${kind}`],
      ];
      return { ...known, argv, bufferMs: PULSE_LATENCY_MS };
    }
    case "pipewire": {
      const monitor = kind === "capture" && device.endsWith(".monitor");
      const argv: [string, ...string[]] = [
        command,
        kind === "playback" ? "-p" : "-r",
        ...["--rate", rate, "--channels", "1", "--format", "s16", "--latency", `${PERIOD_MS}ms`],
        ...(named ? ["--target", monitor ? device.slice(0, -".monitor".length) : device] : []),
        // PipeWire itself knows no monitors: a loudspeaker can be recorded from.
        ...(monitor ? ["-P", "{ stream.capture.sink=true }"] : []),
        "-",
      ];
      return { ...known, argv, bufferMs: PULSE_LATENCY_MS };
    }
    case "sox": {
      const raw = ["-t", "raw", "-r", rate, "-c", "1", "-b", "16", "-e", "signed-integer", "-"];
      const buffer = ["--buffer", String((rateHz * PERIOD_MS * 2) / 1000)];
      const argv: [string, ...string[]] = [
        command,
        "-q",
        ...buffer,
        ...(kind === "playback" ? [...raw, "-d"] : ["-d", ...raw]),
      ];
      return { ...known, argv, env: named ? { AUDIODEV: device } : {}, bufferMs: 2 * PERIOD_MS };
    }
  }
}
