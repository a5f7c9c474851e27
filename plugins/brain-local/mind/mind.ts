import type { Mind, Remembered, SpokenTool, Thought } from "../contracts.ts";
import { isFailure, sentence, spokenResult } from "./answer.ts";
import { exampleSentence, Interpreter } from "./interpret.ts";
import { quantityOf } from "./quantity.ts";
import type { Topic } from "./small-talk.ts";

/** Said before a command is carried out; not an answer yet. */
const ACKNOWLEDGEMENT = "Okay.";
/** Examples that the robot names when it is asked what it can do, at most. */
const MOST_EXAMPLES = 4;
/** Interpreters kept, one per list of tools. */
const MOST_KEPT = 8;

/** An instruction to say a given sentence and do nothing. */
const SAY_THIS = /^Say this\b[^"\n]*: "([^"\n]+)"/m;

/** A note of the runtime: what a tool returned that was called before the link was lost. */
const TOLD_RESULT =
  /^The tool (\S+?),? (?:was )?called with [^]*?(?: before the interruption, has returned| and returned): ([^]*)$/;

type UserEntry = Extract<Remembered, { kind: "user" }>;

/**
 * A small mind without a model: it reads a sentence as calls of the session's tools, says afterwards what they did, and
 * knows a little small talk. A sentence that it does not understand to the last word moves nothing.
 */
export class CommandMind implements Mind {
  #warn: (message: string) => void;
  #interpreters = new Map<string, Interpreter>();
  #warned = new Set<string>();

  /** `warn` hears once about each example of a tool that cannot be used. */
  constructor(warn: (message: string) => void = () => {}) {
    this.#warn = warn;
  }

  think(
    conversation: readonly Remembered[],
    session: { tools: readonly SpokenTool[]; instructions: string },
  ): Thought {
    const asked = SAY_THIS.exec(session.instructions)?.[1];
    if (asked) return { say: asked };
    const interpreter = this.#interpreterOf(session.tools);
    const at = conversation.findLastIndex((entry) => entry.kind === "user");
    const user = conversation[at];
    if (user?.kind !== "user") return { say: "Hello. I am listening." };
    const since = conversation.slice(at + 1);
    const plan = this.#answer(user, conversation.slice(0, at), interpreter);
    const results = resultsIn(since, plan);
    // Answered already, perhaps by another server: what was done once is not done again.
    const answered = since.some((entry) => entry.kind === "assistant" && entry.text !== ACKNOWLEDGEMENT);
    if (results.length === 0 && answered) return { say: "I am listening." };
    if (results.length === 0 && runsStill(since, plan)) return { say: "I am still at it." };
    if (results.length === 0) return begin(plan, interpreter);
    // The calls of one response may run at the same time; a body does one thing after the other.
    const next = plan.calls?.[results.length];
    const well = results.every((output) => !isFailure(output));
    return next && well ? { calls: [next] } : { say: afterwards(since, plan) };
  }

  #answer(user: UserEntry, before: readonly Remembered[], interpreter: Interpreter): Thought {
    const meaning = interpreter.interpret(user.text);
    const stop = stopCall(user.text, interpreter);
    if (stop && (!user.accepted || meaning.kind !== "calls")) return { calls: [stop] };
    if (!user.accepted && user.doubt) {
      return { say: `Did you say ${user.doubt.join(" or ")}? Please say the whole sentence again.` };
    }
    if (!user.accepted) return { say: notUnderstood(user, interpreter) };
    switch (meaning.kind) {
      case "calls":
        return { calls: meaning.calls };
      case "refusal":
        return { say: meaning.reason };
      case "talk":
        return { say: talk(meaning.topic, before, interpreter) };
      case "unknown":
        return { say: notUnderstood(user, interpreter) };
    }
  }

  #interpreterOf(tools: readonly SpokenTool[]): Interpreter {
    const key = JSON.stringify(tools);
    let interpreter = this.#interpreters.get(key);
    if (interpreter) return interpreter;
    interpreter = new Interpreter(tools);
    for (const warning of interpreter.warnings) {
      if (!this.#warned.has(warning)) this.#warn(warning);
      this.#warned.add(warning);
    }
    this.#interpreters.set(key, interpreter);
    const [oldest] = this.#interpreters.keys();
    if (this.#interpreters.size > MOST_KEPT && oldest !== undefined) this.#interpreters.delete(oldest);
    return interpreter;
  }
}

/** The first of the calls; a body that will be busy for a while says first that it has heard. */
function begin(thought: Thought, interpreter: Interpreter): Thought {
  const [call] = thought.calls ?? [];
  if (!call) return thought;
  const tool = interpreter.commands.find((command) => command.tool.name === call.name)?.tool;
  const takesTime =
    Object.keys(tool?.parameters.properties ?? {}).some((name) => LASTING.has(quantityOf(name).kind)) ||
    Object.keys(call.arguments).some((name) => quantityOf(name).kind === "angle");
  return { ...(takesTime && { say: ACKNOWLEDGEMENT }), calls: [call] };
}

/** Quantities whose tools take seconds. */
const LASTING = new Set(["length", "duration"]);

/** The call that stops the robot, where the words may ask for it: it is honoured however badly they were heard. */
function stopCall(
  text: string,
  interpreter: Interpreter,
): { name: string; arguments: Record<string, unknown> } | null {
  if (!/\b(?:stop|halt|freeze)\b/i.test(text) || /\b(?:not|don't|never|without) stop/i.test(text))
    return null;
  const command = interpreter.commands.find(({ tool }) => tool.name === "stop");
  return command ? { name: command.tool.name, arguments: {} } : null;
}

/** Output of a call of this plan; of one that another server asked for the runtime tells in a note. */
function outputOf(entry: Remembered, plan: Thought): string | undefined {
  if (entry.kind === "result") return entry.output;
  if (entry.kind !== "system") return undefined;
  const [, name, output] = TOLD_RESULT.exec(entry.text) ?? [];
  return plan.calls?.some((call) => call.name === name) ? output : undefined;
}

function resultsIn(since: readonly Remembered[], plan: Thought): string[] {
  return since.map((entry) => outputOf(entry, plan)).filter((output) => output !== undefined);
}

/** A call of this plan that another server asked for has not returned yet. */
function runsStill(since: readonly Remembered[], plan: Thought): boolean {
  return since.some(
    (entry) =>
      entry.kind === "system" &&
      plan.calls?.some(({ name }) => entry.text.includes(` Still running: ${name}(`)),
  );
}

/** What the results of the calls and the pictures say, in order. */
function afterwards(since: readonly Remembered[], plan: Thought): string {
  const said: string[] = [];
  for (const entry of since) {
    const output = outputOf(entry, plan);
    if (output !== undefined) said.push(spokenResult(output));
    if (entry.kind === "image" && entry.caption) said.push(sentence(entry.caption));
  }
  const text = [...new Set(said.filter((one) => one !== ""))].join(" ");
  return text === "" ? "Done." : text;
}

function talk(topic: Topic, before: readonly Remembered[], interpreter: Interpreter): string {
  switch (topic) {
    case "greeting":
      return "Hello.";
    case "farewell":
      return "Goodbye.";
    case "thanks":
      return "You are welcome.";
    case "name":
      return "I am a robot that runs on Myna.";
    case "ability":
      return ability(interpreter);
    case "memory":
      return memory(before);
    case "wellbeing":
      return "I am fine, and ready.";
    case "yes":
      return "Good.";
    case "no":
      return "All right.";
    case "praise":
      return "Thank you.";
  }
}

function memory(before: readonly Remembered[]): string {
  const last = before.findLast((entry) => entry.kind === "user" && entry.accepted && entry.text !== "");
  if (last?.kind !== "user") return "You have not asked me anything yet.";
  return `You said: ${sentence(last.text)}`;
}

function notUnderstood(user: UserEntry, interpreter: Interpreter): string {
  const begin =
    user.text === "" && user.spoken ? "I heard nothing that I know." : "I did not understand that.";
  return `${begin} ${ability(interpreter)}`;
}

/** What the robot can do, with the first example of as many tools as one listens to. */
function ability(interpreter: Interpreter): string {
  const examples = new Map<string, string>();
  for (const { tool, example } of interpreter.commands) {
    if (!examples.has(tool.name)) examples.set(tool.name, exampleSentence(example));
  }
  const some = [...examples.values()].slice(0, MOST_EXAMPLES);
  if (some.length === 0) return "I have no tools, so I can only talk.";
  const last = some.pop()!;
  return `You can say: ${some.length === 0 ? last : `${some.join(", ")}, or ${last}`}.`;
}
