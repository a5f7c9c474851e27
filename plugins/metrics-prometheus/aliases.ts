const SOURCE = /^(?<family>[a-z_][a-z0-9_]*)(?:\{(?<labels>[^{}]*)\})?$/i;
const SAMPLE = /^(?<name>[a-z_][a-z0-9_]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/i;
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"/gi;

/** Another name for a metric, or for some of its series: `myna_talk_seconds{figure="first_audio"}`. */
export function isMetric(text: string): boolean {
  return SOURCE.test(text);
}

/**
 * The exposition under other names, for dashboards that know older ones. A name in `_ms` of a source in `_seconds` counts
 * milliseconds. The labels that a source asks for are left out.
 */
export function renderAliases(exposition: string, aliases: Readonly<Record<string, string>>): string {
  const lines = exposition.split("\n");
  return Object.entries(aliases)
    .map(([alias, source]) => renderAlias(lines, alias, source))
    .join("");
}

function renderAlias(lines: readonly string[], alias: string, source: string): string {
  const { family = "", labels: wanted = "" } = SOURCE.exec(source)?.groups ?? {};
  const type = lines.find((line) => line.startsWith(`# TYPE ${family} `))?.split(" ")[3];
  if (type === undefined) return "";
  const factor = alias.endsWith("_ms") && family.endsWith("_seconds") ? 1000 : 1;
  const asked = [...wanted.matchAll(LABEL)].map(([pair]) => pair);
  const text = [`# HELP ${alias} Older name of ${source}.`, `# TYPE ${alias} ${type}`];
  for (const line of lines) {
    const { name = "", labels = "", value = "" } = SAMPLE.exec(line)?.groups ?? {};
    const suffix = name.slice(family.length);
    if (!name.startsWith(family) || !["", "_bucket", "_sum", "_count"].includes(suffix)) continue;
    const pairs = [...labels.matchAll(LABEL)];
    if (!asked.every((pair) => pairs.some(([one]) => one === pair))) continue;
    const kept = pairs
      .filter(([pair]) => !asked.includes(pair))
      .map(([pair, key, bound]) =>
        key === "le" && bound !== "+Inf" ? `le="${scaled(bound, factor)}"` : pair,
      );
    const counts = suffix === "_bucket" || suffix === "_count";
    const braces = kept.length > 0 ? `{${kept.join(",")}}` : "";
    text.push(`${alias}${suffix}${braces} ${counts ? value : scaled(value, factor)}`);
  }
  return `${text.join("\n")}\n`;
}

/** Without the tail that a binary fraction leaves: 0.08 s are 80 ms. */
function scaled(value: string | undefined, factor: number): number {
  return Number((Number(value) * factor).toPrecision(12));
}
