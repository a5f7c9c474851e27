import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const BASE = mkdtempSync(join(tmpdir(), "myna-setup-"));
afterAll(() => rmSync(BASE, { recursive: true }));
const { version } = JSON.parse(readFileSync(join(ROOT, "node_modules/bun/package.json"), "utf8"));

/** A clone with nothing but setup and package.json, on a machine whose programs are the given scripts. */
function machine(name: string, programs: Record<string, string>) {
  const clone = join(BASE, name, "clone");
  const bin = join(BASE, name, "bin");
  mkdirSync(clone, { recursive: true });
  mkdirSync(bin);
  for (const file of ["setup", "package.json"]) cpSync(join(ROOT, file), join(clone, file));
  for (const tool of ["sh", "sed", "head", "grep", "cat", "env", "dirname", "mkdir"]) {
    const path = Bun.which(tool);
    if (path) writeScript(join(bin, tool), `exec ${path} "$@"`);
  }
  for (const [program, script] of Object.entries(programs)) writeScript(join(bin, program), script);
  const log = join(BASE, name, "log");
  return {
    clone,
    log: () => (existsSync(log) ? readFileSync(log, "utf8") : ""),
    setup: (...flags: string[]) => {
      const run = Bun.spawnSync(["/bin/sh", "./setup", ...flags], {
        cwd: clone,
        env: { PATH: bin, LOG: log },
      });
      return { exitCode: run.exitCode, out: run.stdout.toString(), err: run.stderr.toString() };
    },
  };
}

function writeScript(path: string, body: string): void {
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

const LOGGED = 'echo "$0 $*" >> "$LOG"';
const BUN = `if [ "$1" = --version ]; then echo ${version}; else ${LOGGED}; mkdir -p node_modules/.bin; echo "no changes"; fi`;
const PACKAGES_THERE = "echo install ok installed";
const PACKAGES_MISSING = "exit 1";
const ROOT_USER = "echo 0";

test("a machine with everything is told so, and nothing is installed", () => {
  const { setup, log, clone } = machine("complete", {
    bun: BUN,
    "dpkg-query": PACKAGES_THERE,
    "apt-get": LOGGED,
    id: ROOT_USER,
  });
  mkdirSync(join(clone, "node_modules"));
  const { exitCode, out } = setup("--dev");
  expect(exitCode).toBe(0);
  expect(out.match(/already there/g)).toHaveLength(3);
  expect(log()).not.toContain("apt-get");
});

test("Bun comes through npm where it is missing", () => {
  const { setup, log } = machine("no-bun", {
    npx: LOGGED,
    "dpkg-query": PACKAGES_THERE,
    "apt-get": LOGGED,
    id: ROOT_USER,
  });
  const { exitCode, out } = setup();
  expect(exitCode).toBe(0);
  expect(log()).toContain(`npx --yes bun@${version} install --frozen-lockfile`);
  expect(out).toContain("npx bun run --profile desktop-sim");
});

test("without Bun and npm it says what to install", () => {
  const { exitCode, err } = machine("bare", {}).setup();
  expect(exitCode).toBe(1);
  expect(err).toContain("Install Node.js with npm, or Bun itself");
});

test("missing system packages are installed without asking where nobody can answer", () => {
  const { setup, log } = machine("no-voice", {
    bun: BUN,
    "dpkg-query": PACKAGES_MISSING,
    "apt-get": LOGGED,
    id: ROOT_USER,
  });
  expect(setup().exitCode).toBe(0);
  expect(log()).toContain("apt-get install -y --no-install-recommends pocketsphinx pocketsphinx-en-us");
  expect(log()).not.toContain("apt-get update");
  setup("--dev");
  expect(log()).toContain("espeak-ng");
});

test("package lists are read anew only when an install fails, and a failure is told", () => {
  const { setup, log } = machine("stale-lists", {
    bun: BUN,
    "dpkg-query": PACKAGES_MISSING,
    "apt-get": `${LOGGED}; [ "$1" = update ]`,
    id: ROOT_USER,
  });
  const { exitCode, err } = setup();
  expect(exitCode).toBe(0);
  expect(err).toContain("could not be installed: pocketsphinx");
  expect(err).toContain("the robot is typed to");
  expect(log().match(/apt-get (install|update)/g)).toEqual([
    "apt-get install",
    "apt-get update",
    "apt-get install",
  ]);
});

test("--no-system leaves the system alone", () => {
  const { setup, log } = machine("no-system", {
    bun: BUN,
    "dpkg-query": PACKAGES_MISSING,
    "apt-get": LOGGED,
    id: ROOT_USER,
  });
  const { out } = setup("--no-system");
  expect(out).toContain("skipped (--no-system)");
  expect(log()).not.toContain("apt-get");
});

test("another system and a user without rights are told what to do", () => {
  expect(machine("fedora", { bun: BUN, id: ROOT_USER }).setup().out).toContain(
    "With your package manager, install",
  );
  const plain = machine("user", {
    bun: BUN,
    "dpkg-query": PACKAGES_MISSING,
    "apt-get": LOGGED,
    id: "echo 1000",
  });
  expect(plain.setup().out).toContain("as root, run: apt-get install pocketsphinx pocketsphinx-en-us");
  expect(plain.log()).not.toContain("apt-get");
});

test("a wrong flag is refused with the usage", () => {
  const { exitCode, err } = machine("flag", { bun: BUN }).setup("--fast");
  expect(exitCode).toBe(2);
  expect(err).toContain("there is no flag --fast");
  expect(err).toContain("--no-system");
});
