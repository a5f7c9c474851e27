/**
 * `bun run check`: types, format, profiles, tests, and those on kernel devices. Everything runs even where something fails,
 * and the last line counts: "N passed, N failed".
 */
import { dirname, join } from "node:path";
import { listProfiles } from "../core/profile-source.ts";

/** Only what hangs gets there: a test may compute for ten seconds on a quiet machine, and have a sixth of a busy one. */
const TEST_LIMIT_MS = 60_000;
const ROOT = join(import.meta.dir, "..");
const BUN = process.execPath;

interface Result {
  name: string;
  passed: number;
  failed: number;
}

function write(text: string): void {
  process.stdout.write(text);
}

/** Runs a command with its output shown as it comes; answers exit code and output. */
async function show(
  command: string[],
  env: Record<string, string | undefined> = process.env,
): Promise<{ exitCode: number; output: string }> {
  const child = Bun.spawn(command, { cwd: ROOT, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  let output = "";
  const copy = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      const text = decoder.decode(bytes, { stream: true });
      output += text;
      write(text);
    }
  };
  await Promise.all([copy(child.stdout), copy(child.stderr)]);
  return { exitCode: await child.exited, output };
}

async function step(name: string, command: string[], env = process.env): Promise<Result> {
  write(`\n== ${name}\n`);
  const { exitCode } = await show(command, env);
  return { name, passed: exitCode === 0 ? 1 : 0, failed: exitCode === 0 ? 0 : 1 };
}

/** Code for browsers knows other globals: each page has a tsconfig of its own. */
async function pages(): Promise<Result[]> {
  const results: Result[] = [];
  for (const file of [...new Bun.Glob("plugins/*/page/tsconfig.json").scanSync(ROOT)].sort())
    results.push(await step(`types of ${dirname(file)}`, [BUN, "check", "--no-script", "-p", dirname(file)]));
  return results;
}

/** The short form of the suite on kernel devices, in a virtual machine; its last line counts, and one that counts nothing has failed. */
async function hardware(): Promise<Result> {
  write("\n== hardware\n");
  const { exitCode, output } = await show(["test/hardware/vm.sh", "--short"]);
  const counts = /^vm: (\d+) passed, (\d+) failed$/m.exec(output);
  const [passed, failed] = [Number(counts?.[1] ?? 0), Number(counts?.[2] ?? 0)];
  const broken = passed === 0 || (exitCode !== 0 && failed === 0);
  return { name: "hardware", passed, failed: failed + (broken ? 1 : 0) };
}

/** One process, one test file after the other: `--isolate` and `--parallel` would hide edits from the reload tests. */
async function tests(): Promise<Result> {
  write("\n== tests\n");
  const { exitCode, output } = await show([BUN, "test", "--timeout", String(TEST_LIMIT_MS)]);
  const counted = (word: string) => Number(new RegExp(`^\\s*(\\d+) ${word}\\b`, "m").exec(output)?.[1] ?? 0);
  const passed = counted("pass");
  const failed = counted("fail") + counted("errors?");
  // A test run that counts nothing, or fails without a failed test, has failed as a whole.
  const broken = passed === 0 || (exitCode !== 0 && failed === 0);
  return { name: "tests", passed, failed: failed + (broken ? 1 : 0) };
}

const results = [
  await step("types", [BUN, "check", "--no-script"]),
  ...(await pages()),
  await step("format", [BUN, "fmt", "--no-script", "--check"]),
];
for (const profile of listProfiles(join(ROOT, "profiles"))) {
  const command = [BUN, "core/main.ts", "--profile", profile, "--check"];
  // A key is what a profile's user brings, and nothing here calls anybody.
  results.push(await step(`profile ${profile}`, command, { ...process.env, OPENAI_API_KEY: "none" }));
}
results.push(await tests());
results.push(await hardware());

const passed = results.reduce((sum, result) => sum + result.passed, 0);
const failed = results.reduce((sum, result) => sum + result.failed, 0);
const culprits = results.filter((result) => result.failed > 0).map((result) => result.name);
write(culprits.length > 0 ? `\nfailed: ${culprits.join(", ")}\n` : "\n");
write(`${passed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
