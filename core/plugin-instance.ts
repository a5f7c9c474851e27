import { MynaError } from "./errors.ts";
import type { LateFault, LoadedPlugin } from "./loader.ts";
import { loadPlugin } from "./loader.ts";
import { describeError } from "./log.ts";
import type { Logger } from "./log.ts";
import { shownConfig } from "./host-port.ts";
import type { PluginSheet } from "./host-port.ts";
import { createContext } from "./plugin-context.ts";
import type { CoreParts } from "./plugin-context.ts";
import type { PluginHealth } from "./plugin.ts";
import type { ProfileCode } from "./profile-code.ts";
import { parsePluginConfig } from "./profile.ts";
import type { Driver, PluginEntry } from "./profile.ts";
import { Resources } from "./resources.ts";
import type { PluginState } from "./topics.ts";

const CRASH_WINDOW_MS = 60_000;

/** What an instance reports to the host. */
export interface InstanceEvents {
  stateChanged(instance: PluginInstance): void;
  /** Too many faults within a minute. */
  crashed(instance: PluginInstance): void;
  /** The plugin asked to be set up again. */
  failed(instance: PluginInstance, error: MynaError): void;
}

/** One table of the profile: its code, what it holds, and how it does. */
export class PluginInstance {
  readonly entry: PluginEntry;
  driver: Driver;
  loaded: LoadedPlugin | undefined;
  state: PluginState = "starting";
  error: MynaError | undefined;
  message: string | undefined;
  reloads = 0;
  /** Setups that failed in a row. */
  failures = 0;
  /** The plugin's own data; outlives reloads. */
  #data: unknown = undefined;
  /** As the present driver's schema made it at the last start; the table of the profile before. */
  #config: Record<string, unknown>;
  #resources: Resources | undefined;
  #inspect: (() => Record<string, unknown>) | undefined;
  #faultTimesMs: number[] = [];
  readonly #core: CoreParts;
  readonly #events: InstanceEvents;
  readonly #crashLimit: number;
  readonly #log: Logger;

  constructor(entry: PluginEntry, core: CoreParts, events: InstanceEvents, crashLimit: number) {
    const [driver] = entry.drivers;
    if (!driver) throw new MynaError("CONFIG_INVALID", `${entry.place("use")}: names no driver`);
    this.entry = entry;
    this.driver = driver;
    this.#config = entry.config;
    this.#core = core;
    this.#events = events;
    this.#crashLimit = crashLimit;
    this.#log = core.log.child(entry.id);
  }

  get id(): string {
    return this.entry.id;
  }

  /** New code of the present driver, or what `code` holds of it, validated together with its config; nothing that runs is touched. */
  async load(driver = this.driver, code?: ProfileCode): Promise<LoadedPlugin> {
    const fault: LateFault = (error) => this.#fault("late", error);
    const checked = code?.take(driver, fault);
    if (checked) return checked;
    const loaded = await loadPlugin(driver.entry, fault);
    try {
      parsePluginConfig(loaded.definition.config, this.entry, driver);
      return loaded;
    } catch (error) {
      loaded.dispose();
      throw error;
    }
  }

  /** Runs `setup` of `loaded`; on failure everything it acquired is released again and the error thrown. */
  async setUp(loaded: LoadedPlugin): Promise<void> {
    const resources = new Resources(this.#log);
    this.loaded = loaded;
    this.#resources = resources;
    this.#inspect = undefined;
    const { definition, run } = loaded;
    const limitMs = this.entry.setupTimeoutMs;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(
        new MynaError(
          "PLUGIN_SETUP_TIMEOUT",
          `setup of plugin "${this.id}" did not end within ${limitMs / 1000} s`,
        ),
      );
    }, limitMs);
    try {
      if (definition.state) this.#data ??= run(definition.state);
      const config = parsePluginConfig(definition.config, this.entry, this.driver);
      this.#config = config;
      const context = createContext(this.#core, {
        id: this.id,
        driver: definition.name,
        config,
        state: this.#data,
        resources,
        run,
        fault: (where, error) => this.#fault(where, error),
        health: (state, message) => this.setState(state, message),
        fail: (error) => this.#events.failed(this, MynaError.from(error, "DEVICE_FAILED")),
        inspect: (report) => void (this.#inspect = report),
      });
      // A promise of a disposed module world never settles: the time limit is the way out.
      await Promise.race([
        run(async () => definition.setup(context as Parameters<typeof definition.setup>[0])),
        late.promise,
      ]);
      this.failures = 0;
      this.error = undefined;
    } catch (thrown) {
      await this.tearDown();
      throw setupError(this.id, thrown);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Releases what the plugin holds; its data is kept. */
  async tearDown(): Promise<void> {
    const { loaded } = this;
    const resources = this.#resources;
    this.#resources = undefined;
    this.#inspect = undefined;
    await resources?.release();
    loaded?.dispose();
  }

  setState(state: PluginState, message?: string, error?: MynaError): void {
    if (this.state === state && this.message === message) return;
    this.state = state;
    this.message = message;
    this.error = error;
    this.#events.stateChanged(this);
  }

  health(): PluginHealth {
    let inspect: Record<string, unknown> = {};
    try {
      inspect = this.#inspect?.() ?? {};
    } catch (error) {
      inspect = { error: describeError(error) };
    }
    return {
      id: this.id,
      use: this.driver.use,
      state: this.state,
      reloads: this.reloads,
      inspect,
      ...(this.message !== undefined && { message: this.message }),
    };
  }

  sheet(): PluginSheet {
    return {
      ...this.health(),
      drivers: this.entry.drivers.map(({ use }) => use),
      required: this.entry.required,
      provides: this.loaded?.definition.provides ?? [],
      config: shownConfig(this.#config),
    };
  }

  forgiveFaults(): void {
    this.#faultTimesMs = [];
  }

  #fault(where: string, error: unknown): void {
    if (this.state === "quarantined" || this.state === "stopped") return;
    const nowMs = performance.now();
    this.#faultTimesMs = this.#faultTimesMs.filter((timeMs) => nowMs - timeMs < CRASH_WINDOW_MS);
    this.#faultTimesMs.push(nowMs);
    this.#log.error(`plugin threw (${where})`, {
      error: describeError(error),
      faults: this.#faultTimesMs.length,
    });
    if (this.#faultTimesMs.length >= this.#crashLimit) this.#events.crashed(this);
  }
}

function setupError(id: string, thrown: unknown): MynaError {
  const error = MynaError.from(thrown, "PLUGIN_SETUP_FAILED");
  if (error === thrown || error.code !== "PLUGIN_SETUP_FAILED") return error;
  return new MynaError("PLUGIN_SETUP_FAILED", `setup of plugin "${id}" threw: ${error.message}`, {
    cause: thrown,
  });
}
