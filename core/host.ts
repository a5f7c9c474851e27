import { MynaError } from "./errors.ts";
import type { LoadedPlugin } from "./loader.ts";
import type { HostPort } from "./host-port.ts";
import { describeError, tapLog } from "./log.ts";
import type { CoreParts } from "./plugin-context.ts";
import { PluginInstance } from "./plugin-instance.ts";
import type { PluginHealth } from "./plugin.ts";
import type { ProfileCode } from "./profile-code.ts";
import type { PluginEntry } from "./profile.ts";
import { startOrder } from "./start-order.ts";

/** sysexits.h: EX_CONFIG for what a person must change, EX_UNAVAILABLE for the rest. */
const EXIT_CONFIG = 78;
const EXIT_UNAVAILABLE = 69;
const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 30_000;

/** Loads, starts, reloads, retries, quarantines and stops plugins; knows none of them by name. */
export class Host {
  readonly #core: CoreParts;
  /** What a console may do; plugins have it as `ctx.host`. */
  readonly port: HostPort;
  readonly #crashLimit: number;
  #instances: PluginInstance[] = [];
  /** Loaded ahead, for the first start. */
  #code: ProfileCode | undefined;
  readonly #retries = new Map<string, ReturnType<typeof setTimeout>>();
  /** One change at a time for each plugin. */
  readonly #queues = new Map<string, Promise<unknown>>();
  #stopping = false;

