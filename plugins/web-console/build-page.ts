/**
 * Bundles the console's page: `bun build-page.ts FOLDER`. A program of its own, so that the bundler and what it reads are
 * never part of the robot's process.
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { PageFile, PageManifest } from "./page-files.ts";

const PAGE = join(import.meta.dir, "page");
const KEPT_MS = 60 * 24 * 3600 * 1000;
const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  webmanifest: "application/manifest+json",
};

/** Builds into a folder beside `folder` and moves it there, so that nobody sees half a page. */
async function build(folder: string): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  const work = mkdtempSync(`${folder}.`);
  try {
    const result = await Bun.build({
      entrypoints: [join(PAGE, "main.tsx")],
      target: "browser",
      format: "esm",
      splitting: true,
      minify: true,
      naming: { entry: "[name]-[hash].[ext]", chunk: "[name]-[hash].[ext]", asset: "[name]-[hash].[ext]" },
      define: { "process.env.NODE_ENV": '"production"' },
    });
    const files: PageManifest["files"] = {};
    const add = (name: string, bytes: Uint8Array) => {
      const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
      const gzip = bytes.length > 1000;
      writeFileSync(join(work, name), bytes);
      if (gzip) writeFileSync(join(work, `${name}.gz`), gzipSync(bytes, { level: 9 }));
      files[name] = { path: name, type, gzip } satisfies PageFile;
    };
    let script = "";
    let style = "";
    for (const output of result.outputs) {
      const name = basename(output.path);
      add(name, new Uint8Array(await output.arrayBuffer()));
      if (output.kind === "entry-point") script = name;
      if (name.endsWith(".css")) style = name;
    }
    const html = readFileSync(join(PAGE, "index.html"), "utf8");
    add("index.html", Buffer.from(html.replace("{{style}}", style).replace("{{script}}", script)));
    add("icon.svg", readFileSync(join(PAGE, "icon.svg")));
    add("console.webmanifest", readFileSync(join(PAGE, "console.webmanifest")));
    writeFileSync(join(work, "page.json"), JSON.stringify({ files } satisfies PageManifest));
    put(work, folder);
    prune(dirname(folder));
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
}

/** Where another robot of this machine has built the same page meanwhile, its one stays. */
function put(work: string, folder: string): void {
  try {
    renameSync(work, folder);
  } catch (error) {
    if (!existsSync(join(folder, "page.json"))) throw error;
    rmSync(work, { recursive: true, force: true });
  }
}

/** Pages that nobody has built for long go; one that is used after all is built anew. */
function prune(cache: string): void {
  for (const name of readdirSync(cache)) {
    const folder = join(cache, name);
    if (Date.now() - statSync(folder).mtimeMs > KEPT_MS) rmSync(folder, { recursive: true, force: true });
  }
}

const [folder] = process.argv.slice(2);
if (!folder) throw new Error("name the folder");
await build(folder);
