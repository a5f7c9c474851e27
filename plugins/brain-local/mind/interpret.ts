import type { SpokenTool } from "../contracts.ts";
import { type Command, commandsOf, isNumber, parameterOf, slotReader } from "./commands.ts";
import { type Match, matchPhrase } from "./phrase.ts";
import { parameterWords, quantityOf } from "./quantity.ts";
import { type Topic, topicOf } from "./small-talk.ts";
import { JOINT, sentenceWords } from "./words.ts";

/** A call that a sentence asks for; arguments in the units of the tool's schema. */
export interface IntendedCall {
  name: string;
  arguments: Record<string, unknown>;
}

/** What a sentence means. */
export type Meaning =
  | { kind: "calls"; calls: IntendedCall[] }
  /** Understood, but a value is out of its range or was not said; nothing is to be done. */
  | { kind: "refusal"; reason: string }
  | { kind: "talk"; topic: Topic }
  | { kind: "unknown" };

/** More commands than this in one sentence are not looked for. */
const MOST_CALLS = 6;
const RIGHT_NOW = /\bright now\b/gi;

/** Reads sentences as calls of one list of tools. Only a sentence that is understood to its last word means anything. */
export class Interpreter {
  readonly commands: readonly Command[];
  readonly warnings: readonly string[];

  constructor(tools: readonly SpokenTool[]) {
    const { commands, warnings } = commandsOf(tools);
    this.commands = commands;
    this.warnings = warnings;
  }

  interpret(text: string): Meaning {
    const meaning = this.#read(sentenceWords(text));
    if (meaning.kind !== "unknown" || text.search(RIGHT_NOW) < 0) return meaning;
    // "stop right now" says when; "turn right now" said where to.
    return this.#read(sentenceWords(text.replace(RIGHT_NOW, " ")));
  }

  #read(words: string[]): Meaning {
    if (words.length === 0) return { kind: "unknown" };
    const found = this.#sequence(words, 0, MOST_CALLS);
    if (found) return judge(found, this.commands);
    const topic = topicOf(words);
    return topic ? { kind: "talk", topic } : { kind: "unknown" };
  }

  /** Commands that cover `words` from `at` to the end; those with nothing missing are preferred. */
  #sequence(words: readonly string[], at: number, most: number): Understood[] | null {
    let incomplete: Understood[] | null = null;
    for (const command of this.commands) {
      for (const match of matchPhrase(command.phrase, words, at, slotReader(command.tool))) {
        if (match.next === at) continue;
        const rest = match.next === words.length ? [] : this.#after(words, match.next, most);
        if (!rest) continue;
        const all = [{ command, match }, ...rest];
        if (all.every((one) => one.match.missing.length === 0)) return all;
        incomplete ??= all;
      }
    }
    return incomplete;
  }

  #after(words: readonly string[], at: number, most: number): Understood[] | null {
    return words[at] === JOINT && most > 1 ? this.#sequence(words, at + 1, most - 1) : null;
  }
}

interface Understood {
  command: Command;
  match: Match;
}

function judge(found: Understood[], commands: readonly Command[]): Meaning {
  for (const { command, match } of found) {
    const reason = missing(command.tool, match, commands) ?? outOfRange(command.tool, match.values);
    if (reason) return { kind: "refusal", reason };
  }
  return {
    kind: "calls",
    calls: found.map(({ command, match }) => ({ name: command.tool.name, arguments: match.values })),
  };
}

/** A question for the first value that was not said, with an example that has it; null when nothing is missing. */
function missing(tool: SpokenTool, match: Match, commands: readonly Command[]): string | null {
  const [name] = match.missing;
  if (name === undefined) return null;
  const own = commands.filter((command) => command.tool === tool);
  const example = own.find((command) => command.example.includes(`{${name}}`))?.example;
  const { kind } = quantityOf(name);
  const words = parameterWords(name);
  const counted = kind === "count" && isNumber(parameterOf(tool, name));
  const question = counted ? `How many ${words}?` : kind === "duration" ? "For how long?" : `Which ${words}?`;
  return example === undefined ? question : `${question} Say it like this: ${exampleSentence(example)}.`;
}

/** An example as one would say it, with an amount for each parameter left to say. */
export function exampleSentence(example: string): string {
  const amounts = { length: "half a meter", angle: "ninety degrees", duration: "five seconds" } as Record<
    string,
    string
  >;
  return example
    .replace(/\{-?(\w+)(=[^}]*)?\}/g, (_, name: string, set?: string) =>
      set === undefined ? (amounts[quantityOf(name).kind] ?? "ten") : "",
    )
    .replace(/\[[^\]]*\]/g, "")
    .replace(/\(([^()|]*)\|[^()]*\)/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}

const UNIT_NAMES: Record<string, string> = {
  length: "meters",
  angle: "degrees",
  duration: "seconds",
  speed: "meters per second",
  percent: "percent",
};

/** Why a value cannot be taken, as a sentence; null when all can. */
function outOfRange(tool: SpokenTool, values: Record<string, unknown>): string | null {
  for (const [name, value] of Object.entries(values)) {
    const { minimum, maximum, type } = parameterOf(tool, name);
    if (typeof value !== "number") continue;
    const words = parameterWords(name);
    if (type === "integer" && !Number.isInteger(value)) return `The ${words} must be a whole number.`;
    const { kind, scale } = quantityOf(name);
    const amount = (number: number) =>
      [Number((Math.abs(number) * scale).toPrecision(6)), UNIT_NAMES[kind] ?? ""].join(" ").trim();
    const low = minimum !== undefined && value < minimum;
    const high = maximum !== undefined && value > maximum;
    if (!low && !high) continue;
    const bound = low ? minimum : maximum!;
    const limit = low && bound >= 0 ? "at least" : "at most";
    return `I did nothing: the ${words} can be ${limit} ${amount(bound)}, not ${amount(value)}.`;
  }
  return null;
}
