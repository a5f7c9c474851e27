import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A temporary folder of plugins, deleted at the end of the test. */
export class TempPlugins implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "myna-plugins-"));

  /** Writes a file below the folder and answers its path. */
  write(name: string, text: string): string {
    const file = join(this.folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** A plugin whose `setup` has this body; `more` is put beside it in the definition. */
  plugin(name: string, body: string, more = ""): string {
    return this.write(
      `${name}/index.ts`,
      `import { definePlugin, MynaError } from "myna";
import { z } from "zod";
export default definePlugin({
  name: "${name}",
  config: z.object({ word: z.string().default("") }),
  ${more}
  async setup(ctx) { void MynaError; ${body} },
});
`,
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
