import { PARTS } from "./registry.ts";

/** Runs one case in this process and prints its measures as one line of JSON: `bun run-case.ts PART CASE [--long]`. */
const [partName = "", caseName = "", ...flags] = process.argv.slice(2);
const { part } = await PARTS[partName]!.load();
const measures = await part.cases[caseName]!({ long: flags.includes("--long") });
process.stdout.write(`${JSON.stringify(measures)}\n`, () => process.exit(0));
