import type { z } from "zod";
import type { AudioPort } from "./audio/port.ts";
import type { CalibrationStep } from "./calibrate/step.ts";
import type { DoctorVisit, Finding } from "./doctor/finding.ts";
import type { HostPort } from "./host-port.ts";
import type { Logger } from "./log.ts";
import type { SessionPort } from "./realtime/port.ts";
import type { ServiceName, Services } from "./services.ts";
import type { ToolDefinition } from "./tools.ts";
import type { TopicName, Topics } from "./topics.ts";

/** Undoes what gave it; calling it twice is harmless. */
export type Undo = () => void;

/**
 * What a plugin is given. Everything acquired through it is released by the host, last first, when the plugin is
 * unloaded or reloaded; a plugin has no dispose function of its own.
 */
export interface PluginContext<Config = unknown, State = unknown> {
  /** Key of the plugin's table in the profile. */
  readonly id: string;
  readonly config: Config;
  /** Plain data that outlives a reload; made by the plugin's `state()` at the first start. */
  readonly state: State;
  /** Aborts when the plugin is unloaded. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly audio: AudioPort;
  readonly session: SessionPort;
  /** Privileged: the robot's plugins and its log, for a console. */
  readonly host: HostPort;

  on<T extends TopicName>(topic: T, handler: (event: Topics[T]) => void): Undo;
  publish<T extends TopicName>(topic: T, event: Topics[T]): void;
  /** Sees every event of every topic; for recorders and metrics. */
  tap(handler: (topic: string, event: unknown) => void): Undo;

  /** Offers a service; SERVICE_TAKEN when another plugin offers it. */
  provide<S extends ServiceName>(name: S, service: Services[S]): void;
  /** A handle that finds the provider at each call; the call throws SERVICE_UNAVAILABLE when there is none. */
  use<S extends ServiceName>(name: S): Services[S];
  /** True when `name` has a provider now. */
  has(name: ServiceName): boolean;

  tool<Parameters extends z.ZodObject>(tool: ToolDefinition<Parameters>): void;

  /**
   * Called when the program is to end without haste (SIGTERM, where `[runtime] drain_s` is above 0 and there are no wheels): take
   * nobody new, and resolve when the last one has gone. What takes longer than `drain_s` is cut off.
   */
  drain(finish: () => void | Promise<void>): void;
  /**
   * Runs `body` outside of the plugin's module world: what it opens outlives the plugin unless `defer` closes it. For native
   * libraries that call back from threads of their own: a call into a world that is gone throws, and that ends the process.
   */
  detached<T>(body: () => T): T;
  /** Registers clean-up of what was not acquired through the context. */
  defer(undo: () => void | Promise<void>): void;
  /** A repeating timer. */
  every(periodMs: number, run: () => void): Undo;
  /** A single timer. */
  after(delayMs: number, run: () => void): Undo;

  /** How well the plugin does, for the health report. */
  health(state: "ready" | "degraded", message?: string): void;
  /**
   * The plugin cannot go on (its device vanished, its child died): the host releases everything and sets it up again,
   * with the same back-off as a retryable error in `setup`.
   */
  fail(error: Error): void;
  /** Data for the health report and the metrics; called when someone looks. */
  inspect(report: () => Record<string, unknown>): void;
  /** Every plugin's state, health and inspect data, as `/healthz` shows them. */
  report(): HealthReport;
  /**
   * The emergency stop: wheels to zero and nothing moves until `body.release`, as far as the robot has them. Asked for while
   * the body is away, as while its plugin is started again, it is kept and holds before anything of the body can be used. Never throws.
   */
  emergencyStop(reason: string): void;
  /** Switches the robot off with this exit code. */
  shutdown(exitCode: number, reason: string): void;
}

/** The state of the whole robot. */
export interface HealthReport {
  ok: boolean;
  uptimeS: number;
  profile: string;
  session: { state: string; url: string };
  plugins: PluginHealth[];
  /** Counters of the core: bus, audio, session, tools. */
  core: Record<string, Record<string, unknown>>;
}

/** One plugin in the health report; `inspect` is what it shows of itself. */
export interface PluginHealth {
  id: string;
  use: string;
  state: string;
  message?: string;
  reloads: number;
  inspect: Record<string, unknown>;
}

/** A plugin as its module exports it by default. */
export interface PluginDefinition<Schema extends z.ZodObject = z.ZodObject, State = unknown> {
  /** Folder name, `<capability>-<driver>`. */
  name: string;
  /** Keys of the profile table besides `use`, `required`, `setup_timeout_s` and `enabled`; unknown keys are refused. */
  config: Schema;
  /** Services that must be provided before `setup` runs; also the start order. */
  requires?: readonly ServiceName[];
  /** Services it offers, so that the start order is known before it runs. */
  provides?: readonly ServiceName[];
  state?: () => State;
  /**
   * Looks at what the config names (a file, a folder) without opening a device: `--check` and a start call it before anything
   * is set up. Throw CONFIG_NOT_FOUND or CONFIG_INVALID with a message that begins with the key: "room: there is no …".
   */
  check?(config: z.infer<Schema>): void | Promise<void>;
  /**
   * Looks, for `bun run doctor`, at what the plugin needs of the computer: is the device there, may it be used, what mends it. The
   * plugin is not set up; a robot may run meanwhile, and nothing may move.
   */
  doctor?(visit: DoctorVisit<z.infer<Schema>>): Finding[] | Promise<Finding[]>;
  /** Guided steps of `bun run calibrate` by their names, in order. */
  calibrate?: Readonly<Record<string, CalibrationStep<z.infer<Schema>>>>;
  /**
   * May be asynchronous. Throw a retryable MynaError (DEVICE_NOT_FOUND, DEVICE_BUSY …) for a device that is not ready yet,
   * CONFIG_INVALID for a setting that cannot work; anything else counts as a fault of the plugin.
   */
  setup(ctx: PluginContext<z.infer<Schema>, State>): void | Promise<void>;
}

/** Checks nothing at run time; gives `setup` its types. */
export function definePlugin<Schema extends z.ZodObject, State = unknown>(
  plugin: PluginDefinition<Schema, State>,
): PluginDefinition<Schema, State> {
  return plugin;
}
