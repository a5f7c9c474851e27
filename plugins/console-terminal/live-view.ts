import type { TopicName, Topics } from "myna";
import { budgetText, costText, dollars } from "./money.ts";
import { latencyText, motionText, outcome, plain, poseText, readable } from "./rows.ts";
import type { Row, Tone } from "./rows.ts";

type Reaction = { [T in TopicName]?: (event: Topics[T]) => void };

/** Where the view writes. */
export interface Page {
  /** A line that stays. */
  print(row: Row): void;
  /** The lines that change in place below the others; a page without a terminal ignores them. */
  live(rows: Row[]): void;
}

/** What happens to the robot, as lines for a person. Pure: topics in, rows out. */
export class LiveView {
  readonly #page: Page;
  readonly #live = new Map<string, Row>();
  #linkState = "";
  #moving = false;
  #stopping = false;
  #cost = "";

  constructor(page: Page) {
    this.#page = page;
  }

  /** Takes any topic; those it does not show are ignored. */
  take(topic: string, event: unknown): void {
    const reaction = this.#reactions[topic as TopicName] as ((event: unknown) => void) | undefined;
    reaction?.(event);
  }

  /** A line that comes from the terminal itself. */
  note(label: string, text: string, tone: Tone = "dim"): void {
    this.#page.print({ label, text: plain(text), tone });
  }

  #settle(key: string, row?: Row): void {
    if (this.#live.delete(key)) this.#showLive();
    if (row) this.#page.print(row);
  }

  #change(key: string, row: Row): void {
    this.#live.set(key, row);
    this.#showLive();
  }

  #showLive(): void {
    this.#page.live([...this.#live.values()]);
  }

  readonly #reactions: Reaction = {
    "session.state_changed": ({ state, url, retry_in_ms, message }) => {
      if (state === this.#linkState && message === undefined) return;
      this.#linkState = state;
      if (this.#stopping) return;
      const retry = retry_in_ms === undefined ? "" : `, next try in ${Math.round(retry_in_ms / 100) / 10} s`;
      const why = message === undefined ? "" : `: ${message}`;
      // Without an address the server is only not there yet.
      const bad = state === "closed" || (state === "waiting" && url !== "");
      const text = `${[state, url].filter(Boolean).join(" ")}${retry}${why}`;
      this.note("link", text, state === "ready" ? "good" : bad ? "bad" : "dim");
    },
    "runtime.stopping": () => void (this.#stopping = true),
    "session.error": ({ code, message }) => this.note("error", `${code}: ${message}`, "bad"),
    "plugin.state_changed": ({ id, state, code, message }) => {
      if (state === "starting" || state === "ready" || state === "stopped") return;
      const why = message === undefined ? "" : `: ${message}`;
      const waits = state === "retrying" && code === undefined;
      this.note("plugin", `${id} is ${state}${why}`, waits || state === "degraded" ? "dim" : "bad");
    },
    "plugin.reloaded": ({ id, ok, duration_ms, message }) => {
      if (ok) this.note("plugin", `${id} reloaded in ${Math.round(duration_ms)} ms`, "good");
      else
        this.note("plugin", `${id}: the new version does not start, the old one runs on: ${message}`, "bad");
    },
    "user.transcript": ({ text, final }) => {
      const row: Row = { label: "heard", text: plain(text) || "(nothing understood)", tone: "heard" };
      if (final) this.#settle("heard", row);
      else this.#change("heard", { ...row, text: `${plain(text)} …` });
    },
    "assistant.transcript": ({ item_id, text, final, interrupted }) => {
      const key = `robot ${item_id}`;
      const spoken = plain(text);
      if (!final) return this.#change(key, { label: "robot", text: spoken, tone: "robot" });
      const shown = interrupted ? `${spoken} — (interrupted)`.trimStart() : spoken;
      this.#settle(key, shown === "" ? undefined : { label: "robot", text: shown, tone: "robot" });
    },
    "response.finished": ({ status, message }) => {
      if (status === "failed" || status === "incomplete")
        this.note("error", `the answer is ${status}${message === undefined ? "" : `: ${message}`}`, "bad");
    },
    "tool.started": ({ call_id, name, arguments: given }) => {
      this.#page.print({ label: "tool", text: `${plain(name)} ${readable(given)}`.trim(), tone: "tool" });
      this.#change(call_id, { label: "", text: `${plain(name)} …`, tone: "dim" });
    },
    "tool.finished": ({ call_id, name, ok, result, code, duration_ms }) => {
      const took = `${(duration_ms / 1000).toFixed(1)} s`;
      const failed = ok ? "" : ` failed${code === undefined ? "" : ` (${plain(code)})`}`;
      this.#settle(call_id, {
        label: ok ? "done" : "failed",
        text: `${plain(name)}${failed} → ${outcome(result)} (${took})`,
        tone: ok ? "good" : "bad",
      });
    },
    "motion.stopped": (motion) =>
      this.#page.print({ label: "body", text: motionText(motion), tone: "plain" }),
    "body.pose": (pose) => {
      const row: Row = { label: "pose", text: poseText(pose), tone: "dim" };
      if (pose.moving) this.#change("pose", row);
      else if (this.#moving) this.#settle("pose", row);
      this.#moving = pose.moving;
    },
    "camera.frame_captured": ({ width, height, bytes }) =>
      this.note("camera", `picture of ${width} × ${height}, ${Math.round(bytes / 1000)} kB`),
    "sound.played": ({ name }) => this.note("sound", name),
    "turn.latency": (latency) => this.note("latency", latencyText(latency)),
    "cost.updated": (cost) => {
      const text = costText(cost);
      if (text !== "" && text !== this.#cost) this.note("cost", text);
      this.#cost = text;
    },
    "budget.warned": ({ scope, spent_usd, cap_usd }) =>
      this.note(
        "budget",
        `${dollars(spent_usd)} of ${dollars(cap_usd)}${scope === "day" ? " for today" : ""} are spent`,
        "bad",
      ),
    "budget.degraded": (event) => this.note("budget", plain(budgetText(event)), "bad"),
    "response.delayed": ({ wait_ms, limit }) =>
      this.note("waits", `${(wait_ms / 1000).toFixed(1)} s for the server's limit of ${plain(limit)}`),
    "session.hung_up": ({ reason }) => {
      if (reason === "idle") this.note("link", "hung up: nobody spoke; speak or type to go on");
    },
  };
}
