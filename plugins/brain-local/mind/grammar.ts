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
          `<command> = ${[...sentences].join("\n  | ")};`,
          "<commands> = <command> | <command> (and | then | and then) <commands>;",
          "public <sentence> = <before> <commands> <after> | <before> <talk> [robot];",
        ]),
  ];
  const jsgf = `#JSGF V1.0;\ngrammar robot;\n${rules.join("\n")}\n`;
  return { jsgf, words: wordsIn(rules), warnings: [...new Set(warnings)] };
}

/** Null where a part cannot be spoken and cannot be left out. */
function sequence(phrase: Phrase, tool: SpokenTool | null, kinds: Set<QuantityKind>): string | null {
  const texts: string[] = [];
  for (const part of phrase) {
    const text = printed(part, tool, kinds);
    if (text === null) return null;
    if (text !== "") texts.push(text);
  }
  return texts.join(" ");
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
    return kind === "length" || kind === "angle" ? `[by] <${kind}>` : `<${kind}>`;
  }
  const choices = schema.enum
    ? schema.enum.map(spokenValue).filter((text) => text !== "")
    : SWITCH_WORDS.map(([word]) => word);
  if (choices.length === 0) return null;
  return schema.enum ? `[a | the] (${choices.join(" | ")})` : `(${choices.join(" | ")})`;
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
