import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { MynaError } from "myna";
import type { Logger } from "myna";

/** One file of the built page. */
export interface PageFile {
  path: string;
  type: string;
  /** There is a compressed copy beside it, `.gz`. */
  gzip: boolean;
}

/** What the builder leaves in `page.json`. */
export interface PageManifest {
  files: Record<string, PageFile>;
}

const PAGE = join(import.meta.dir, "page");
const BUILDER = join(import.meta.dir, "build-page.ts");
/** What the page is bundled of, besides its own files. */
const PACKAGES = ["preact", "@preact/signals", "uplot", "three"];

/** A name that changes with its content. */
const HASHED = /-[a-z0-9]{8}\.[a-z]+$/;
const YEAR_S = 31_536_000;

/** The page, bundled by a child process at the first request and kept by the fingerprint of its sources. */
export class PageFiles {
  readonly #log: Logger;
  #place: { folder: string; build: string } | undefined;
  #ready: Promise<PageManifest> | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Names what is served; another one means that the page in a browser is out of date. */
  get build(): string {
    return this.#located.build;
  }

  get #located(): { folder: string; build: string } {
    if (this.#place) return this.#place;
    const build = fingerprint();
    return (this.#place = { folder: join(cacheFolder(), build), build });
  }

  /** The file of that name, or undefined; builds the page where that has not been done. */
  async find(name: string): Promise<{ file: PageFile; folder: string } | undefined> {
    this.#ready ??= this.#load();
    try {
      const { files } = await this.#ready;
      const file = Object.hasOwn(files, name) ? files[name] : undefined;
      return file && { file, folder: this.#located.folder };
    } catch (error) {
      this.#ready = undefined;
      throw error;
    }
  }

  /** Answers a request for the file of that name. */
  async serve(name: string, request: Request): Promise<Response> {
    const found = await this.find(name);
    if (!found) return new Response("there is no such file\n", { status: 404 });
    const { file, folder } = found;
    const packed = file.gzip && (request.headers.get("accept-encoding") ?? "").includes("gzip");
    return new Response(Bun.file(join(folder, packed ? `${file.path}.gz` : file.path)), {
      headers: {
        "content-type": file.type,
        "cache-control": HASHED.test(file.path) ? `max-age=${YEAR_S}, immutable` : "no-cache",
        vary: "accept-encoding",
        ...(packed && { "content-encoding": "gzip" }),
      },
    });
  }

  async #load(): Promise<PageManifest> {
    const { folder } = this.#located;
    const manifest = join(folder, "page.json");
    if (!existsSync(manifest)) await this.#make(folder);
    return JSON.parse(readFileSync(manifest, "utf8")) as PageManifest;
  }

  async #make(folder: string): Promise<void> {
    const startedMs = performance.now();
    const child = Bun.spawn([process.execPath, BUILDER, folder], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    const [exitCode, said] = await Promise.all([child.exited, new Response(child.stderr).text()]);
    if (exitCode !== 0)
      throw new MynaError("PLUGIN_SETUP_FAILED", `the page could not be bundled: ${said.trim()}`);
    this.#log.info("the page was bundled", { took_ms: Math.round(performance.now() - startedMs) });
  }
}

/** Changes with every source that the page is made of. */
function fingerprint(): string {
  const hash = createHash("sha256").update(Bun.version);
  const add = (file: string) => hash.update(file).update(readFileSync(file));
  for (const file of readdirSync(PAGE, { recursive: true, encoding: "utf8" }).sort())
    if (/\.(tsx?|css|html|svg|webmanifest)$/.test(file)) add(join(PAGE, file));
  add(join(import.meta.dir, "wire.ts"));
  add(BUILDER);
  for (const name of PACKAGES)
    hash.update(readFileSync(Bun.resolveSync(`${name}/package.json`, import.meta.dir)));
  return hash.digest("hex").slice(0, 12);
}

/** systemd's CACHE_DIRECTORY, else XDG's, else a temporary one of this user's. */
function cacheFolder(): string {
  const { env } = process;
  const wishes = [
    env["CACHE_DIRECTORY"],
    env["XDG_CACHE_HOME"] ?? (env["HOME"] && join(env["HOME"], ".cache")),
    join(tmpdir(), `myna-${userInfo().uid}`),
  ];
  for (const wish of wishes) {
    if (!wish) continue;
    const folder = join(wish, "myna", "console");
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      return folder;
    } catch {
      // Read-only, or somebody else's: the next one.
    }
  }
  throw new MynaError("CONFIG_INVALID", "there is no folder for the page: set XDG_CACHE_HOME");
}
