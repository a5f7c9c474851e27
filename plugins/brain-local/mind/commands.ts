import type { JsonSchema, SpokenTool } from "../contracts.ts";
import { derivedPhrase } from "./derive.ts";
import { readNumber } from "./numbers.ts";
import { parsePhrase, type Part, type Phrase, replaceParts, type SlotReader } from "./phrase.ts";
import { follow, quantityOf, readQuantities, USUAL } from "./quantity.ts";
import { saysNegative, variantsOf } from "./variants.ts";
import { sentenceWords } from "./words.ts";

/** One way to say one tool. */
export interface Command {
  tool: SpokenTool;
  phrase: Phrase;
  /** The sentence that it comes from, as its author wrote it. */
  example: string;
}

/** What the sentences of a tool list make, and what had to be left out. */
export interface CommandSet {
  commands: Command[];
  warnings: string[];
}

/** Every sentence that the tools can be called with. */
export function commandsOf(tools: readonly SpokenTool[]): CommandSet {
  const commands: Command[] = [];
  const warnings: string[] = [];
  for (const tool of tools) {
    const known = new Set<string>();
    const { examples } = splitDescription(tool.description);
    const sources = examples.length > 0 ? examples.map(fromExample) : [derivedPhrase(tool)];
    const before = commands.length;
    for (const { example, phrases } of sources) {
      for (const text of phrases) {
        if (known.has(text)) continue;
        known.add(text);
        try {
          const phrase = complete(tool, parsePhrase(text), text);
          if (phrase) commands.push({ tool, phrase, example });
        } catch (thrown) {
          const reason = Error.isError(thrown) ? thrown.message : String(thrown);
          warnings.push(`Tool "${tool.name}": the example "${example}" is left out: ${reason}.`);
        }
      }
    }
    if (commands.length === before) warnings.push(`Tool "${tool.name}" cannot be called by voice.`);
  }
  return { commands, warnings };
}