  constructor(core: Omit<CoreParts, "host">, crashLimit: number) {
    this.port = {
      plugins: () => this.#instances.map((instance) => instance.sheet()),
      reload: (id) => this.reload(id),
      disable: (id) => this.disable(id),
      enable: (id) => this.enable(id),
      onLog: (handler) => tapLog(core.log, handler),
    };
    this.#core = { ...core, host: this.port };
    this.#crashLimit = crashLimit;
    core.services.onChanged((_, provided) => provided && this.#startWaiting());
  }

  /** Resolves when every plugin has been tried once; those that wait or retry go on by themselves. What `code` holds is not loaded again. */
  async start(entries: PluginEntry[], code?: ProfileCode): Promise<void> {
    this.#code = code;
    this.#instances = entries.map((entry) => this.#create(entry));
    await Promise.all(
      this.#instances.map(async (instance) => {
        try {
          instance.loaded = await instance.load(undefined, code);
        } catch (thrown) {
          this.#give(instance, MynaError.from(thrown, "PLUGIN_INVALID"));
        }
      }),
    );
    const settled = new Map<PluginInstance, Promise<void>>();
    for (const { instance, after, missing } of startOrder(this.#instances, (name) =>
      this.#core.services.has(name),
    )) {
      if (missing) {
        instance.loaded?.dispose();
        this.#give(instance, missing);
        continue;
      }
      settled.set(
        instance,
        Promise.all(after.map((one) => settled.get(one))).then(() =>
          this.#queue(instance, () => this.#begin(instance)),
        ),
      );
    }
    await Promise.all(settled.values());
    code?.[Symbol.dispose]();
  }

  get instances(): readonly PluginInstance[] {
    return this.#instances;
  }

  health(): PluginHealth[] {
    return this.#instances.map((instance) => instance.health());
  }

  /**
   * New code in, validated before the old is disposed. Where its setup fails the old version is set up again, and the
   * returned promise rejects with the reason.
   */
  reload(id: string): Promise<void> {
    return this.#change(id, (instance) => this.#swap(instance));
  }

  /** Releases all that the plugin holds and leaves it stopped until `enable`; PLUGIN_REQUIRED where the robot needs it. */
  disable(id: string): Promise<void> {
    return this.#change(id, async (instance) => {
      if (instance.entry.required)
        throw new MynaError("PLUGIN_REQUIRED", `the profile requires "${id}": it cannot be switched off`);
      clearTimeout(this.#retries.get(id));
      this.#retries.delete(id);
      await instance.tearDown();
      instance.setState("stopped", "switched off by an operator");
    });
  }

  /** Starts a plugin that was stopped, with its code as it is now. */
  enable(id: string): Promise<void> {
    return this.#change(id, async (instance) => {
      if (instance.state === "stopped") await this.#swap(instance);
    });
  }

  #change(id: string, work: (instance: PluginInstance) => Promise<void>): Promise<void> {
    const instance = this.#instances.find((one) => one.id === id);
    if (!instance) return Promise.reject(new MynaError("PLUGIN_NOT_FOUND", `there is no plugin "${id}"`));
    return this.#queue(instance, () => work(instance));
  }

  /** Releases every plugin, last started first. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#retries.values()) clearTimeout(timer);
    for (const instance of this.#instances.toReversed()) {
      await instance.tearDown();
      instance.setState("stopped");
    }
  }

  #create(entry: PluginEntry): PluginInstance {
    const events = {
      stateChanged: (instance: PluginInstance) => this.#announce(instance),
      crashed: (instance: PluginInstance) => void this.#queue(instance, () => this.#quarantine(instance)),
      failed: (instance: PluginInstance, error: MynaError) => {
        const { loaded } = instance;
        void this.#queue(instance, async () => {
          if (instance.state === "stopped" || instance.state === "quarantined") return;
          // Said a second time of the same run, or of one that has been replaced meanwhile.
          if (instance.loaded !== loaded) return;
          await instance.tearDown();
          instance.loaded = instance.loaded?.revive();
          this.#give(instance, new MynaError(error.code, error.message, { cause: error, retryable: true }));
        });
      },
    };
    return new PluginInstance(entry, this.#core, events, this.#crashLimit);
  }

  /** First start or another try: waits where a service is missing, falls back to the next driver where a device is. */
  async #begin(instance: PluginInstance): Promise<void> {
    if (this.#stopping || !instance.loaded) return;
    const lacking =
      instance.loaded.definition.requires?.filter((name) => !this.#core.services.has(name)) ?? [];
    if (lacking.length > 0) {
      instance.setState("retrying", `waits for the service ${lacking.join(", ")}`);
      return;
    }
    try {
      await instance.setUp(instance.loaded);
      settle(instance);
    } catch (thrown) {
      await this.#recover(instance, MynaError.from(thrown, "PLUGIN_SETUP_FAILED"));
    }
  }

  async #recover(instance: PluginInstance, error: MynaError): Promise<void> {
    const { drivers } = instance.entry;
    const next = drivers[drivers.indexOf(instance.driver) + 1];
    if (next && error.code === "DEVICE_NOT_FOUND") {
      this.#core.log.info("device not there, next driver", {
        plugin: instance.id,
        driver: instance.driver.use,
        next: next.use,
      });
      try {
        instance.loaded = await instance.load(next, this.#code);
        instance.driver = next;
        return await this.#begin(instance);
      } catch (thrown) {
        return this.#give(instance, MynaError.from(thrown, "PLUGIN_INVALID"));
      }
    }
    instance.loaded = instance.loaded?.revive();
    this.#give(instance, error);
  }

  /** Retryable errors are tried again after 1, 2, 4 … 30 s; others stand until the code or the profile changes. */
  #give(instance: PluginInstance, error: MynaError): void {
    if (this.#stopping) return;
    const log = this.#core.log.child(instance.id);
    // A port is not freed by waiting, and whoever demands the plugin waits for it in vain.
    if (error.retryable && !(instance.entry.required && error.code === "PORT_IN_USE")) {
      const delayMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** instance.failures++);
      if (instance.failures === 1)
        log.warn("plugin is not ready and will be tried again", { error: describeError(error) });
      instance.setState("retrying", error.message, error);
      clearTimeout(this.#retries.get(instance.id));
      const timer = setTimeout(() => {
        this.#retries.delete(instance.id);
        void this.#queue(instance, async () => {
          if (instance.state !== "retrying") return;
          await this.#renew(instance);
          await this.#begin(instance);
          if (isUp(instance)) log.info("plugin is back");
        });
      }, delayMs);
      this.#retries.set(instance.id, timer);
      return;
    }
    log.error("plugin failed", { error: describeError(error) });
    instance.setState("failed", error.message, error);
    if (instance.entry.required) {
      const code = error.code.startsWith("CONFIG") ? EXIT_CONFIG : EXIT_UNAVAILABLE;
      this.#core.shutdown(code, `the required plugin "${instance.id}" failed: ${error.message}`);
    }
  }

  /** For another try: code whose module world has ended runs again, but could load no more code. */
  async #renew(instance: PluginInstance): Promise<void> {
    const fresh = await instance.load().catch(() => undefined);
    if (!fresh) return;
    instance.loaded?.dispose();
    instance.loaded = fresh;
  }

  #startWaiting(): void {
    for (const instance of this.#instances) {
      if (instance.state !== "retrying" || this.#retries.has(instance.id)) continue;
      void this.#queue(instance, async () => {
        if (instance.state === "retrying") await this.#begin(instance);
      });
    }
  }

  async #swap(instance: PluginInstance): Promise<void> {
    const startedMs = performance.now();
    const log = this.#core.log.child(instance.id);
    const release = this.#core.tools.hold();
    const ran = isUp(instance);
    try {
      const next = await instance.load();
      clearTimeout(this.#retries.get(instance.id));
      this.#retries.delete(instance.id);
      const old = instance.loaded;
      await instance.tearDown();
      instance.setState("starting");
      await this.#setUpOr(instance, next, ran ? old : undefined);
      instance.forgiveFaults();
      instance.reloads++;
      settle(instance);
      const durationMs = tenths(performance.now() - startedMs);
      log.info("plugin reloaded", { duration_ms: durationMs });
      this.#core.bus.publish("plugin.reloaded", { id: instance.id, ok: true, duration_ms: durationMs });
    } catch (thrown) {
      const error = MynaError.from(thrown, "PLUGIN_SETUP_FAILED");
      const outcome = ran && isUp(instance) ? "the old one runs on" : "there is no old one to run on";
      log.error(`the new version does not start; ${outcome}`, { error: describeError(error) });
      const durationMs = tenths(performance.now() - startedMs);
      const { message } = error;
      this.#core.bus.publish("plugin.reloaded", {
        id: instance.id,
        ok: false,
        duration_ms: durationMs,
        message,
      });
      throw error;
    } finally {
      release();
    }
  }

  /** Sets up `next`; where that fails, `old` in a fresh module world. Throws the reason why `next` did not start. */
  async #setUpOr(instance: PluginInstance, next: LoadedPlugin, old: LoadedPlugin | undefined): Promise<void> {
    try {
      await instance.setUp(next);
    } catch (reason) {
      try {
        if (!old) throw reason;
        await instance.setUp(old.revive());
        settle(instance);
      } catch (thrown) {
        instance.loaded = undefined;
        this.#give(instance, MynaError.from(thrown, "PLUGIN_SETUP_FAILED"));
      }
      throw reason;
    }
  }

  async #quarantine(instance: PluginInstance): Promise<void> {
    if (instance.state === "quarantined" || instance.state === "stopped") return;
    const message = `stopped after ${this.#crashLimit} faults within a minute; edit its code or restart the robot`;
    const error = new MynaError("PLUGIN_QUARANTINED", message);
    instance.setState("quarantined", message, error);
    this.#core.log.child(instance.id).error("plugin quarantined", { error: describeError(error) });
    await instance.tearDown();
  }

  #announce(instance: PluginInstance): void {
    this.#core.bus.publish("plugin.state_changed", {
      id: instance.id,
      use: instance.driver.use,
      state: instance.state,
      ...(instance.error && { code: instance.error.code }),
      ...(instance.message !== undefined && { message: instance.message }),
    });
  }

  #queue<T>(instance: PluginInstance, work: () => Promise<T>): Promise<T> {
    const previous = this.#queues.get(instance.id) ?? Promise.resolve();
    const next = previous.then(work, work);
    this.#queues.set(
      instance.id,
      next.catch(() => {}),
    );
    return next;
  }
}

/** After a setup that went well: ready, unless the plugin said in it how it does. */
function settle(instance: PluginInstance): void {
  if (instance.state === "starting" || instance.state === "retrying") instance.setState("ready");
}

function isUp(instance: PluginInstance): boolean {
  return instance.state === "ready" || instance.state === "degraded";
}

function tenths(ms: number): number {
  return Math.round(ms * 10) / 10;
}
