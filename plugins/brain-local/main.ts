import { parseArgs } from "node:util";
import { BRAIN_DIALECTS } from "./brain.ts";
import type { BrainDialect } from "./brain.ts";
import type { ChildLine, ChildLog } from "./child-line.ts";
import { LOG_LEVELS } from "./child-line.ts";
import { makeParts } from "./parts.ts";
import { startBrain } from "./server.ts";

const USAGE = `Usage: bun run brain [--port N] [options]

An OpenAI-Realtime-compatible server on 127.0.0.1 that needs no key and no network.

  --port N             port to listen on (default 8765; 0 takes any free one)
  --voice NAME         voice of sessions that name none (default rms)
  --silence-ms N       silence that ends a turn unless the session says otherwise (default 500)
  --session-minutes N  life of a session (default 1440)
  --dialect NAME       ${BRAIN_DIALECTS.join(", ")} (default ga; both: the client's OpenAI-Beta header decides)
  --speed N            times faster than heard at which answers are sent (default 4)
  --origin URL         web page that may connect besides those of this machine; may be repeated, * for all
  --log-level LEVEL    ${LOG_LEVELS.join(", ")} (default info)
  --child              for the runtime: JSON on stdout, ends when stdin ends
  --help
`;

/** What the command line says. */
interface Flags {
  port: number;
  voice: string;
  silenceMs: number;
  sessionMinutes: number;
  dialect: BrainDialect;
  speed: number;
  origins: string[];
  logLevel: ChildLog["level"];
  child: boolean;
}

class UsageError extends Error {}

function readFlags(args: string[]): Flags | "help" {
  const { values } = parseArgs({
    args,
    options: {
      port: { type: "string", default: "8765" },
      voice: { type: "string", default: "rms" },
      "silence-ms": { type: "string", default: "500" },
      "session-minutes": { type: "string", default: "1440" },
      dialect: { type: "string", default: "ga" },
      speed: { type: "string", default: "4" },
      origin: { type: "string", multiple: true, default: [] },
      "log-level": { type: "string", default: "info" },
      child: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return "help";
  const level = LOG_LEVELS.find((name) => name === values["log-level"]);
  if (!level) throw new UsageError(`--log-level: expected ${LOG_LEVELS.join(", ")}.`);
  const dialect = BRAIN_DIALECTS.find((name) => name === values.dialect);
  if (!dialect) throw new UsageError(`--dialect: expected ${BRAIN_DIALECTS.join(", ")}.`);
  return {
    dialect,
    port: numberIn(values.port, "--port", 0, 65_535),
    voice: values.voice,
    silenceMs: numberIn(values["silence-ms"], "--silence-ms", 20, 10_000),
    sessionMinutes: numberIn(values["session-minutes"], "--session-minutes", 1, 100_000),
    speed: numberIn(values.speed, "--speed", 1, 1000),
    origins: values.origin,
    logLevel: level,
    child: values.child,
  };
}

function numberIn(text: string, flag: string, min: number, max: number): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= min && value <= max)) {
    throw new UsageError(`${flag}: expected a number from ${min} to ${max}, got "${text}".`);
  }
  return value;
}

async function run(flags: Flags): Promise<void> {
  const log = (level: ChildLog["level"], message: string) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(flags.logLevel)) return;
    const line: ChildLog = { level, message };
    process.stderr.write(flags.child ? `${JSON.stringify(line)}\n` : `${level}: ${message}\n`);
  };
  const parts = makeParts(flags.voice, (message) => log("warn", message));
  const brain = await startBrain({
    mind: parts.mind,
    voice: parts.voice,
    createRecognizer: parts.createRecognizer,
    hearing: parts.hearing,
    dialect: flags.dialect,
    port: flags.port,
    defaultVoice: flags.voice,
    silenceMs: flags.silenceMs,
    sessionCapMs: flags.sessionMinutes * 60_000,
    speed: flags.speed,
    origins: flags.origins,
    onFault: (message) => log("error", message),
  });
  const hearing = parts.hearing();
  const leave = () => void brain.close().finally(() => process.exit(0));
  if (flags.child) {
    // Ctrl-C reaches the whole terminal, and a service's stop all its processes; the runtime stops its robot first and
    // then lets go of stdin.
    process.on("SIGINT", () => {});
    process.on("SIGTERM", () => {});
    process.stdin.on("end", leave);
    process.stdin.on("close", leave);
    process.stdin.resume();
    const line: ChildLine = { url: brain.url, hearing };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  } else {
    process.on("SIGINT", leave);
    process.on("SIGTERM", leave);
    process.stdout.write(greeting(brain.url, flags.dialect, hearing));
  }
  parts.warmUp();
}

const DIALECT_NAMES: Record<BrainDialect, string> = { ga: "GA", beta: "beta", both: "GA or beta" };

function greeting(
  url: string,
  dialect: BrainDialect,
  hearing: { available: boolean; hint?: string },
): string {
  const http = url.replace(/^ws/, "http").replace(/\/realtime$/, "");
  const ears = hearing.available ? "It understands speech." : `It cannot hear: ${hearing.hint ?? ""}`;
  return `The brain listens at ${url}?model=myna-local
${ears}

Any client of the OpenAI Realtime API (${DIALECT_NAMES[dialect]}) can talk to it; the key may be anything:
  new WebSocket("${url}?model=myna-local")
  OPENAI_BASE_URL=${http}
Speech alone:
  curl ${http}/audio/speech -d '{"input":"hello"}' -o hello.wav

Ctrl-C ends it.
`;
}

function codeOf(thrown: unknown): string {
  const code = Error.isError(thrown) && "code" in thrown ? thrown.code : null;
  return typeof code === "string" ? code : "DEVICE_FAILED";
}

async function main(): Promise<void> {
  const child = process.argv.includes("--child");
  try {
    const flags = readFlags(process.argv.slice(2));
    if (flags === "help") process.stdout.write(USAGE);
    else await run(flags);
  } catch (thrown) {
    const message = Error.isError(thrown) ? thrown.message : String(thrown);
    const line: ChildLine = { error: { code: codeOf(thrown), message } };
    if (child) process.stdout.write(`${JSON.stringify(line)}\n`);
    else process.stderr.write(`${message}\n`);
    const usage = thrown instanceof UsageError || thrown instanceof TypeError;
    process.exit(usage ? 2 : 1);
  }
}

await main();
