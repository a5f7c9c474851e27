import { MynaError } from "./errors.ts";
import type { PluginInstance } from "./plugin-instance.ts";

/** When an instance may start: after those that provide what it requires, or never where a service is missing. */
export interface Start {
  instance: PluginInstance;
  after: PluginInstance[];
  missing?: MynaError;
}

/**
 * Providers before users, else the order of the profile. Instances whose code could not be loaded are left out.
 * `isProvided` tells the services of the embedding program, which are there before any plugin.
 */
export function startOrder(
  instances: readonly PluginInstance[],
  isProvided: (service: string) => boolean = () => false,
): Start[] {
  const providers = new Map<string, PluginInstance>();
  for (const instance of instances) {
    for (const name of instance.loaded?.definition.provides ?? []) providers.set(name, instance);
  }
  const order: Start[] = [];
  const done = new Set<PluginInstance>();
  const visit = (instance: PluginInstance, path: PluginInstance[]): void => {
    if (done.has(instance) || !instance.loaded) return;
    if (path.includes(instance)) {
      const circle = [...path.slice(path.indexOf(instance)), instance].map((one) => one.id).join(" → ");
      done.add(instance);
      order.push({
        instance,
        after: [],
        missing: new MynaError("CONFIG_INVALID", `plugins require each other: ${circle}`),
      });
      return;
    }
    const after: PluginInstance[] = [];
    let missing: MynaError | undefined;
    for (const name of instance.loaded.definition.requires ?? []) {
      const provider = providers.get(name);
      if (provider && provider !== instance) {
        visit(provider, [...path, instance]);
        after.push(provider);
      } else if (!provider && !isProvided(name)) {
        const message = `${instance.entry.place()}: the driver "${instance.driver.use}" requires the service "${name}", which no plugin of the profile provides`;
        missing ??= new MynaError("CONFIG_INVALID", message);
      }
    }
    if (done.has(instance)) return;
    done.add(instance);
    order.push({ instance, after, ...(missing && { missing }) });
  };
  for (const instance of instances) visit(instance, []);
  return order;
}
