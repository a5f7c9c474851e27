import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** The project's folder. */
export const ROOT = join(import.meta.dir, "..");

/** TypeScript files, pages' included, below the given folders, as paths from the root, sorted. */
export function sources(...folders: string[]): string[] {
  return folders
    .flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.{ts,tsx}`).scanSync(ROOT)])
    .filter((file) => !file.includes("node_modules/"))
    .sort();
}

/** Text of a file, named from the root. */
export function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

const transpilers = {
  ts: new Bun.Transpiler({ loader: "ts" }),
  tsx: new Bun.Transpiler({
    loader: "tsx",
    tsconfig: { compilerOptions: { jsx: "react-jsx", jsxImportSource: "preact" } },
  }),
};
/** `import … from "x"` and `export … from "x"` at the beginning of a line. */
const STATEMENT = /^(?:import|export)\s[^;'"`]*?\sfrom\s+"([^"]+)"/gm;

/** What a file imports: at run time, or (with `types`) also for its types only. */
export function imports(file: string, options: { types: boolean }): string[] {
  const source = read(file);
  const page = file.endsWith(".tsx");
  const found = new Set(transpilers[page ? "tsx" : "ts"].scanImports(source).map((one) => one.path));
  // The transpiler names it for every JSX, whatever the source of that is.
  if (page) found.delete("react");
  if (options.types) for (const match of source.matchAll(STATEMENT)) found.add(match[1] ?? "");
  return [...found];
}

/** A relative specifier as a path from the root. */
export function target(file: string, specifier: string): string {
  return normalize(join(dirname(file), specifier));
}

/** The file without comments and without the content of strings, line numbers kept. */
export function code(file: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, " ");
  return read(file).replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g,
    blank,
  );
}

/** "file:line" of each match of `pattern` in the code of the files. */
export function occurrences(files: string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    code(file)
      .split("\n")
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1}`] : [])),
  );
}

/** Files that `entry` loads at run time, itself included. */
export function reachable(entry: string): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || !existsSync(join(ROOT, file))) return;
    seen.add(file);
    for (const specifier of imports(file, { types: false }))
      if (specifier.startsWith(".") && specifier.endsWith(".ts")) visit(target(file, specifier));
  };
  visit(entry);
  return [...seen];
}
