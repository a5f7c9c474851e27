/** Every error code of the runtime: whether trying again can help, and what it means to the person who reads it. */
export const ERRORS = {
  CONFIG_INVALID: { retryable: false, meaning: "A profile, an overlay or a command-line setting is wrong." },
  CONFIG_NOT_FOUND: { retryable: false, meaning: "A profile or a file that a profile names does not exist." },
  PLUGIN_NOT_FOUND: { retryable: false, meaning: "No driver or package has the name given by `use`." },
  PLUGIN_INVALID: {
    retryable: false,
    meaning: "A plugin's module does not export what definePlugin returns.",
  },
  PLUGIN_SETUP_FAILED: { retryable: false, meaning: "A plugin's setup threw." },
  PLUGIN_SETUP_TIMEOUT: { retryable: false, meaning: "A plugin's setup did not end in time." },
  PLUGIN_QUARANTINED: {
    retryable: false,
    meaning: "A plugin failed too often within a minute and was stopped.",
  },
  PLUGIN_REQUIRED: {
    retryable: false,
    meaning: "A plugin that the profile requires, or that the caller needs itself, cannot be switched off.",
  },
  SERVICE_UNAVAILABLE: { retryable: true, meaning: "No plugin provides the service at the moment." },
  SERVICE_TAKEN: { retryable: false, meaning: "Two plugins provide the same service." },
  WEB_PATH_TAKEN: { retryable: false, meaning: "Two plugins answer the same path of the web door." },
  DEVICE_NOT_FOUND: { retryable: true, meaning: "A device of that name is not there." },
  DEVICE_BUSY: { retryable: true, meaning: "Another program or plugin holds the device." },
  DEVICE_FAILED: { retryable: true, meaning: "A device stopped working." },
  DEVICE_SILENT: {
    retryable: true,
    meaning: "A microphone gives nothing but zeros: it hangs, or it is muted.",
  },
  AUDIO_FORMAT: { retryable: false, meaning: "An audio file or stream has a format that is not supported." },
  TOOL_UNKNOWN: { retryable: false, meaning: "The model called a tool that does not exist." },
  TOOL_TAKEN: { retryable: false, meaning: "Two plugins register a tool of the same name." },
  TOOL_ARGUMENTS: {
    retryable: false,
    meaning: "The model called a tool with arguments that its schema refuses.",
  },
  TOOL_FAILED: { retryable: false, meaning: "A tool threw." },
  TOOL_TIMEOUT: { retryable: true, meaning: "A tool did not end within its time limit." },
  TOOL_ABORTED: { retryable: true, meaning: "A tool was told to stop before it ended." },
  MOTION_REFUSED: { retryable: false, meaning: "The body was asked for a motion outside its limits." },
  MOTION_TAKEN: {
    retryable: true,
    meaning: "A person drives: what a program asks of the wheels is refused until they let go.",
  },
  SOUND_UNKNOWN: { retryable: false, meaning: "There is no sound of that name." },
  LINK_REFUSED: { retryable: true, meaning: "The Realtime server could not be reached." },
  LINK_AUTH: { retryable: false, meaning: "The Realtime server refused the key." },
  TOKEN_UNAVAILABLE: {
    retryable: true,
    meaning: "The command or server that gives tokens for the Realtime server did not give one.",
  },
  LINK_CLOSED: { retryable: true, meaning: "The connection to the Realtime server was lost." },
  LINK_FATAL: {
    retryable: false,
    meaning: "The Realtime server closed the connection for a reason that a retry cannot mend.",
  },
  LINK_TIMEOUT: { retryable: true, meaning: "The Realtime server did not answer in time." },
  OUTBOX_FULL: {
    retryable: true,
    meaning: "More was to be sent than the outbox holds while the link was down.",
  },
  SERVER_ERROR: { retryable: true, meaning: "The Realtime server reported an error event." },
  ARGUMENT_INVALID: { retryable: false, meaning: "A program called with a value that the call cannot take." },
  LISTENER_FAILED: { retryable: false, meaning: "A listener of a RealtimeClient threw." },
  BUDGET_SPENT: {
    retryable: false,
    meaning: "A cap of [budget] is spent: the robot sleeps until there is budget again.",
  },
  PORT_IN_USE: { retryable: true, meaning: "Another program listens on the port." },
  SPEECH_UNAVAILABLE: { retryable: false, meaning: "The speech recogniser or its model is not installed." },
  SHUTTING_DOWN: { retryable: false, meaning: "The robot is being switched off." },
} as const satisfies Record<string, { retryable: boolean; meaning: string }>;

/** A stable name for a failure; never reused for another one. */
export type ErrorCode = keyof typeof ERRORS;

/** An error as data: a code of {@link ERRORS}, retryable or not, with its cause kept. */
export class MynaError extends Error {
  override readonly name = "MynaError";
  readonly code: ErrorCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? ERRORS[code].retryable;
  }

  /** Any thrown value as a MynaError: itself if it is one, else wrapped under its own `code` of {@link ERRORS}, else under `code`. */
  static from(thrown: unknown, code: ErrorCode): MynaError {
    if (isMynaError(thrown)) return thrown;
    const message = Error.isError(thrown) ? thrown.message : String(thrown);
    const own = (thrown as { code?: unknown } | null | undefined)?.code;
    const known = typeof own === "string" && Object.hasOwn(ERRORS, own) ? (own as ErrorCode) : code;
    return new MynaError(known, message, { cause: thrown });
  }
}

/** True for a MynaError of any copy of this module: plugins may carry a copy of their own. */
export function isMynaError(value: unknown): value is MynaError {
  return Error.isError(value) && value.name === "MynaError" && "code" in value && "retryable" in value;
}
