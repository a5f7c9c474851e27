import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { listProfiles } from "../core/profile-source.ts";
import { pluginDefinition, pluginNames } from "../docs/plugin-list.ts";
import { ROOT, code, imports, occurrences, reachable, read, sources, target } from "./source-tree.ts";

const packageJson = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
const PACKAGES = Object.keys(packageJson["dependencies"] ?? {});
const CORE = sources("core");
const PLUGINS = sources("plugins");
const KIT = sources("test/kit");
const SHIPPED = [...CORE, ...PLUGINS, ...KIT];
/** Of the brief 4,000; docs/adr/0046 says why not to the line. */
const HOST_LINES = 4_200;

/** Fails with the list of offenders under the advice. */
function expectNone(offenders: string[], advice: string): void {
  expect(offenders, advice).toEqual([]);
}

function builtIn(specifier: string): boolean {
  return specifier === "bun" || specifier.startsWith("bun:") || isBuiltin(specifier);
}

/** Import statements of `files` that `allowed` refuses, as "file imports x". */
function refused(files: string[], allowed: (specifier: string, file: string) => boolean): string[] {
  return files.flatMap((file) =>
    imports(file, { types: true })
      .filter((specifier) => !builtIn(specifier) && !allowed(specifier, file))
      .map((specifier) => `${file} imports ${specifier}`),
  );
}

describe("who imports whom", () => {
  test("the core imports built-ins, ws, zod, its resampler and itself only", () => {
    const offenders = refused(CORE, (specifier, file) =>
      specifier.startsWith(".")
        ? target(file, specifier).startsWith("core/") || target(file, specifier) === "package.json"
        : ["ws", "zod", "@echogarden/speex-resampler-wasm/simd"].includes(specifier),
    );
    expectNone(offenders, "the core must not know plugins, profiles or tests: pass in what it needs");
  });

  test("core/audio and core/realtime know nothing of host, runtime and plugins", () => {
    const above = /^core\/(host|runtime|main|loader|plugin[a-z-]*|profile[a-z-]*|flags|recorder)\.ts$/;
    const offenders = refused(sources("core/audio", "core/realtime"), (specifier, file) =>
      specifier.startsWith(".") ? !above.test(target(file, specifier)) : true,
    );
    expectNone(offenders, "hand it in through the constructor in core/runtime.ts");
  });

  test("audio and realtime meet in their ports only", () => {
    const offenders = refused(sources("core/audio", "core/realtime"), (specifier, file) => {
      const other = file.startsWith("core/audio/") ? "core/realtime/" : "core/audio/";
      const path = target(file, specifier);
      return !specifier.startsWith(".") || !path.startsWith(other) || path.endsWith("/port.ts");
    });
    expectNone(offenders, "import the other's port.ts, or hand the part in through core/runtime.ts");
  });

  test("errors, topics and services import nothing but types", () => {
    const files = ["core/errors.ts", "core/topics.ts", "core/services.ts"];
    const offenders = files.filter((file) => imports(file, { types: false }).length > 0);
    expectNone(offenders, "everything imports these three files: they must load nothing");
  });

  test("a plugin imports myna, its own folder, built-ins and packages of package.json", () => {
    const offenders = refused(PLUGINS, (specifier, file) => {
      const folder = file.split("/").slice(0, 2).join("/");
      if (specifier.startsWith(".")) return target(file, specifier).startsWith(`${folder}/`);
      return (
        specifier === "myna" ||
        specifier === "myna/realtime" ||
        PACKAGES.some((name) => specifier === name || specifier.startsWith(`${name}/`))
      );
    });
    expectNone(
      offenders,
      "a plugin must work as a third party's: export what it needs from core/index.ts, share types in core/topics.ts or core/services.ts, reach other plugins through services",
    );
  });

  test("examples import myna and their own files only", () => {
    const offenders = refused(sources("examples"), (specifier, file) => {
      const folder = file.split("/").slice(0, 2).join("/");
      if (specifier.startsWith(".")) return target(file, specifier).startsWith(folder.replace(/\.ts$/, ""));
      return ["myna", "myna/realtime", "myna/talk", "myna/testing", "zod"].includes(specifier);
    });
    expectNone(
      offenders,
      "an example is a third party: what it needs must be exported by myna or myna/testing",
    );
  });

  test("no file of the core is part of an import cycle", () => {
    const cycles: string[] = [];
    const finished = new Set<string>();
    const visit = (file: string, path: string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(" → "));
      if (finished.has(file) || path.includes(file) || !CORE.includes(file)) return;
      for (const specifier of imports(file, { types: false }))
        if (specifier.startsWith(".") && specifier.endsWith(".ts"))
          visit(target(file, specifier), [...path, file]);
      finished.add(file);
    };
    for (const file of CORE) visit(file, []);
    expectNone(cycles, "move what both need into a file of its own");
  });
});

