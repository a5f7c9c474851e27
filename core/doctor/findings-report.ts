import type { PluginFinding } from "./robot-check.ts";

const WORDS: Readonly<Record<PluginFinding["state"], string>> = {
  ok: "ok",
  warning: "warning",
  failed: "FAILED",
  not_here: "not here",
};
const INDENT = 10;

/** One finding for a person, with what mends it in a line of its own. */
export function findingText({ plugin, name, state, message, fix }: PluginFinding): string {
  const head = `${WORDS[state].padEnd(INDENT)}${plugin === name ? name : `${plugin}: ${name}`}: `;
  const pad = " ".repeat(INDENT);
  return `${head}${message.replaceAll("\n", `\n${pad}`)}\n${fix === undefined ? "" : `${pad}→ ${fix}\n`}`;
}

/** How many there are of each kind, and what that means. */
export function findingsSummary(findings: readonly PluginFinding[]): string {
  const count = (state: PluginFinding["state"]) => findings.filter((one) => one.state === state).length;
  const said = `${count("ok")} ok, ${count("warning")} warnings, ${count("failed")} failed, ${count("not_here")} not here`;
  return count("failed") > 0 ? `${said}: mend what failed, from the top` : said;
}
