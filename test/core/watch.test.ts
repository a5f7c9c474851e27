import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { mkdirSync } from "node:fs";
import { watchFolder } from "../../core/watch.ts";
import { TempPlugins } from "./temp-plugins.ts";

test("code and data beside a plugin count as a change, what a robot records or logs there does not", async () => {
  using files = new TempPlugins();
  const entry = files.write("words/index.ts", "export {};\n");
  mkdirSync(join(dirname(entry), "out"));
  let changes = 0;
  const end = watchFolder(entry, () => void changes++);
  try {
    for (const name of ["out/speaker.wav", "picture.jpg", "run.log", "topics.jsonl", ".cache/x.json"]) {
      files.write(`words/${name}`, "x");
      await Bun.sleep(60);
    }
    expect(changes).toBe(0);
    for (const name of ["helper.ts", "rooms.toml"]) {
      const before = changes;
      files.write(`words/${name}`, "x");
      for (let i = 0; i < 200 && changes === before; i++) await Bun.sleep(10);
      expect(changes).toBe(before + 1);
    }
  } finally {
    end();
  }
});
