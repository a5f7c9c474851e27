import { AudioEngine } from "./audio/engine.ts";
import type { Capture } from "./audio/port.ts";
import { Bus } from "./bus.ts";
import { Drain } from "./drain.ts";
import { Host } from "./host.ts";
import { hostContext, sharePackages } from "./loader.ts";
import { describeError } from "./log.ts";
import type { Logger } from "./log.ts";
import * as myna from "./index.ts";
import type { HealthReport } from "./plugin.ts";
import type { ProfileCode } from "./profile-code.ts";
import type { Profile } from "./profile.ts";
import { endpointSources } from "./realtime/endpoint-sources.ts";
import { KeptSpeech } from "./realtime/kept-speech.ts";
import { ManualTurns } from "./realtime/manual-turns.ts";
import { Session } from "./realtime/session.ts";
import { SpokenAudio } from "./realtime/spoken-audio.ts";
import { TurnTaking } from "./realtime/turn-taking.ts";
import { recordLoudspeaker } from "./recorder.ts";
import { pushToTalk } from "./push-to-talk.ts";
import { ServiceRegistry } from "./service-registry.ts";
import type { Services } from "./services.ts";
import { stopIntent, stopWheels } from "./stop-intent.ts";
import { ToolRegistry } from "./tool-registry.ts";
import { transports } from "./transport-service.ts";
import { measureTurns } from "./turn.ts";
import { costFile } from "./state-folder.ts";
import { watchFolder } from "./watch.ts";

/** A running robot. */
export interface Robot {
  readonly bus: Bus;
  readonly audio: AudioEngine;
  readonly services: ServiceRegistry;
  readonly tools: ToolRegistry;
  readonly session: Session;
  readonly host: Host;
  report(): HealthReport;
  /** Resolves when plugins have seen off whom they serve, or after `limitMs`. */
  drain(limitMs: number): Promise<void>;
  /** Wheels first, then everything else; idempotent. */
  stop(reason: string): Promise<void>;
  /** Resolves with the exit code when the robot was asked to switch off, by a plugin or by `stop`. */
  readonly stopped: Promise<{ exitCode: number; reason: string }>;
}

export interface RobotOptions {
  profile: Profile;
  /** Its code, where it has been loaded already. */
  code?: ProfileCode;
  log: Logger;
  env?: Record<string, string | undefined>;
  /** Folder for a WAV of what the loudspeaker played. */
  record?: string;
  /** Sees every event from the very first. */
  tap?: (topic: string, event: unknown) => void;
  /** Services of the program that embeds the robot, beside those of plugins. */
  services?: Partial<Services>;
}

