import type { TomlValue } from "../doctor/toml-edit.ts";
import type { ServiceName, Services } from "../services.ts";

/** One guided step of `bun run calibrate`. It runs on a robot of its own, which has what the steps before it found. */
export interface CalibrationStep<Config = unknown> {
  /** What it finds out, and what the person needs for it. */
  title: string;
  /** Ends with the body at rest. What it throws ends the wizard, and nothing is written. */
  run(visit: CalibrationVisit<Config>): Promise<void>;
}

/** What a step is given: a robot without voice and tools, a person, and the keys that are to be written. */
export interface CalibrationVisit<Config = unknown> {
  /** Key of the plugin's table in the profile. */
  readonly id: string;
  readonly config: Config;
  /** Aborts when the wizard is ended. */
  readonly signal: AbortSignal;
  /** As the context of a plugin's setup gives them. */
  use<S extends ServiceName>(name: S): Services[S];
  has(name: ServiceName): boolean;
  say(text: string): void;
  /**
   * A line of the person, trimmed; "" where only Enter was pressed. Rejects when nobody is there any more. At a terminal what was typed
   * before the question is no answer. Before anything drives, use `choose` with "n" first: an Enter too many is no consent.
   */
  ask(question: string): Promise<string>;
  /** Asks until the answer is one of the letters; Enter is the first of them. */
  choose<L extends string>(question: string, letters: readonly [L, ...L[]]): Promise<L>;
  /** Asks until the answer is a number within the limits; undefined for Enter. */
  number(question: string, limits: { min: number; max: number }): Promise<number | undefined>;
  /** Keys of this plugin's table. The last value counts. */
  set(keys: Record<string, TomlValue>): void;
  /** The same for the table of the plugin that provides a service; keys that this one does not have are left out. */
  setOf(service: ServiceName, keys: Record<string, TomlValue>): void;
}
