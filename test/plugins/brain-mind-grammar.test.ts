import { beforeAll, expect, test } from "bun:test";
import type { SpokenTool } from "../../plugins/brain-local/contracts.ts";
import { type Grammar, grammarOf } from "../../plugins/brain-local/mind/grammar.ts";
import { Interpreter } from "../../plugins/brain-local/mind/interpret.ts";
import { LAMP_TOOL, robotTools } from "../fixtures/robot-tools.ts";

let tools: SpokenTool[];
let robot: Interpreter;
let grammar: Grammar;
beforeAll(async () => {
  tools = [...(await robotTools()), LAMP_TOOL];
  robot = new Interpreter(tools);
  grammar = grammarOf(robot.commands);
});

/** Says random sentences of a JSGF grammar without weights. */
class Speaker {
  #rules = new Map<string, string>();
  #seed = 1;

  constructor(jsgf: string) {
    for (const [, name, text] of jsgf.matchAll(/(?:public )?(<\w+>) = ([^;]*);/g))
      this.#rules.set(name!, text!);
  }

  /** `commands`: how many commands may be joined at most. */
  say(rule: string, commands = 3): string {
    const tokens = this.#rules.get(rule)!.match(/<\w+>|[()[\]|]|[^\s()[\]|<>]+/g)!;
    return this.#choose(tokens, commands).replace(/\s+/g, " ").trim();
  }

  #choose(tokens: string[], commands: number): string {
    const choices = splitAtTop(tokens);
    const open = commands > 1 ? choices : choices.filter((choice) => !choice.includes("<commands>"));
    const some = open.length > 0 ? open : choices;
    const chosen = some[this.#random(some.length)]!;
    const said: string[] = [];
    for (let at = 0; at < chosen.length; at++) {
      const token = chosen[at]!;
      if (token === "(" || token === "[") {
        const end = closing(chosen, at);
        const omitted = token === "[" && this.#random(2) === 0;
        if (!omitted) said.push(this.#choose(chosen.slice(at + 1, end), commands));
        at = end;
      } else if (token.startsWith("<"))
        said.push(this.say(token, commands - (token === "<commands>" ? 1 : 0)));
      else said.push(token);
    }
    return said.join(" ");
  }

  #random(below: number): number {
    this.#seed = (Math.imul(this.#seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (this.#seed >> 12) % below;
  }
}

function closing(tokens: string[], open: number): number {
  for (let at = open, depth = 0; at < tokens.length; at++) {
    if (tokens[at] === "(" || tokens[at] === "[") depth++;
    if ((tokens[at] === ")" || tokens[at] === "]") && --depth === 0) return at;
  }
  throw new Error(`no end of ${tokens.slice(open).join(" ")}`);
}

function splitAtTop(tokens: string[]): string[][] {
  const parts: string[][] = [[]];
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (token === "|") parts.push([]);
    else if (token === "(" || token === "[") {
      const end = closing(tokens, at);
      parts.at(-1)!.push(...tokens.slice(at, end + 1));
      at = end;
    } else parts.at(-1)!.push(token);
  }
  return parts;
}

test("whatever the recogniser can hear, the mind understands", () => {
  const speaker = new Speaker(grammar.jsgf);
  const strange = new Set<string>();
  for (let count = 0; count < 3000; count++) {
    const sentence = speaker.say("<sentence>");
    if (robot.interpret(sentence).kind === "unknown") strange.add(sentence);
  }
  expect([...strange]).toEqual([]);
});

test("every tool can be called by what the recogniser can hear", () => {
  const speaker = new Speaker(grammar.jsgf);
  const called = new Set<string>();
  for (let count = 0; count < 3000; count++) {
    const meaning = robot.interpret(speaker.say("<command>"));
    if (meaning.kind === "calls") for (const call of meaning.calls) called.add(call.name);
  }
  expect([...called].sort()).toEqual(tools.map((tool) => tool.name).sort());
});

test("the words of the grammar are those that occur in it, without rules and signs", () => {
  const speaker = new Speaker(grammar.jsgf);
  for (let count = 0; count < 1000; count++) {
    for (const word of speaker.say("<sentence>").split(" ")) expect(grammar.words).toContain(word);
  }
  for (const word of ["forward", "centimeters", "picture", "horn", "hello", "sky"])
    expect(grammar.words).toContain(word);
  for (const word of grammar.words) expect(word).toMatch(/^[a-z']+$/);
});

test("a tool that can only be typed is left out with a warning", () => {
  const note: SpokenTool = {
    name: "take_note",
    description: 'Writes. Examples: "write down {text}".',
    parameters: { type: "object", properties: { text: { type: "string" } }, required: ["text"] },
  };
  const { jsgf, warnings } = grammarOf(new Interpreter([note]).commands);
  expect(jsgf).not.toContain("write");
  expect(warnings).toEqual([expect.stringContaining('"take_note"')]);
});

test("without tools small talk is still heard", () => {
  const { jsgf } = grammarOf([]);
  expect(new Interpreter([]).interpret(new Speaker(jsgf).say("<sentence>")).kind).toBe("talk");
});
