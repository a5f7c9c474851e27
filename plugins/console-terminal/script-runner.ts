import type { PluginContext } from "myna";
import { ACTIVITY_TOPICS } from "./activity.ts";
import type { ActivityTopic } from "./activity.ts";
import { Script } from "./script.ts";
import type { Outcome, ScriptLimits, Utterance } from "./script.ts";

/** How often the script looks at the clock. */
const TICK_MS = 25;

/** What a script tells its surroundings. */
export interface ScriptPort {
  utter(utterance: Utterance): Promise<void>;
  /** An utterance begins; `number` counts from 1. */
  begins(utterance: Utterance, number: number): void;
  /** An utterance got no answer. */
  failed(outcome: Outcome, number: number): void;
  ended(outcomes: readonly Outcome[], failure: string | undefined): void;
}

/** Drives a {@link Script} with the events of the robot and the clock of the process. */
export function runScript(
  ctx: Pick<PluginContext, "on" | "every">,
  port: ScriptPort,
  options: { limits: ScriptLimits; utterances: readonly Utterance[]; open: boolean },
): Script {
  const script = new Script(options.limits, { nowMs: performance.now(), open: options.open });
  let begun = 0;
  let reported = 0;
  let done = false;
  const report = (outcomes: readonly Outcome[]): void => {
    for (; reported < outcomes.length; reported++) {
      const outcome = outcomes[reported];
      if (outcome?.failure !== undefined) port.failed(outcome, reported + 1);
    }
  };
  const advance = (): void => {
    if (done) return;
    const step = script.next(performance.now());
    report(script.outcomes);
    if (step.do === "speak") {
      port.begins(step.utterance, ++begun);
      port.utter(step.utterance).then(
        () => script.spoken(performance.now()),
        (error: Error) => script.spoken(performance.now(), error.message),
      );
    } else if (step.do === "end") {
      done = true;
      stop();
      port.ended(step.outcomes, step.failure);
    }
  };
  const listen = <T extends ActivityTopic>(topic: T) =>
    ctx.on(topic, (event) => script.take(topic, event, performance.now()));
  ACTIVITY_TOPICS.forEach((topic) => listen(topic));
  ctx.on("response.dismissed", () => script.dismiss("somebody stopped the robot before it answered"));
  for (const utterance of options.utterances) script.add(utterance);
  const stop = ctx.every(TICK_MS, advance);
  // Switched off by somebody: what was not answered by now is nobody's failure.
  ctx.on("runtime.stopping", () => {
    done = true;
    stop();
  });
  return script;
}
