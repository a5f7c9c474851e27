import { RETAINED_TOPICS, asksToStop, definePlugin } from "myna";
import type { PluginContext, TopicName } from "myna";
import { z } from "zod";
import { runLine, stopHere } from "./commands.ts";
import type { CommandPort } from "./commands.ts";
import { LiveView } from "./live-view.ts";
import type { Page } from "./live-view.ts";
import { Outlet, jsonLine } from "./outlet.ts";
import { openPrompt, readLines } from "./prompt.ts";
import type { PromptState } from "./prompt.ts";
import { LinePage } from "./screen.ts";
import type { Script } from "./script.ts";
import { runScript } from "./script-runner.ts";
import { Utterer } from "./utterer.ts";

const config = z.object({
  view: z
    .enum(["live", "json", "quiet"])
    .default("live")
    .describe("live: lines for a person; json: every topic as a JSON line on stdout; quiet: nothing"),
  prompt: z.boolean().default(true).describe("ask for sentences where stdin and stdout are a terminal"),
  utterances: z
    .array(z.object({ kind: z.enum(["say", "wav"]), value: z.string() }))
    .default([])
    .describe("given to the robot one after the other, each when it is at rest; `--say` and `--wav` fill it"),
  exit: z
    .boolean()
    .default(false)
    .describe("leave after the last utterance; exit code 0 only if every one was answered"),
  user_voice: z
    .string()
    .optional()
    .describe("voice that speaks typed sentences; if not given, the one the service `speech` has for users"),
  answer_timeout_s: z
    .number()
    .positive()
    .default(30)
    .describe("an utterance has failed when nothing happens for so long and there is no answer"),
  ready_timeout_s: z
    .number()
    .positive()
    .default(20)
    .describe("a script gives up when the link to the Realtime server is down for so long"),
  settle_ms: z
    .number()
    .int()
    .min(0)
    .default(250)
    .describe("how long the robot must be still before the next utterance"),
});

/** The terminal: shows what happens, takes sentences, runs `--say` and `--wav`. */
export default definePlugin({
  name: "console-terminal",
  config,
  state: (): PromptState => ({ greeted: false, addressed: false, history: [] }),
  setup(ctx) {
    const { view, prompt, exit, utterances } = ctx.config;
    const { stdin, stdout } = process;
    const scripted = utterances.length > 0;
    const onTerminal = view === "live" && prompt && stdin.isTTY && stdout.isTTY && !(exit && scripted);
    const colour = stdout.isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
    let script: Script | undefined;

    const leave = (reason: string): void => {
      const unfinished = exit && script !== undefined && !script.finished;
      ctx.shutdown(unfinished ? 1 : 0, reason);
    };
    const outlet = new Outlet(stdout, leave);
    ctx.defer(() => outlet.drain());
    const page: Page = onTerminal
      ? openPrompt(ctx, ctx.state, { colour, leave, entered: (line) => runLine(line, port) })
      : new LinePage((line) => outlet.write(line), colour);
    const live = new LiveView(page);
    const note: Note = (label, text, tone = "dim") => {
      if (view === "live") live.note(label, text, tone);
      else if (tone === "bad") ctx.log.error(text);
      else ctx.log.info(text);
    };
    let talking = false;
    ctx.on("user.talk_changed", (event) => void (talking = event.talking));
    const utterer = new Utterer(ctx, ctx.config.user_voice, (text) => note("note", text));
    const port: CommandPort = {
      ctx,
      print: (row) => page.print(row),
      talking: () => talking,
      drop: () => utterer.drop(),
      utter: (utterance) =>
        void utterer
          .utter(utterance)
          .catch((error: Error) => note("failed", `"${utterance.value}": ${error.message}`, "bad")),
    };

    if (view === "json")
      everyTopic(ctx, (topic, event) => outlet.write(jsonLine(topic, event, performance.now())));
    if (view === "live") everyTopic(ctx, (topic, event) => live.take(topic, event));
    // A script that leaves by itself has no time to be looked at.
    ctx.on("runtime.ready", () => {
      if (!ctx.has("web") || exit || ctx.state.addressed) return;
      ctx.state.addressed = true;
      if (view === "live") live.note("page", `see it at ${ctx.use("web").url()}`, "good");
    });

    const fromStdin = prompt && !onTerminal && !scripted;
    if (!scripted && !fromStdin && (!exit || onTerminal)) return;
    const running = runScript(
      ctx,
      {
        utter: (utterance) => utterer.utter(utterance),
        begins: ({ kind, value }) => view === "live" && live.note(kind === "say" ? "say" : "play", value),
        failed({ utterance, failure }, number) {
          // A log must not hold what was said: there the utterance is a number.
          const named = view === "live" || utterance.kind === "wav";
          note("failed", `${named ? `"${utterance.value}"` : `utterance ${number}`}: ${failure}`, "bad");
        },
        ended(outcomes, failure) {
          const answered = outcomes.filter((outcome) => outcome.failure === undefined).length;
          if (outcomes.length === 0 && failure !== undefined) note("failed", failure, "bad");
          if (outcomes.length > 0) note("script", `${answered} of ${outcomes.length} utterances answered`);
          const good = failure === undefined && answered === outcomes.length;
          if (exit) ctx.shutdown(good ? 0 : 1, "the script has ended");
        },
      },
      {
        utterances,
        open: fromStdin,
        limits: {
          answerMs: ctx.config.answer_timeout_s * 1000,
          readyMs: ctx.config.ready_timeout_s * 1000,
          settleMs: ctx.config.settle_ms,
        },
      },
    );
    script = running;
    if (!fromStdin) return;
    const said = (line: string): void => {
      // It is said like the others when its turn comes; the wheels do not wait for that.
      if (asksToStop(line)) {
        running.dismiss();
        stopHere(ctx);
      }
      if (line.trim() !== "") running.add({ kind: "say", value: line.trim() });
    };
    readLines(ctx, said, () => running.close());
  },
});

type Note = (label: string, text: string, tone?: "dim" | "bad") => void;

/** Retained topics as they are, then every event. */
function everyTopic(
  ctx: Pick<PluginContext, "on" | "tap">,
  take: (topic: string, event: unknown) => void,
): void {
  for (const topic of RETAINED_TOPICS as ReadonlySet<TopicName>)
    ctx.on(topic, (event) => take(topic, event))();
  ctx.tap(take);
}