/** The composition root: profile in, running robot out. Resolves when every plugin has been tried. */
export async function startRobot(options: RobotOptions): Promise<Robot> {
  const { profile, log } = options;
  const env = options.env ?? process.env;
  sharePackages(myna);
  const bus = new Bus((owner, topic, error) =>
    log.error("handler threw", { owner, topic, error: describeError(error) }),
  );
  if (options.tap) bus.tap(options.tap);
  const services = new ServiceRegistry();
  const emergencyStop = stopIntent(services, log);
  for (const [name, service] of Object.entries(options.services ?? {})) {
    services.provide(name, service, "embedding program", (body) => body());
  }
  const tools = new ToolRegistry((topic, event) => bus.publish(topic, event), log.child("tools"));
  const audio = new AudioEngine(profile.audio, (error) =>
    log.error("an audio handler threw", { error: describeError(error) }),
  );
  const pluginsTried = Promise.withResolvers<void>();
  let starting = true;
  const { session, turns, spoken } = createSession(profile, {
    ...{ bus, services, tools, audio, log, env },
    capture: audio.capture,
    pluginsTried: pluginsTried.promise,
    starting: () => starting,
  });
  const stopped = Promise.withResolvers<{ exitCode: number; reason: string }>();
  const startedAtMs = performance.now();

  let hungUp = "";
  const report = (): HealthReport => {
    const plugins = host.health();
    const link = bus.last("session.state_changed");
    return {
      ok:
        plugins.every(({ state }) => state === "ready" || state === "degraded" || state === "stopped") &&
        (!profile.runtime.conversation ||
          link?.state === "ready" ||
          (link?.state === "idle" && hungUp === "idle")),
      uptimeS: Math.round((performance.now() - startedAtMs) / 1000),
      profile: profile.name,
      session: { state: link?.state ?? "idle", url: link?.url ?? "" },
      plugins,
      core: {
        bus: bus.counters(),
        audio: audio.counters(),
        session: { ...session.counters(), ...spoken?.counters(), turns: turns.counters() },
        tools: tools.counters(),
      },
    };
  };
  const drain = new Drain();
  const shutdown = (exitCode: number, reason: string) => stopped.resolve({ exitCode, reason });
  const host = new Host(
    {
      ...{ bus, services, tools, audio: audio.port, session: session.port, log },
      ...{ drain, report, emergencyStop, shutdown },
    },
    profile.runtime.crash_limit,
  );
  const undos = [
    bus.on("session.hung_up", ({ reason }) => void (hungUp = reason)),
    measureTurns(bus),
    pushToTalk(bus, (talking) => void (audio.talking = talking)),
    bus.on("user.mute_changed", ({ muted }) => void (audio.muted = muted)),
    () => turns.close(),
    () => spoken?.close(),
    services.onChanged(
      (name) =>
        (name === "brain" || name === "transport" || name === profile.session.service) &&
        session.endpointChanged(),
    ),
  ];
  const recording = options.record === undefined ? undefined : recordLoudspeaker(audio.port, options.record);

  let stopping: Promise<void> | undefined;
  const stop = (reason: string): Promise<void> => {
    stopping ??= hostContext(async () => {
      stopWheels(services, log, reason);
      shutdown(0, reason);
      bus.publish("runtime.stopping", { reason });
      // While the body coasts the link is still open: what is asked for now would start the wheels again.
      session.port.dismiss();
      audio.playback.flush();
      await bodyAtRest(bus, services);
      await session.close();
      await host.stop();
      recording?.close();
      for (const undo of undos) undo();
      await audio.close();
    });
    return stopping;
  };

  if (profile.runtime.conversation) session.start();
  await host.start(profile.plugins, options.code).finally(pluginsTried.resolve);
  starting = false;
  if (profile.runtime.conversation) session.endpointChanged();
  if (profile.runtime.watch) {
    for (const instance of host.instances) {
      for (const driver of instance.entry.drivers) {
        const reload = () =>
          driver === instance.driver &&
          instance.state !== "stopped" &&
          void host.reload(instance.id).catch(() => {});
        undos.push(watchFolder(driver.entry, reload));
      }
    }
  }
  bus.publish("runtime.ready", { profile: profile.name, start_ms: Math.round(performance.now()) });
  return {
    ...{ bus, audio, services, tools, session, host, report, stop },
    drain: (limitMs) => drain.run(limitMs),
    stopped: stopped.promise,
  };
}

/** How long a body may coast after its wheels were stopped, before the rest is switched off all the same. */
const COAST_LIMIT_MS = 500;

/** Resolves when the body rests and its motion's end was told, so that everybody who is there sees both. */
async function bodyAtRest(bus: Bus, services: ServiceRegistry): Promise<void> {
  if (bus.last("body.pose")?.moving !== true) return;
  const endMs = performance.now() + COAST_LIMIT_MS;
  while (services.has("drive") && services.handle("drive").pose().moving && performance.now() < endMs)
    await Bun.sleep(5);
}

function createSession(
  profile: Profile,
  parts: {
    bus: Bus;
    services: ServiceRegistry;
    tools: ToolRegistry;
    audio: AudioEngine;
    capture: Capture;
    log: Logger;
    env: Record<string, string | undefined>;
    pluginsTried: Promise<void>;
    starting: () => boolean;
  },
): { session: Session; turns: TurnTaking; spoken: SpokenAudio | undefined } {
  const { bus, services, tools, audio, log, env } = parts;
  const localBrain = () =>
    services.has("brain") ? { url: services.handle("brain").url(), free: true } : null;
  const warn = (message: string) => log.warn(message);
  const [endpoint, ...fallbacks] = endpointSources(profile.session, { env, brain: localBrain, warn });
  const config = profile.session;
  const speech = new KeptSpeech(audio.playback);
  const { type, prefix_padding_ms } = config.turn_detection;
  const manual = type === "none" ? new ManualTurns(parts.capture, prefix_padding_ms) : undefined;
  const spoken =
    type !== "none" && config.stream === "speech" ? new SpokenAudio(parts.capture, bus, config) : undefined;
  const session = new Session({
    config,
    endpoint,
    fallbacks,
    connect: transports(services, parts.pluginsTried),
    budget: profile.budget,
    stateFile: costFile(profile.budget.state_file, env),
    localBrain,
    starting: parts.starting,
    moving: () => services.has("drive") && bus.last("body.pose")?.moving === true,
    capture: manual ?? spoken ?? parts.capture,
    playback: speech,
    tools,
    publish: (topic, event) => bus.publish(topic, event),
    log: log.child("session"),
  });
  return { session, spoken, turns: new TurnTaking({ config, bus, session, speech, manual }) };
}