describe("the style of the code", () => {
  test("no file is longer than 400 lines", () => {
    const long = [...SHIPPED, ...sources("bench", "examples")]
      .map((file) => ({ file, lines: read(file).split("\n").length - 1 }))
      .filter(({ lines }) => lines > 400);
    expectNone(
      long.map(({ file, lines }) => `${file}: ${lines} lines`),
      "a file that outgrows 400 lines hides two nouns: split it",
    );
  });

  test("the host, which is the core without the libraries in its folders, can be read in an evening", () => {
    const host = CORE.filter((file) => file.split("/").length === 2);
    const lines = host.reduce((sum, file) => sum + read(file).split("\n").length - 1, 0);
    expectNone(
      lines > HOST_LINES ? [`core/*.ts: ${lines} lines`] : [],
      `more than ${HOST_LINES} lines: what drivers share belongs into core/devices, what one driver needs into its plugin (docs/adr/0046)`,
    );
    const folders = new Set(
      CORE.map((file) => file.split("/")[1] ?? "").filter((name) => !name.endsWith(".ts")),
    );
    expect([...folders].sort()).toEqual(["audio", "calibrate", "devices", "doctor", "realtime"]);
  });

  test("only the log and the command line write to the console", () => {
    const files = SHIPPED.filter((file) => file !== "core/log.ts" && file !== "core/main.ts");
    const offenders = occurrences(files, /\bconsole\s*\./);
    expectNone(offenders, "use ctx.log (plugins) or a Logger handed in (core)");
  });

  test("a plugin's timers belong to the host", () => {
    // What index.ts loads runs in the robot's process. Device threads and child processes are loaded by themselves.
    const inProcess = pluginNames().flatMap((name) => reachable(`plugins/${name}/index.ts`));
    const offenders = occurrences(inProcess, /\bset(Timeout|Interval|Immediate)\s*\(/);
    expectNone(
      offenders,
      "use ctx.after and ctx.every, which end with the plugin; code of a device thread or a child process belongs into a file that index.ts does not import",
    );
  });

  test("nothing is typed any", () => {
    const files = [...SHIPPED, ...sources("bench", "examples", "docs", "test")];
    const offenders = occurrences([...new Set(files)], /(:|\bas|<|,|\||=>)\s*any\b(?!\s*:)/);
    expectNone(offenders, "use unknown and narrow it, or write the type");
  });

  test("there are no enums", () => {
    expectNone(occurrences(SHIPPED, /^\s*(export\s+)?(const\s+)?enum\s/), "use a union of strings");
  });

  test("files are named in kebab-case, by what they hold", () => {
    const offenders = SHIPPED.map((file) => file.split("/").at(-1) ?? "").filter(
      (name) =>
        !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.tsx?$/.test(name) ||
        /(^|-)(helpers?|utils?|manager|handler|common|misc|types)\b/.test(name),
    );
    expectNone(offenders, "a name says which noun the file holds: jitter-buffer.ts, not audio-utils.ts");
  });

  test("only plugins have default exports", () => {
    const files = SHIPPED.filter((file) => !/^plugins\/[^/]+\/index\.ts$/.test(file));
    expectNone(occurrences(files, /^export default\b/), "export it by name");
  });

  test("no finished work is left for later", () => {
    const marks = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX"].join("|")})\\b`);
    const offenders = [...SHIPPED, ...sources("bench", "docs", "examples", "test")].filter((file) =>
      marks.test(read(file)),
    );
    expectNone([...new Set(offenders)], "do it now, or write an issue and take the mark out");
  });

  test("no path of one machine is in a file", () => {
    const tracked = Bun.spawnSync(["git", "ls-files"], { cwd: ROOT }).stdout.toString().split("\n");
    const machine = new RegExp(`/(${["work", "root"].join("|")})/[a-z.]|/home/[a-z]+/`);
    const texts = tracked.filter((file) => /\.(ts|md|toml|json|sh)$|^setup$|^\.ci\//.test(file));
    const offenders = texts.filter((file) => existsSync(join(ROOT, file)) && machine.test(read(file)));
    expectNone(offenders, "use a path from the project's folder, or a temporary one");
  });
});

describe("the public entry", () => {
  test("only re-exports, and everything in it has a doc comment", () => {
    const index = read("core/index.ts");
    const statements = code("core/index.ts")
      .split("\n")
      .filter((line) => line.trim() !== "");
    const others = statements.filter((line) => !/^export\b|^ {2}[\w$]+,?$|^}/.test(line));
    expectNone(others, "core/index.ts re-exports only: put code into a file of its own");
    const bare: string[] = [];
    for (const [, clause = "", from = ""] of index.matchAll(
      /^export\s+(?:type\s+)?([^;]*?)\s+from\s+"([^"]+)"/gm,
    )) {
      const file = target("core/index.ts", from);
      const source = read(file);
      const names = clause.startsWith("*")
        ? [...source.matchAll(DECLARATION)].map((match) => match[1] ?? "")
        : clause
            .replace(/[{}]/g, "")
            .split(",")
            .map((name) => name.trim().replace(/^type /, ""));
      for (const name of names.filter(Boolean)) if (!documented(source, name)) bare.push(`${name} (${file})`);
    }
    expectNone(
      bare,
      "say above the declaration what its type cannot: units, thread, who frees it, error code",
    );
  });
});

