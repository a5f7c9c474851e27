import { expect, test } from "bun:test";
import * as myna from "../../core/index.ts";
import { loadPlugin, sharePackages } from "../../core/loader.ts";
import { TempPlugins } from "./temp-plugins.ts";

sharePackages(myna);

const plugin = (name: string) => `import { definePlugin } from "myna";
import { z } from "zod";
import { name } from "./name.ts";
export default definePlugin({ name: name + "${name}", config: z.object({}), setup() {} });
`;
const name = (text: string) => `export const name = "${text}";\n`;

for (const [world, graph] of [
  ["in module graphs", Bun.ModuleGraph],
  ["without module graphs", null],
] as const) {
  test(`${world} a plugin loads anew after an edit of its entry and of its helper file`, async () => {
    using files = new TempPlugins();
    const load = async (entryText: string, helperText: string) => {
      files.write("p/name.ts", name(helperText));
      const entry = files.write("p/index.ts", plugin(entryText));
      const loaded = await loadPlugin(entry, () => {}, graph);
      return loaded.definition.name;
    };
    expect(await load("1", "a")).toBe("a1");
    expect(await load("2", "a")).toBe("a2");
    expect(await load("2", "b")).toBe("b2");
  });

  test(`${world} a plugin's schema is of the runtime's own zod`, async () => {
    using files = new TempPlugins();
    files.write("p/name.ts", name("a"));
    const { definition } = await loadPlugin(files.write("p/index.ts", plugin("")), () => {}, graph);
    const { z } = await import("zod");
    expect(definition.config).toBeInstanceOf(z.ZodObject);
  });
}

test("code of a disposed plugin still runs in a fresh world, whose timers end with it", async () => {
  using files = new TempPlugins();
  const entry = files.plugin("ticker", "setInterval(() => globalThis.loaderTicks++, 1);");
  const world = Object.assign(globalThis, { loaderTicks: 0 });
  const first = await loadPlugin(entry, () => {});
  first.dispose();
  const second = first.revive();
  await second.run(async () => second.definition.setup({} as never));
  for (let i = 0; i < 200 && world.loaderTicks < 3; i++) await Bun.sleep(5);
  expect(world.loaderTicks).toBeGreaterThanOrEqual(3);
  second.dispose();
  const ticks = world.loaderTicks;
  await Bun.sleep(20);
  expect(world.loaderTicks).toBe(ticks);
});
