import type { z } from "zod";
import type {
  AudioDevice,
  AudioPort,
  CaptureStage,
  DeviceSpec,
  FrameHandler,
  RawFrameHandler,
} from "./audio/port.ts";
import type { Bus } from "./bus.ts";
import type { HostPort } from "./host-port.ts";
import type { Drain } from "./drain.ts";
import { hostContext } from "./loader.ts";
import type { Logger } from "./log.ts";
import type { HealthReport, PluginContext } from "./plugin.ts";
import type { SessionPort } from "./realtime/port.ts";
import type { Resources } from "./resources.ts";
import type { Run, ServiceRegistry } from "./service-registry.ts";
import type { ServiceName, Services } from "./services.ts";
import type { ToolRegistry } from "./tool-registry.ts";
import type { ToolDefinition } from "./tools.ts";
import type { TopicName, Topics } from "./topics.ts";

/** The parts of the core that plugins reach. */
export interface CoreParts {
  bus: Bus;
  services: ServiceRegistry;
  tools: ToolRegistry;
  audio: AudioPort;
  session: SessionPort;
  log: Logger;
  drain: Drain;
  host: HostPort;
  report(): HealthReport;
  emergencyStop(reason: string): void;
  shutdown(exitCode: number, reason: string): void;
}

/** The plugin that a context belongs to. */
export interface ContextOwner {
  id: string;
  /** What the driver calls itself. */
  driver: string;
  config: unknown;
  state: unknown;
  resources: Resources;
  run: Run;
  /** Something of the plugin's threw where the plugin could not catch it. */
  fault(where: string, error: unknown): void;
  health(state: "ready" | "degraded", message?: string): void;
  fail(error: Error): void;
  inspect(report: () => Record<string, unknown>): void;
}

