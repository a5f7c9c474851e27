import type { PluginEntry } from "../profile.ts";
import type { PluginFinding } from "./robot-check.ts";

/** By their names, as all drivers are told apart; speaker-enable switches an amplifier. */
const DRIVERS: Readonly<Record<string, RegExp>> = {
  microphone: /^mic-/,
  loudspeaker: /^speaker-(?!enable$)/,
};

/** Whether a plugin with this driver is the robot's microphone or its loudspeaker. */
export function isSoundDevice(use: string): boolean {
  return Object.values(DRIVERS).some((pattern) => pattern.test(use));
}

/** The microphones and loudspeakers of a profile that will never be opened, since another plugin has the robot's only one. */
export function* doubleDevices(plugins: readonly PluginEntry[]): Generator<PluginFinding> {
  for (const [name, pattern] of Object.entries(DRIVERS)) {
    const [first, ...others] = plugins.filter(({ drivers }) => drivers.some(({ use }) => pattern.test(use)));
    for (const { id } of others) {
      const message = `the plugin "${first!.id}" is the robot's ${name} already; a robot has one`;
      const fix = `take one of the two out of the profile, such as [plugins.${id}] enabled = false`;
      yield { plugin: id, name, state: "failed", message, fix };
    }
  }
}
