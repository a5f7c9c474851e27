/** `bun run new-plugin NAME [--dir DIR]`: a plugin repository of one's own, in the shape of examples/tools-dice. */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

const MYNA = resolve(import.meta.dir, "..");
const EXAMPLE = join(import.meta.dir, "tools-dice");
const FILES = ["index.ts", "roll.ts", "dice.test.ts", "robot.toml", "README.md", "package.json"];
const USAGE = `Usage: bun run new-plugin NAME [--dir DIR]

  NAME   <capability>-<driver> in lower case, such as tools-weather or leds-ws2812
  DIR    the new folder; beside the clone of Myna if not given
`;

/** Why a name cannot be used; undefined when it can. */
function nameProblem(name: string): string | undefined {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)+$/.test(name))
    return `"${name}" is not <capability>-<driver> in lower case, such as tools-weather`;
  if (existsSync(join(MYNA, "plugins", name))) return `Myna has a plugin "${name}" already`;
  return undefined;
}

/** Writes the files into `folder`; answers their names. */
function scaffold(name: string, folder: string): string[] {
  const id = name.slice(name.lastIndexOf("-") + 1);
  const adapt = (text: string) =>
    text
      .replaceAll("tools-dice", name)
      .replaceAll("[plugins.dice]", `[plugins.${id}]`)
      .replace('"link:../.."', JSON.stringify(`link:${relative(folder, MYNA)}`))
      .replace(/^A complete plugin of a third party[^]*?\n\n/m, "");
  const files: Record<string, string> = {
    "tsconfig.json": readFileSync(join(MYNA, "tsconfig.json"), "utf8")
      .replace(/,\s*"paths": \{[^}]*\}/, "")
      .replace(/"include": \[[^\]]*\]/, '"include": ["*.ts"]'),
    ".gitignore": "node_modules/\n",
  };
  for (const file of FILES) files[file] = adapt(readFileSync(join(EXAMPLE, file), "utf8"));
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
  return Object.keys(files);
}

function leave(exitCode: number, text: string): never {
  (exitCode === 0 ? process.stdout : process.stderr).write(text);
  process.exit(exitCode);
}

function main(): never {
  let name: string | undefined;
  let dir: string | undefined;
  try {
    const { values, positionals } = parseArgs({
      args: process.argv.slice(2),
      options: { dir: { type: "string" }, help: { type: "boolean" } },
      allowPositionals: true,
    });
    if (values.help) leave(0, USAGE);
    [name] = positionals;
    dir = values.dir;
    if (positionals.length !== 1) leave(2, USAGE);
  } catch (error) {
    leave(2, `new-plugin: ${(error as Error).message}\n${USAGE}`);
  }
  if (name === undefined) leave(2, USAGE);
  const problem = nameProblem(name);
  if (problem) leave(2, `new-plugin: ${problem}\n`);
  const folder = resolve(dir ?? join(MYNA, "..", name));
  if (existsSync(folder) && readdirSync(folder).length > 0)
    leave(1, `new-plugin: ${folder} is not empty; nothing was written\n`);
  const files = scaffold(name, folder);
  const shown = relative(process.cwd(), folder) || ".";
  leave(
    0,
    `${shown}: ${files.join(", ")}

It rolls dice for a start. Next:
  cd ${shown}
  bun install        links Myna from ${relative(folder, MYNA)}
  bun test           runs its tests on a robot in memory
  bun run robot      starts the simulated robot with it; say "roll a dice"
Then make index.ts do what you want: while the robot runs, what you save is in use at once.
`,
  );
}

main();