/** Calls into the core run in the host's context; calls into the plugin run in the plugin's module world, isolated. */
export function createContext(core: CoreParts, owner: ContextOwner): PluginContext {
  const { id, resources, run } = owner;
  const log = core.log.child(id);

  const guarded =
    (where: string, body: () => void): (() => void) =>
    () => {
      try {
        run(body);
      } catch (error) {
        owner.fault(where, error);
      }
    };

  const owned = (acquire: () => () => void): (() => void) => resources.own(hostContext(acquire));

  const frames = (subscribe: (handler: FrameHandler) => () => void, where: string, handler: FrameHandler) => {
    // One closure for the life of the subscription: nothing is allocated per frame.
    let frame: Int16Array = EMPTY_FRAME;
    let atMs = 0;
    const call = guarded(where, () => handler(frame, atMs));
    return owned(() =>
      subscribe((nextFrame, nextAtMs) => {
        frame = nextFrame;
        atMs = nextAtMs;
        call();
      }),
    );
  };

  const framePairs = (
    subscribe: (handler: RawFrameHandler) => () => void,
    where: string,
    handler: RawFrameHandler,
  ) => {
    let frame: Int16Array = EMPTY_FRAME;
    let reference: Int16Array = EMPTY_FRAME;
    let atMs = 0;
    const call = guarded(where, () => handler(frame, reference, atMs));
    return owned(() =>
      subscribe((nextFrame, nextReference, nextAtMs) => {
        frame = nextFrame;
        reference = nextReference;
        atMs = nextAtMs;
        call();
      }),
    );
  };

  const addStage = (stage: CaptureStage) => {
    let frame: Int16Array = EMPTY_FRAME;
    let reference: Int16Array = EMPTY_FRAME;
    let atMs = 0;
    const call = () => stage.process(frame, reference, atMs);
    const process: CaptureStage["process"] = (nextFrame, nextReference, nextAtMs) => {
      frame = nextFrame;
      reference = nextReference;
      atMs = nextAtMs;
      run(call);
    };
    const onFault = (error: unknown) => owner.fault("audio stage", error);
    return owned(() => core.audio.addStage({ slot: stage.slot, name: owner.driver, process, onFault }));
  };

  // All of it in the host's context: a device that opens after the plugin is gone must still be closed.
  const openDevice = (
    open: (device: DeviceSpec) => Promise<AudioDevice>,
    device: DeviceSpec,
  ): Promise<AudioDevice> =>
    hostContext(async () => {
      const opened = await open({ ...device, owner: id });
      const close = resources.own(() => hostContext(() => opened.close()));
      return { failed: opened.failed, close: async () => close() };
    });

  return {
    id,
    config: owner.config,
    state: owner.state,
    signal: resources.signal,
    log,
    audio: {
      openCapture: (device) => openDevice((spec) => core.audio.openCapture(spec), device),
      openPlayback: (device) => openDevice((spec) => core.audio.openPlayback(spec), device),
      onFrame: (handler) => frames((wrapped) => core.audio.onFrame(wrapped), "audio frame", handler),
      addStage,
      onRawFrame: (handler) =>
        framePairs((wrapped) => core.audio.onRawFrame(wrapped), "raw audio frame", handler),
      onPlayed: (handler) => frames((wrapped) => core.audio.onPlayed(wrapped), "played frame", handler),
      onSounding: (handler) =>
        owned(() => core.audio.onSounding((on) => guarded("sounding", () => handler(on))())),
      feed: (pcm, signal) => hostContext(() => core.audio.feed(pcm, signal)),
      takeMicrophone: (options) => {
        const taken = hostContext(() => core.audio.takeMicrophone(options));
        const release = resources.own(() => taken.release());
        return {
          write: (pcm) => taken.write(pcm),
          get waitingMs() {
            return taken.waitingMs;
          },
          release,
        };
      },
      playSound: (pcm, gain) => hostContext(() => core.audio.playSound(pcm, gain)),
      playEarcon: (pcm, gain) => hostContext(() => core.audio.playEarcon(pcm, gain)),
      speaking: () => core.audio.speaking(),
    },
    session: {
      state: () => core.session.state(),
      sendText: (text) => hostContext(() => core.session.sendText(text)),
      note: (text) => hostContext(() => core.session.note(text)),
      addImage: (jpeg, caption) => hostContext(() => core.session.addImage(jpeg, caption)),
      respond: (instructions) => hostContext(() => core.session.respond(instructions)),
      interrupt: () => hostContext(() => core.session.interrupt()),
      dismiss: () => hostContext(() => core.session.dismiss()),
    },
    host: {
      plugins: () => hostContext(() => core.host.plugins()),
      reload: (plugin) => hostContext(() => core.host.reload(plugin)),
      disable: (plugin) => hostContext(() => core.host.disable(plugin)),
      enable: (plugin) => hostContext(() => core.host.enable(plugin)),
      onLog: (handler) => owned(() => core.host.onLog((line) => guarded("log line", () => handler(line))())),
    },

    on<T extends TopicName>(topic: T, handler: (event: Topics[T]) => void) {
      const wrapped = (event: Topics[T]) => void guarded(topic, () => handler(event))();
      return owned(() => core.bus.on(topic, wrapped, id));
    },
    publish: (topic, event) => hostContext(() => core.bus.publish(topic, event)),
    tap(handler) {
      const wrapped = (topic: string, event: unknown) => guarded(topic, () => handler(topic, event))();
      return owned(() => core.bus.tap(wrapped, id));
    },

    provide<S extends ServiceName>(name: S, service: Services[S]) {
      owned(() => core.services.provide(name, service as object, id, run));
    },
    use: (name) => core.services.handle(name),
    has: (name) => core.services.has(name),

    tool<P extends z.ZodObject>(tool: ToolDefinition<P>) {
      owned(() => core.tools.add(tool, id, run, resources.signal));
    },

    drain(finish) {
      owned(() =>
        core.drain.add(async () => {
          try {
            await run(finish);
          } catch (error) {
            owner.fault("drain", error);
          }
        }),
      );
    },
    detached: (body) => hostContext(body),
    defer(undo) {
      resources.own(() => run(undo));
    },
    every(periodMs, body) {
      const call = guarded("timer", body);
      return owned(() => {
        const timer = setInterval(call, periodMs);
        return () => clearInterval(timer);
      });
    },
    after(delayMs, body) {
      const call = guarded("timer", body);
      return owned(() => {
        const timer = setTimeout(call, delayMs);
        return () => clearTimeout(timer);
      });
    },

    health: (state, message) => hostContext(() => owner.health(state, message)),
    fail: (error) => hostContext(() => owner.fail(error)),
    inspect: (report) => owner.inspect(() => run(report)),
    report: () => hostContext(() => core.report()),
    emergencyStop: (reason) => hostContext(() => core.emergencyStop(reason)),
    shutdown: (exitCode, reason) => hostContext(() => core.shutdown(exitCode, reason)),
  };
}

const EMPTY_FRAME = new Int16Array(0);
