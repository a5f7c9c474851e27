import type { SpokenTool } from "../contracts.ts";
import { isFreeText, isNumber, parameterOf, spokenValue, SWITCH_WORDS, type Command } from "./commands.ts";
import type { Part, Phrase } from "./phrase.ts";
import { type QuantityKind, quantityOf, quantityRules } from "./quantity.ts";
import { SMALL_TALK } from "./small-talk.ts";
import { FILLER_RULES } from "./words.ts";

/** A grammar in the Java Speech Grammar Format. */
export interface Grammar {
  jsgf: string;
  /** Every word that occurs in it. */
  words: Set<string>;
  warnings: string[];
}

/** The grammar of what these commands, and small talk, can be said with. */
export function grammarOf(commands: readonly Command[]): Grammar {
  const kinds = new Set<QuantityKind>();
  const warnings: string[] = [];
  const sentences = new Set<string>();
  for (const { tool, phrase, example } of commands) {
    const text = sequence(phrase, tool, kinds);
    if (text === null) {
      const what = `the example "${example}" needs a word that cannot be foreseen`;
      warnings.push(`Tool "${tool.name}": ${what}; it can only be typed.`);
    } else if (text !== "") sentences.add(text);
  }
  const talk = SMALL_TALK.flatMap((phrase) => sequence(phrase, null, kinds) ?? []);
  const rules = [
    ...quantityRules(kinds),
    ...FILLER_RULES,
    `<talk> = ${talk.join("\n  | ")};`,
    ...(sentences.size === 0
      ? ["public <sentence> = <before> <talk>;"]
      : [
          `<command> = ${factored([...sentences]).join("\n  | ")};`,
          "<commands> = <command> | <command> (and | and then) <commands>;",
          "public <sentence> = <before> <commands> <after> | <before> <talk> [robot];",
        ]),
  ];
  const jsgf = `#JSGF V1.0;\ngrammar robot;\n${rules.join("\n")}\n`;
  return { jsgf, words: wordsIn(rules), warnings: [...new Set(warnings)] };
}

/** Null where a part cannot be spoken and cannot be left out. */
function sequence(phrase: Phrase, tool: SpokenTool | null, kinds: Set<QuantityKind>): string | null {
  const texts: string[] = [];
  for (const [at, part] of phrase.entries()) {
    const text = printed(part, tool, kinds);
    if (text === null) return null;
    const by = at === phrase.length - 1 && at > 0 && /<(?:length|angle)>/.test(text);
    if (text !== "") texts.push(by ? text.replace(/<\w+>/, "[by] $&") : text);
  }
  return texts.join(" ");
}

const QUANTITY = /(?:<\w+>|\[by\] <\w+>|\[<\w+>\]|\[\[by\] <\w+>\])/.source;
const AT_END = new RegExp(`^(.+) (${QUANTITY})$`);
const AT_START = new RegExp(`^(.*? ?${QUANTITY}) (.+)$`);

/**
 * The same sentences with each quantity written once where it ends or begins several: a decoder has a copy of the rule for
 * every place where it stands, and of all rules these are the large ones.
 */
function factored(sentences: readonly string[]): string[] {
  const byEnd = grouped(sentences, AT_END, 2, (heads, end) => `(${heads.join(" | ")}) ${end}`);
  return grouped(byEnd, AT_START, 1, (ends, start) => `${start} (${ends.join(" | ")})`);
}

/** Sentences that agree in group `key` of the pattern become one; those that do not match stay. */
function grouped(
  sentences: readonly string[],
  pattern: RegExp,
  key: 1 | 2,
  join: (others: string[], same: string) => string,
): string[] {
  const groups = new Map<string, string[]>();
  const kept: string[] = [];
  for (const sentence of sentences) {
    const match = pattern.exec(sentence);
    if (!match || !balanced(match[1]!)) kept.push(sentence);
    else groups.set(match[key]!, [...(groups.get(match[key]!) ?? []), match[3 - key]!]);
  }
  for (const [same, others] of groups) kept.push(join(others, same));
  return kept;
}

function balanced(text: string): boolean {
  let depth = 0;
  for (const sign of text) {
    if (sign === "(" || sign === "[") depth++;
    if (sign === ")" || sign === "]") depth--;
  }
  return depth === 0;
}

function printed(part: Part, tool: SpokenTool | null, kinds: Set<QuantityKind>): string | null {
  switch (part.kind) {
    case "word":
      return part.word;
    case "set":
    case "missing":
      return "";
    case "slot":
      return tool && slot(part.name, tool, kinds);
    case "any": {
      const choices = part.choices.flatMap((choice) => sequence(choice, tool, kinds) ?? []);
      const asks = part.choices.some(([first]) => first?.kind === "missing");
      if (asks && choices.length < part.choices.length) return null;
      const spoken = [...new Set(choices.filter((choice) => choice !== ""))];
      if (choices.length === 0) return null;
      if (spoken.length === 0) return "";
      return choices.includes("") ? `[${spoken.join(" | ")}]` : `(${spoken.join(" | ")})`;
    }
  }
}

function slot(name: string, tool: SpokenTool, kinds: Set<QuantityKind>): string | null {
  const schema = parameterOf(tool, name);
  if (isFreeText(schema)) return null;
  if (isNumber(schema)) {
    const { kind } = quantityOf(name);
    kinds.add(kind);
    return `<${kind}>`;
  }
  const choices = schema.enum
    ? schema.enum.map(spokenValue).filter((text) => text !== "")
    : SWITCH_WORDS.map(([word]) => word);
  return choices.length === 0 ? null : `(${choices.join(" | ")})`;
}

/** The words on the right-hand sides. */
function wordsIn(rules: readonly string[]): Set<string> {
  const words = new Set<string>();
  for (const rule of rules) {
    const text = rule.slice(rule.indexOf("=") + 1).replace(/<[^>]*>/g, " ");
    for (const [word] of text.matchAll(/[^\s()[\]|;]+/g)) words.add(word);
  }
  return words;
}
