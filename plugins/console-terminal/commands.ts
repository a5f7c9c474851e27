import { asksToStop } from "myna";
import type { PluginContext } from "myna";
import type { Row } from "./rows.ts";
import { plain, poseText } from "./rows.ts";
import type { Utterance } from "./script.ts";

/** What a typed line can ask for besides being said to the robot. */
export const COMMANDS = {
  "/help": "show this",
  "/stop": "stop the wheels and silence the robot, at once (so does: stop)",
  "/talk": "hold the talk key; once more: let it go (push-to-talk)",
  "/state": "show the link, the plugins and where the robot is",
  "/wav FILE": "play a WAV file into the microphone",
  "/quit": "leave (so do Ctrl-C and Ctrl-D)",
} as const;

/** What the commands act on. */
export interface CommandPort {
  ctx: Pick<PluginContext, "use" | "has" | "session" | "report" | "shutdown" | "publish">;
  print(row: Row): void;
  utter(utterance: Utterance): void;
  /** Drops what is being said to the robot and what waits to be. */
  drop(): void;
  /** Whether somebody holds the talk key. */
  talking(): boolean;
}

/** Wheels first, then the voice; the conversation is told. Never waits for a server. */
export function stopHere(ctx: Pick<PluginContext, "use" | "has" | "session">): void {
  if (ctx.has("drive")) ctx.use("drive").stop("stopped at the terminal");
  ctx.session.dismiss();
  ctx.session.note("The user stopped the robot at the terminal; the wheels stand still.");
}

/** Runs a typed line: a command where it begins with "/", else a sentence for the robot. */
export function runLine(line: string, { ctx, print, utter, drop, talking }: CommandPort): void {
  const text = line.trim();
  if (text === "") return;
  const stops = asksToStop(text);
  if (!stops && !text.startsWith("/")) return utter({ kind: "say", value: text });
  const [command = "", ...rest] = text.split(/\s+/);
  const argument = rest.join(" ");
  const say = (label: string, message: string, tone: Row["tone"] = "plain") =>
    print({ label, text: plain(message), tone });
  switch (stops ? "/stop" : command) {
    case "/stop":
      drop();
      stopHere(ctx);
      return say("stop", "wheels stopped, robot silenced");
    case "/talk":
      ctx.publish("user.talk_changed", { talking: !talking() });
      return say("talk", talking() ? "the robot listens until /talk once more" : "the robot answers");
    case "/state":
      return printState(ctx, say);
    case "/wav":
      if (argument === "") return say("", "/wav needs a file: /wav hello.wav", "bad");
      return utter({ kind: "wav", value: argument });
    case "/quit":
    case "/exit":
      return ctx.shutdown(0, "left at the terminal");
    case "/help":
      say("", "Type a sentence, as you would say it to the robot. Or:");
      for (const [name, meaning] of Object.entries(COMMANDS)) say(name, meaning);
      return;
    default:
      say("", `there is no ${command}; there are: ${Object.keys(COMMANDS).join(", ")}`, "bad");
  }
}

function printState(
  ctx: CommandPort["ctx"],
  say: (label: string, message: string, tone?: Row["tone"]) => void,
): void {
  const report = ctx.report();
  say("link", `${report.session.state} ${report.session.url}`);
  if (ctx.has("drive")) say("pose", poseText(ctx.use("drive").pose()));
  for (const { id, use, state, message } of report.plugins) {
    const why = message === undefined ? "" : `: ${message}`;
    say("plugin", `${id} (${use}) ${state}${why}`, state === "ready" ? "plain" : "bad");
  }
}
