import type { JsonSchema, SpokenTool } from "../contracts.ts";
import { parameterWords, quantityOf } from "./quantity.ts";

/** Names of parameters that are not said: "set volume {level}", "play {name}". */
const UNSAID = new Set(["value", "amount", "level", "name", "number", "mode", "state", "text", "query"]);

/** A tool's sentence in the notation of phrases, and as one would write it down. */
export interface DerivedPhrase {
  example: string;
  phrases: string[];
}

/**
 * A sentence for a tool without examples, from its name and its parameters: `roll_dice {sides}` is
 * "roll [a|the] dice [with] {sides} [sides]", and "roll dice with {sides} sides" when it is named.
 */
export function derivedPhrase(tool: SpokenTool): DerivedPhrase {
  const [verb = "", ...object] = tool.name.toLowerCase().split(/[_-]/);
  const required = tool.parameters.required ?? [];
  const phrase = [verb];
  const example = [verb, ...object];
  const article = /^[aeiou]/.test(object[0] ?? "") ? "an" : "a";
  if (object.length > 0) phrase.push(`[${article}|the|my|your]`, ...object);
  const parameters = Object.entries(tool.parameters.properties ?? {});
  for (const [name, schema] of parameters.toSorted((a, b) => order(a[0]) - order(b[0]))) {
    const needed = required.includes(name);
    const said = saying(name, schema, needed);
    if (!said) continue;
    phrase.push(needed ? said.phrase : `[${said.phrase}]`);
    if (needed) example.push(said.example);
  }
  return { example: example.join(" "), phrases: [phrase.join(" ")] };

  function order(name: string): number {
    return required.includes(name) ? 0 : 1;
  }
}

function saying(
  name: string,
  schema: JsonSchema,
  needed: boolean,
): { phrase: string; example: string } | null {
  const words = parameterWords(name).toLowerCase();
  const types = [schema.type ?? []].flat();
  const unsaid = UNSAID.has(words);
  if (types.includes("boolean")) {
    const both = `with ${words} {${name}=true}|without ${words} {${name}=false}`;
    return { phrase: `(${both}|[${words}] {${name}})`, example: `with ${words}` };
  }
  if (types.includes("number") || types.includes("integer")) {
    if (unsaid) return { phrase: `[to|by] {${name}}`, example: `{${name}}` };
    const counted = quantityOf(name).kind === "count";
    return counted
      ? { phrase: `[with|to|by|of] {${name}} [${words}]`, example: `with {${name}} ${words}` }
      : { phrase: `[with|to|by|for|at] [${words}] {${name}}`, example: `{${name}}` };
  }
  if (schema.enum) {
    const [first = ""] = schema.enum.map(String);
    return unsaid
      ? { phrase: `[to|called] {${name}}`, example: first }
      : { phrase: `[with|to|in] [${words}] {${name}}`, example: first };
  }
  return needed && types.includes("string") ? { phrase: `{${name}}`, example: words } : null;
}
