import { createInterface } from "node:readline";
import type { PluginContext } from "myna";
import { COMMANDS } from "./commands.ts";
import type { Page } from "./live-view.ts";
import type { Row } from "./rows.ts";
import { plain } from "./rows.ts";
import { Screen } from "./screen.ts";

/** The changing lines are redrawn at most this often. */
const REFRESH_MS = 50;
const HISTORY_LINES = 100;
const GREETING: Row[] = [
  {
    label: "try",
    text: '"move forward fifty centimetres", "how far is the wall", "what can you do"',
    tone: "plain",
  },
  { label: "keys", text: "Enter says it · /help shows the commands · Ctrl-C leaves", tone: "dim" },
];

/** What outlives a reload of the plugin. */
export interface PromptState {
  greeted: boolean;
  /** The address of the robot's page has been told. */
  addressed: boolean;
  /** Newest first. */
  history: string[];
}

/**
 * A prompt on the terminal with live lines above it. `entered` is called with each typed line; `leave` on Ctrl-C and Ctrl-D.
 * What other code writes to stderr meanwhile (the log) appears above the prompt.
 */
export function openPrompt(
  ctx: Pick<PluginContext, "every" | "defer">,
  state: PromptState,
  options: { colour: boolean; entered: (line: string) => void; leave: (reason: string) => void },
): Page {
  const editor = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    prompt: "› ",
    history: [...state.history],
    historySize: HISTORY_LINES,
    completer: complete,
  });
  const screen = new Screen(process.stdout, editor, options.colour);
  const { stderr } = process;
  const write = stderr.write;
  if (stderr.isTTY) {
    stderr.write = ((text: string | Uint8Array) => {
      screen.text(typeof text === "string" ? text : new TextDecoder().decode(text));
      return true;
    }) as typeof stderr.write;
  }
  let closing = false;
  editor.on("line", (line) => {
    const text = line.trim();
    screen.entered(line, text === "" ? undefined : { label: "you", text: plain(text), tone: "dim" });
    if (text !== "" && state.history[0] !== text) state.history.unshift(text);
    state.history.length = Math.min(state.history.length, HISTORY_LINES);
    options.entered(line);
  });
  editor.on("SIGINT", () => options.leave("Ctrl-C"));
  editor.on("close", () => !closing && options.leave("Ctrl-D"));
  ctx.every(REFRESH_MS, () => screen.refresh());
  ctx.defer(() => {
    closing = true;
    screen.hide();
    stderr.write = write;
    editor.close();
  });
  if (!state.greeted) GREETING.forEach((row) => screen.print(row));
  state.greeted = true;
  screen.show();
  return screen;
}

function complete(line: string): [string[], string] {
  const commands = Object.keys(COMMANDS).map((command) => command.split(" ")[0] ?? command);
  return [line.startsWith("/") ? commands.filter((command) => command.startsWith(line)) : [], line];
}

/** Lines of a stdin that is not a terminal; `ended` after the last one. */
export function readLines(
  ctx: Pick<PluginContext, "defer">,
  line: (text: string) => void,
  ended: () => void,
): void {
  const reader = createInterface({ input: process.stdin, terminal: false });
  let closing = false;
  reader.on("line", line);
  reader.on("close", () => !closing && ended());
  ctx.defer(() => {
    closing = true;
    reader.close();
  });
}
