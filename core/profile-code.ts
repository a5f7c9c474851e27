import { MynaError } from "./errors.ts";
import { loadPlugin } from "./loader.ts";
import type { LateFault, LoadedPlugin } from "./loader.ts";
import { checkPluginConfig, checkSharedKeys } from "./profile.ts";
import type { Driver, PluginEntry, Profile } from "./profile.ts";

/** Code, and who is told of what it throws where nobody can catch it. */
interface Loaded {
  code: LoadedPlugin;
  owner: { fault: LateFault };
}

/** The code of a profile's drivers, loaded to be checked before anything starts. Whoever starts them takes it, so that it is read once. */
export class ProfileCode implements Disposable {
  /** In the order of the profile: what is wrong with code, tables, and the files that tables name. */
  readonly problems: readonly MynaError[];
  readonly #loaded: Map<Driver, Loaded>;

  private constructor(problems: MynaError[], loaded: Map<Driver, Loaded>) {
    this.problems = problems;
    this.#loaded = loaded;
  }

  /** Loads every driver, those as well that are used only where another has no device; opens nothing. */
  static async load(profile: Profile): Promise<ProfileCode> {
    const loaded = new Map<Driver, Loaded>();
    const check = async (entry: PluginEntry, driver: Driver): Promise<MynaError | undefined> => {
      const owner: Loaded["owner"] = { fault: () => {} };
      let code: LoadedPlugin | undefined;
      try {
        code = await loadPlugin(driver.entry, (error) => owner.fault(error));
        await checkPluginConfig(code.definition, entry, driver);
        loaded.set(driver, { code, owner });
        return undefined;
      } catch (error) {
        code?.dispose();
        return MynaError.from(error, "PLUGIN_INVALID");
      }
    };
    const checkAll = async (entry: PluginEntry): Promise<(MynaError | undefined)[]> => {
      const problems = await Promise.all(entry.drivers.map((driver) => check(entry, driver)));
      const codes = entry.drivers.flatMap((driver) => loaded.get(driver)?.code ?? []);
      // Where a driver could not be loaded it is not known what keys it has.
      if (codes.length < entry.drivers.length) return problems;
      try {
        checkSharedKeys(
          entry,
          codes.map(({ definition }) => definition.config),
        );
      } catch (error) {
        problems.push(MynaError.from(error, "CONFIG_INVALID"));
      }
      return problems;
    };
    const checked = await Promise.all(profile.plugins.map(checkAll));
    const problems = checked.flat().filter((problem) => problem !== undefined);
    return new ProfileCode(problems, loaded);
  }

  /** Hands a driver's code over, once, if there is nothing wrong with it and its table; what it throws where nobody can catch it is told to `onLateFault` from now on. */
  take(driver: Driver, onLateFault: LateFault): LoadedPlugin | undefined {
    const found = this.#loaded.get(driver);
    if (!found) return undefined;
    this.#loaded.delete(driver);
    found.owner.fault = onLateFault;
    return found.code;
  }

  /** Drops what nobody has taken. */
  [Symbol.dispose](): void {
    for (const { code } of this.#loaded.values()) code.dispose();
    this.#loaded.clear();
  }
}
