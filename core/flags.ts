import { parseArgs } from "node:util";
import { MynaError } from "./errors.ts";
import { LOG_LEVELS } from "./log.ts";
import type { LogLevel } from "./log.ts";

/** One sentence for the robot, from the command line. */
export interface Utterance {
  kind: "say" | "wav";
  value: string;
}

/** What the command line asks for. */
export interface Flags {
  profile: string;
  check: boolean;
  help: boolean;
  version: boolean;
  json: boolean;
  exit: boolean;
  record?: string;
  logLevel?: LogLevel;
  set: string[];
  /** In the order of the command line. */
  utterances: Utterance[];
}

/** Every flag: the help text and docs/reference/cli.md come from here. */
export const FLAGS = {
  profile: {
    value: "NAME",
    help: "Robot to start: a profile of profiles/, or the path of a TOML file. Default: desktop-sim.",
  },
  say: {
    value: "TEXT",
    help: "Speak a sentence into the microphone; repeatable. Each waits until the robot is at rest.",
  },
  wav: {
    value: "FILE",
    help: "Play a WAV file (any rate, mono or stereo) into the microphone; repeatable, in order with --say.",
  },
  exit: {
    help: "Leave after the last --say or --wav was answered; exit code 0 only if every one got an answer.",
  },
  json: { help: 'Print every topic as a line {"t_ms","topic","event"} on stdout; logs go to stderr.' },
  record: { value: "DIR", help: "Keep what the loudspeaker played as a WAV file in DIR." },
  set: {
    value: "KEY=VALUE",
    help: "Override a profile key, such as plugins.board.room=corridor; repeatable, the last one wins.",
  },
  check: { help: "Validate the profile without opening a device, and leave." },
  "log-level": { value: "LEVEL", help: "debug, info, warn or error. Default: the profile's [log] level." },
  version: { help: "Print the version and leave." },
  help: { help: "Print this and leave." },
} as const satisfies Record<string, { help: string; value?: string }>;

/** Throws CONFIG_INVALID naming the flag. */
export function parseFlags(argv: readonly string[]): Flags {
  const options = Object.fromEntries(
    Object.entries(FLAGS).map(([name, flag]) => [
      name,
      "value" in flag ? { type: "string" as const, multiple: true } : { type: "boolean" as const },
    ]),
  );
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...argv], options, tokens: true, allowPositionals: true });
  } catch (cause) {
    const message = (cause as Error).message.split(". To specify")[0] ?? "";
    throw new MynaError("CONFIG_INVALID", `${message} (see --help)`, { cause });
  }
  if (parsed.positionals.length > 0) {
    throw new MynaError(
      "CONFIG_INVALID",
      `what is "${parsed.positionals[0]}"? Sentences are given by --say "…" (see --help)`,
    );
  }
  const { values } = parsed;
  const last = (name: string): string | undefined => (values[name] as string[] | undefined)?.at(-1);
  const utterances: Utterance[] = [];
  for (const token of parsed.tokens ?? []) {
    if (token.kind !== "option" || token.value === undefined) continue;
    if (token.name === "say" || token.name === "wav")
      utterances.push({ kind: token.name, value: token.value });
  }
  const record = last("record");
  const logLevel = parseLogLevel(last("log-level"));
  return {
    profile: last("profile") ?? "desktop-sim",
    check: values["check"] === true,
    help: values["help"] === true,
    version: values["version"] === true,
    json: values["json"] === true,
    exit: values["exit"] === true,
    set: (values["set"] as string[] | undefined) ?? [],
    utterances,
    ...(record !== undefined && { record }),
    ...(logLevel !== undefined && { logLevel }),
  };
}

function parseLogLevel(text: string | undefined): LogLevel | undefined {
  const level = LOG_LEVELS.find((name) => name === text);
  if (text !== undefined && level === undefined) {
    throw new MynaError(
      "CONFIG_INVALID",
      `--log-level: expected debug, info, warn or error, not "${text}" (see --help)`,
    );
  }
  return level;
}

/** The text of `--help`. */
export function helpText(profiles: readonly string[]): string {
  const rows = Object.entries(FLAGS).map(([name, flag]) => {
    const left = `  --${name}${"value" in flag ? ` ${flag.value}` : ""}`;
    return `${left.padEnd(22)}${flag.help}`;
  });
  return `Usage: bun run start [--profile NAME] [options]
       bun run --profile NAME [options]       for a profile that ships with Myna

Starts a robot and lets you talk to it. On a terminal you type sentences; they are spoken into its microphone.

${rows.join("\n")}

Profiles: ${profiles.join(", ")}

Settings, strongest first: --set, environment (MYNA_SESSION__MODEL=… sets session.model), local.toml beside
the profile, the profile, what it extends. OPENAI_API_KEY is taken from the environment only.

Examples:
  bun run --profile desktop-sim
  bun run --profile desktop-sim --say "move forward fifty centimetres" --exit
  bun run start --profile ./my-robot.toml --check
`;
}
