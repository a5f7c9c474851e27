import { MynaError } from "../errors.ts";
import { loadPlugin } from "../loader.ts";
import type { PluginDefinition } from "../plugin.ts";
import { checkPluginConfig, parsePluginConfig } from "../profile.ts";
import type { Driver, PluginEntry, Profile } from "../profile.ts";
import type { Finding } from "./finding.ts";
import { systemVisit } from "./system-visit.ts";

/** A check that takes longer says nothing any more. */
const LIMIT_MS = 20_000;

/** A finding, and whose it is. */
export interface PluginFinding extends Finding {
  plugin: string;
}

/** Asks every plugin of the profile, one after the other, what its `doctor` finds; sets none of them up. */
export async function* checkRobot(
  profile: Profile,
  { env, root = "" }: { env: Readonly<Record<string, string | undefined>>; root?: string },
): AsyncGenerator<PluginFinding> {
  const visit = { ...systemVisit(env, root), profile: profile.name };
  for (const entry of profile.plugins)
    for (const finding of await checkEntry(entry, visit)) yield { plugin: entry.id, ...finding };
}

type Visit = ReturnType<typeof systemVisit> & { profile: string };

/** Of several drivers the first that finds nothing wrong counts, else the last. */
async function checkEntry(entry: PluginEntry, visit: Visit): Promise<Finding[]> {
  const before: Finding[] = [];
  for (const driver of entry.drivers) {
    const found = await checkDriver(entry, driver, visit);
    const isLast = driver === entry.drivers.at(-1);
    if (isLast || !found.some(({ state }) => state === "failed")) return [...before, ...found];
    const why = found.find(({ state }) => state === "failed")!;
    before.push({ name: driver.use, state: "not_here", message: `${why.message}; the next driver is taken` });
  }
  return before;
}

async function checkDriver(entry: PluginEntry, driver: Driver, visit: Visit): Promise<Finding[]> {
  const fault = (thrown: unknown): Finding[] => {
    const { message } = MynaError.from(thrown, "PLUGIN_INVALID");
    return [{ name: driver.use, state: "failed", message, fix: "mend the profile or the plugin's code" }];
  };
  try {
    const late: unknown[] = [];
    const loaded = await loadPlugin(driver.entry, (error) => late.push(error));
    const { definition, run } = loaded;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await checkPluginConfig(definition, entry, driver);
      const config: unknown = parsePluginConfig(definition.config, entry, driver);
      const look = async () => await definition.doctor?.({ ...visit, id: entry.id, config } as VisitOf);
      const tooLong = Promise.withResolvers<never>();
      timer = setTimeout(() => {
        const message = `its check did not end within ${LIMIT_MS / 1000} s`;
        tooLong.reject(new MynaError("DEVICE_FAILED", message));
      }, LIMIT_MS);
      const found = await Promise.race([run(look), tooLong.promise]);
      return late.length > 0 ? fault(late[0]) : (found ?? []);
    } finally {
      clearTimeout(timer);
      loaded.dispose();
    }
  } catch (thrown) {
    return fault(thrown);
  }
}

type VisitOf = Parameters<NonNullable<PluginDefinition["doctor"]>>[0];