const DECLARATION =
  /^export (?:abstract )?(?:async )?(?:const|function|class|interface|type) ([A-Za-z_$][\w$]*)/gm;

/** A doc comment ends in the line above the declaration of `name`. */
function documented(source: string, name: string): boolean {
  const declaration = new RegExp(
    `^export (?:abstract )?(?:async )?(?:const|function|class|interface|type) ${name}\\b`,
    "m",
  ).exec(source);
  return declaration !== null && source.slice(0, declaration.index).trimEnd().endsWith("*/");
}

describe("package.json", () => {
  test("every version is exact", () => {
    const loose = ["dependencies", "devDependencies"].flatMap((kind) =>
      Object.entries(packageJson[kind] ?? {})
        .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        .map(([name, version]) => `${name}: ${version}`),
    );
    expectNone(loose, "write the exact version: the same bits on every robot");
  });

  test("there is a script for each profile", () => {
    const profiles = listProfiles(join(ROOT, "profiles"));
    const missing = profiles.filter(
      (name) => packageJson["scripts"]?.[name] !== `bun core/main.ts --profile ${name}`,
    );
    expectNone(
      missing,
      '`bun run --profile NAME` runs the package script NAME: add "bun core/main.ts --profile NAME"',
    );
  });
});

describe("a plugin is merged whole", () => {
  const profiles = [...new Bun.Glob("profiles/*.toml").scanSync(ROOT)].map(read).join("\n");
  const tests = sources("test").filter((file) => file.endsWith(".test.ts"));
  for (const name of pluginNames()) {
    test(`${name} has its own name, a README, a test and a profile that uses it`, async () => {
      const { name: told, config } = await pluginDefinition(name);
      const lacks = [
        told === name ? "" : `index.ts calls itself "${told}": the name is the folder's`,
        /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) ? "" : "the folder's name is not <capability>-<driver>",
        existsSync(join(ROOT, "plugins", name, "README.md")) ? "" : "README.md with its config table",
        tests.some((file) => read(file).includes(name)) ? "" : `test/plugins/${name}.test.ts`,
        profiles.includes(`"${name}"`) ? "" : "a profile in profiles/ that uses it",
        typeof config.shape === "object" ? "" : "a config schema made by z.object",
      ].filter(Boolean);
      expectNone(lacks, `plugins/${name} lacks`);
    });
  }
});
