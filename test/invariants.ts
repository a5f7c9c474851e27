/**
 * Which tests show which invariant of the Realtime link: read from the test files, whose titles name them, "(C7)". Run by
 * hand it writes the table of docs/realtime-invariants.md.
 */
import { Glob } from "bun";
import { join } from "node:path";
import { BETA_FILES, LINK_FILES, WEBSOCKET_ONLY } from "./core/realtime-wires.ts";

const ROOT = join(import.meta.dir, "..");
export const PAGE = join(ROOT, "docs/realtime-invariants.md");

/** Files of which a test loops over both dialects by itself. */
const BOTH_DIALECTS = ["test/core/realtime-dialect.test.ts"];

/** One test that names an invariant. */
export interface Evidence {
  /** `C7`. */
  invariant: string;
  title: string;
  /** Path from the root of the project. */
  file: string;
  /** "GA, beta", or "–" where the test is below the dialect. */
  dialects: string;
  /** "WebSocket, WebRTC", the one of them, or "–" where the test has no server. */
  wires: string;
}

/** All evidence, in the order of the invariants. */
export async function evidence(): Promise<Evidence[]> {
  const found: Evidence[] = [];
  for (const file of [...new Glob("test/**/*.test.ts").scanSync(ROOT)].toSorted()) {
    const text = await Bun.file(join(ROOT, file)).text();
    for (const [, kind, , title = ""] of text.matchAll(
      /(\blinkTest|\btest|\bdescribe|\]\))\(\s*(["`])(.+?)\2,/g,
    )) {
      const names = /\((C\d+(?:, C\d+)*)\)/.exec(title)?.[1]?.split(", ") ?? [];
      for (const invariant of names) {
        const linked = kind === "linkTest" && Object.values(LINK_FILES).includes(file);
        const wires = linked && !(title in WEBSOCKET_ONLY) ? "WebSocket, WebRTC" : "WebSocket";
        found.push({
          invariant,
          title: title.replace(/ \(C\d+(?:, C\d+)*\)/, ""),
          file,
          dialects: inBeta(file) ? "GA, beta" : "–",
          wires: linked ? wires : "–",
        });
      }
    }
  }
  return found.toSorted((a, b) => number(a.invariant) - number(b.invariant));
}

/** The lines of the table, without its head. */
export function rows(all: readonly Evidence[]): string[] {
  return all.map(({ invariant, title, file, dialects, wires }) => {
    const name = file.replace(/^test\//, "").replace(/\.test\.ts$/, "");
    return `| ${invariant} | ${title.replaceAll("|", "\\|")} | [${name}](../${file}) | ${dialects} | ${wires} |`;
  });
}

function number(invariant: string): number {
  return Number(invariant.slice(1));
}

function inBeta(file: string): boolean {
  const name = /^test\/core\/realtime-(.+)\.test\.ts$/.exec(file)?.[1] ?? "";
  return BETA_FILES.includes(name) || BOTH_DIALECTS.includes(file);
}

if (import.meta.main) {
  const page = await Bun.file(PAGE).text();
  const head = ["| Invariant | Test | File | Dialects | Wires |", "| --- | --- | --- | --- | --- |"];
  const table = [...head, ...rows(await evidence())].join("\n");
  await Bun.write(PAGE, `${page.slice(0, page.indexOf("| Invariant"))}${table}\n`);
  await Bun.spawn([process.execPath, "fmt", "--no-script", PAGE], { stdout: "ignore", stderr: "inherit" })
    .exited;
}
