import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FOLDER = join(import.meta.dir, "hardware");
const BASE = mkdtempSync(join(tmpdir(), "myna-vm-test-"));
afterAll(() => rmSync(BASE, { recursive: true }));

function run(command: string[], path = process.env["PATH"]!) {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { env: { PATH: path, TMPDIR: BASE } });
  return { exitCode, said: `${stdout}${stderr}` };
}

/** Runs themselves are the step "hardware" of `bun run check`. */
describe("the virtual machine's scripts", () => {
  test("are POSIX shell that shellcheck finds nothing in", () => {
    const shellcheck = Bun.which("shellcheck");
    if (!shellcheck) throw new Error("shellcheck is missing: apt-get install shellcheck, or ./setup --dev");
    const files = readdirSync(FOLDER, { recursive: true }).map(String);
    const scripts = files.filter((file) => file.endsWith(".sh") || /^service\/programs\/./.test(file));
    expect(scripts).toContain("vm.sh");
    expect(scripts).toContain("service/programs/git");
    const { exitCode, said } = run([shellcheck, ...scripts.map((file) => join(FOLDER, file))]);
    expect(said).toBe("");
    expect(exitCode).toBe(0);
  });

  test("refuse a flag and a test file that are not there, before anything is fetched", () => {
    for (const wrong of ["--long", "test/hardware/guest/none.guest.ts"]) {
      const { exitCode, said } = run([join(FOLDER, "vm.sh"), wrong]);
      expect(exitCode).toBe(2);
      expect(said).toContain(wrong);
    }
    expect(readdirSync(BASE)).toEqual([]);
  });

  test("name the Debian package of a program that is missing", () => {
    const bin = mkdtempSync(join(BASE, "bin-"));
    for (const tool of ["sh", "dirname", "id", "ls", "sed"]) symlinkSync(Bun.which(tool)!, join(bin, tool));
    const { exitCode, said } = run(["/bin/sh", join(FOLDER, "vm.sh"), "--short"], bin);
    expect(exitCode).toBe(1);
    expect(said).toContain("qemu-system-aarch64 is missing: apt-get install qemu-system-arm");
  });

  test("run only files of the ordinary suite that are there on linux-arm64 as well", async () => {
    const lines = (await Bun.file(join(FOLDER, "on-arm64.txt")).text()).split("\n");
    const files = lines.filter((line) => line !== "" && !line.startsWith("#"));
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      expect(file).toMatch(/^test\/(body|core|plugins)\/.*\.test\.ts$/);
      expect(await Bun.file(join(FOLDER, "../..", file)).exists()).toBe(true);
    }
  });
});
