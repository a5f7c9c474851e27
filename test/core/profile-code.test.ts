import { expect, test } from "bun:test";
import * as myna from "../../core/index.ts";
import { sharePackages } from "../../core/loader.ts";
import { ProfileCode } from "../../core/profile-code.ts";
import { parseProfile } from "../../core/profile.ts";
import type { Table } from "../../core/profile-source.ts";
import { TempPlugins } from "./temp-plugins.ts";

sharePackages(myna);

function profile(plugins: Table) {
  return parseProfile("test", [{ origin: "test.toml", folder: import.meta.dir, table: { plugins } }]);
}

test("code that was loaded to be checked is handed over once, and its late faults go to who took it", async () => {
  using files = new TempPlugins();
  const late = files.plugin("late", "setTimeout(() => { throw new Error('too late'); }, 1);");
  const { plugins } = profile({ late: { use: late } });
  const driver = plugins[0]!.drivers[0]!;
  using code = await ProfileCode.load({ ...profile({}), plugins });
  expect(code.problems).toEqual([]);
  const fault = Promise.withResolvers<unknown>();
  const loaded = code.take(driver, fault.resolve)!;
  expect(code.take(driver, () => {})).toBeUndefined();
  await loaded.run(async () => loaded.definition.setup({} as never));
  expect(await fault.promise).toMatchObject({ message: "too late" });
  loaded.dispose();
});

test("what is wrong is told in the order of the profile, of drivers as well that would be the second choice", async () => {
  using files = new TempPlugins();
  const good = files.plugin("good", "");
  const broken = files.write("broken/index.ts", "export default {");
  using code = await ProfileCode.load(
    profile({ a: { use: good, word: 1 }, b: { use: [good, broken] }, c: { use: good, words: "" } }),
  );
  expect(code.problems.map(({ code, message }) => [code, /\.(a|b|c)\]|broken/.exec(message)?.[0]])).toEqual([
    ["CONFIG_INVALID", ".a]"],
    ["PLUGIN_INVALID", "broken"],
    ["CONFIG_INVALID", ".c]"],
  ]);
});

test("a key that one of several drivers knows is right, one that none does is named with all there are", async () => {
  using files = new TempPlugins();
  const loud = files.plugin("loud", "", "config: z.object({ gain: z.number().default(1) }),");
  const named = files.plugin("named", "", "config: z.object({ device: z.string().default('') }),");
  const problems = async (table: Table) => {
    using code = await ProfileCode.load(profile({ a: { use: [loud, named], ...table } }));
    return code.problems.map(({ message }) => message);
  };
  expect(await problems({ gain: 2, device: "USB" })).toEqual([]);
  expect(await problems({ gian: 2 })).toEqual([
    'test.toml: [plugins.a] gian: unknown key, did you mean "gain"?; known are: device, gain',
  ]);
  expect(await problems({ device: 3 })).toEqual([expect.stringContaining("test.toml: [plugins.a] device:")]);
});
