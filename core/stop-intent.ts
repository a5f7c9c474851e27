import { describeError } from "./log.ts";
import type { Logger } from "./log.ts";
import type { ServiceRegistry } from "./service-registry.ts";

/** Wheels to zero, whatever else is going on. Never throws: the rest is switched off all the same. */
export function stopWheels(services: ServiceRegistry, log: Logger, reason: string): void {
  attempt(log, () => {
    if (services.has("drive")) services.handle("drive").stop(reason);
  });
}

/**
 * The emergency stop for whoever asks, also while the body is away: then it is kept, and told to the body in the moment in
 * which that is provided, before anybody can use it. To be made before others watch the services. What it returns never throws.
 */
export function stopIntent(services: ServiceRegistry, log: Logger): (reason: string) => void {
  let owed: string | undefined;
  const latch = () =>
    attempt(log, () => {
      if (owed === undefined || !services.has("body")) return;
      services.handle("body").emergencyStop(owed);
      owed = undefined;
    });
  services.onChanged((name) => {
    if (name === "body") latch();
  });
  return (reason) => {
    owed ??= reason;
    latch();
    stopWheels(services, log, reason);
  };
}

function attempt(log: Logger, tell: () => void): void {
  try {
    tell();
  } catch (error) {
    log.error("the wheels could not be told to stop", { error: describeError(error) });
  }
}