/** The examples that the tool registry appends to a description (`… Examples: "one"; "two".`), and the description without. */
export function splitDescription(description: string): { about: string; examples: string[] } {
  const match = /\s*Examples:((?:\s*"[^"]*"[;,.]?)+)\s*$/.exec(description);
  if (!match) return { about: description.trim(), examples: [] };
  const examples = Array.from(match[1]!.matchAll(/"([^"]*)"/g), (one) => one[1]!);
  return { about: description.slice(0, match.index).trim(), examples };
}

/** The schema of a tool's parameter; empty for one that it does not have. */
export function parameterOf(tool: SpokenTool, name: string): JsonSchema {
  return tool.parameters.properties?.[name] ?? {};
}

function fromExample(example: string): { example: string; phrases: string[] } {
  return { example, phrases: variantsOf(plainExample(example)) };
}

/** Words in the form in which sentences are compared; notation stays as it is. */
function plainExample(example: string): string {
  const pieces = example.split(/(\{[^{}]*\}|[()[\]|])/);
  return pieces
    .map((piece) =>
      /^(?:\{|[()[\]|]$)/.test(piece) || piece.trim() === "" ? piece : sentenceWords(piece).join(" "),
    )
    .join(" ")
    .replace(/\s+/g, " ")
    .trim();
}

/**
 * A phrase whose parameters exist and whose required ones all have a value or are marked as missing. Null when a parameter
 * is unknown or takes nothing that can be said.
 */
function complete(tool: SpokenTool, parsed: Phrase, text: string): Phrase | null {
  const { properties = {}, required = [] } = tool.parameters;
  const negative = saysNegative(text);
  const named = new Set<string>();
  const phrase = replaceParts(withAnyArticle(tool, withLiterals(tool, parsed)), (part) => {
    if (part.kind !== "slot" && part.kind !== "set") return null;
    const schema = properties[part.name];
    if (!schema) throw new SyntaxError(`there is no parameter "${part.name}"`);
    named.add(part.name);
    if (part.kind === "set") return null;
    const sign = (part.sign === -1 || negative) && takesNegative(schema) ? -1 : 1;
    return withDefault(part.name, schema, sign, required.includes(part.name));
  });
  const words = sentenceWords(text.replace(/\{[^{}]*\}|[()[\]|]/g, " "));
  for (const [name, schema] of Object.entries(properties)) {
    if (named.has(name)) continue;
    const implied = impliedValue(name, schema, words);
    if (implied) phrase.push(implied);
    else if (required.includes(name) && schema.default === undefined) phrase.push({ kind: "missing", name });
  }
  return phrase;
}

/** "play the {name}": the article belongs to the value and may be another one or none. */
function withAnyArticle(tool: SpokenTool, phrase: Phrase): Phrase {
  return phrase.map((part, at) => {
    const next = phrase[at + 1];
    const isArticle = part.kind === "word" && ARTICLES.includes(part.word);
    if (!isArticle || next?.kind !== "slot" || !parameterOf(tool, next.name).enum) return part;
    return { kind: "any", choices: [...ARTICLES.map((word): Phrase => [{ kind: "word", word }]), []] };
  });
}

const ARTICLES = ["a", "an", "the"];

/** The slot, or nothing where a usual value exists. */
function withDefault(name: string, schema: JsonSchema, sign: 1 | -1, required: boolean): Phrase {
  const slot: Part = { kind: "slot", name, sign };
  const { kind, scale } = quantityOf(name);
  const usual = isNumber(schema) ? USUAL[kind] : undefined;
  if (schema.default !== undefined || !required) {
    return usual === undefined ? [slot] : [{ kind: "any", choices: [[slot], []] }];
  }
  const unsaid: Part =
    usual === undefined ? { kind: "missing", name } : { kind: "set", name, value: (sign * usual) / scale };
  return [{ kind: "any", choices: [[slot], [unsaid]] }];
}

/** "look up": a value of an enumeration that stands among the words of the sentence. */
function impliedValue(name: string, schema: JsonSchema, words: string[]): Part | null {
  for (const value of schema.enum ?? []) {
    const spoken = spokenValue(value);
    if (words.some((_, at) => follow(words, at, spoken) !== null)) return { kind: "set", name, value };
  }
  return null;
}

/** True for a number whose range has values below zero; zod gives any integer a bound at the edge of what is exact. */
function takesNegative({ minimum }: JsonSchema): boolean {
  return minimum !== undefined && minimum < 0 && minimum > Number.MIN_SAFE_INTEGER;
}

/** "turn left ninety degrees" as an example: the amount stands for any other, where only one parameter can be meant. */
function withLiterals(tool: SpokenTool, phrase: Phrase): Phrase {
  if (phrase.some((part) => part.kind !== "word")) return phrase;
  const words = phrase.map((part) => (part.kind === "word" ? part.word : ""));
  const { properties = {} } = tool.parameters;
  for (let at = 0; at < words.length; at++) {
    if (!readNumber(words, at)) continue;
    const fits = Object.entries(properties).flatMap(([name, schema]) => {
      const reading = isNumber(schema) ? readQuantities(quantityOf(name).kind, words, at)[0] : undefined;
      return reading ? [{ name, next: reading.next }] : [];
    });
    const longest = Math.max(...fits.map((fit) => fit.next));
    const [fit, other] = fits.filter((one) => one.next === longest);
    if (fit && !other) {
      const slot: Part = { kind: "slot", name: fit.name, sign: 1 };
      return [...phrase.slice(0, at), slot, ...phrase.slice(fit.next)];
    }
  }
  return phrase;
}

/** True for a parameter that takes a number. */
export function isNumber(schema: JsonSchema): boolean {
  const types = [schema.type ?? []].flat();
  return types.includes("number") || types.includes("integer");
}

/** True for a parameter that takes any text: it can be typed, not spoken. */
export function isFreeText(schema: JsonSchema): boolean {
  return [schema.type ?? []].flat().includes("string") && !schema.enum;
}

/** An enumeration's value as it is said: `low-battery` is "low battery". */
export function spokenValue(value: unknown): string {
  return sentenceWords(String(value).replace(/[_-]/g, " ")).join(" ");
}

/** Words for the two values of a switch. */
export const SWITCH_WORDS: readonly (readonly [string, boolean])[] = [
  ["on", true],
  ["yes", true],
  ["true", true],
  ["off", false],
  ["no", false],
  ["false", false],
];

/** Reads the values of a tool's parameters from words, in the units of the parameter. */
export function slotReader(tool: SpokenTool): SlotReader {
  return (name, words, at) => {
    const schema = parameterOf(tool, name);
    if (isNumber(schema)) {
      const { kind, scale } = quantityOf(name);
      const little = /\ba (?:little|bit) is (\d+(?:\.\d+)?)/i.exec(schema.description ?? "")?.[1];
      const littleBase = little === undefined ? undefined : Number(little) * scale;
      return readQuantities(kind, words, at, littleBase).map(({ value, next }) => ({
        value: Number((value / scale).toPrecision(10)),
        next,
      }));
    }
    const choices: (readonly [string, unknown])[] = schema.enum
      ? schema.enum.map((value) => [spokenValue(value), value] as const)
      : schema.type === "boolean"
        ? [...SWITCH_WORDS]
        : [];
    const found = choices.flatMap(([spoken, value]) => {
      const next = spoken === "" ? null : follow(words, at, spoken);
      return next === null ? [] : [{ value, next }];
    });
    if (isFreeText(schema)) {
      for (let next = words.length; next > at; next--) {
        found.push({ value: words.slice(at, next).join(" "), next });
      }
    }
    return found.toSorted((a, b) => b.next - a.next);
  };
}
