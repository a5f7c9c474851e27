import type { Topics, TurnLatency } from "myna";

/** Colour of a row's label. */
export type Tone = "plain" | "dim" | "heard" | "robot" | "tool" | "good" | "bad";

/** One line of the terminal: who or what, and the text, free of control characters. */
export interface Row {
  label: string;
  text: string;
  tone: Tone;
}

/** Labels are this wide, so that the texts stand below each other. */
const LABEL_WIDTH = 9;
/** SGR codes of the tones. */
const COLOURS: Record<Tone, string> = {
  plain: "",
  dim: "2",
  heard: "36",
  robot: "1",
  tool: "33",
  good: "32",
  bad: "31",
};

/** A row as text. `width` cuts it to that many columns, keeping the end of the text when `tail` is set. */
export function formatRow(row: Row, options: { colour: boolean; width?: number; tail?: boolean }): string {
  const label = row.label.padEnd(LABEL_WIDTH);
  const room = options.width === undefined ? Infinity : Math.max(options.width - LABEL_WIDTH - 1, 4);
  const text = fit(row.text, room, options.tail ?? false);
  const code = COLOURS[row.tone];
  if (!options.colour || code === "") return `${label} ${text}`;
  const wholeRow = row.tone === "dim" || row.tone === "bad" || row.tone === "robot";
  return wholeRow ? `\x1b[${code}m${label} ${text}\x1b[0m` : `\x1b[${code}m${label}\x1b[0m ${text}`;
}

function fit(text: string, room: number, tail: boolean): string {
  if (Bun.stringWidth(text) <= room) return text;
  const letters = [...text];
  while (letters.length > 0 && Bun.stringWidth(letters.join("")) > room - 1) {
    if (tail) letters.shift();
    else letters.pop();
  }
  return tail ? `…${letters.join("")}` : `${letters.join("")}…`;
}

/** Text from outside, safe to print: control characters and escape sequences become spaces. */
export function plain(text: string): string {
  return Bun.stripANSI(text)
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .trim();
}

/** A value as a person reads it: `distance_m=0.5 speed=slow` for an object, the text itself for a text. */
export function readable(value: unknown): string {
  if (typeof value === "string") return plain(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return short(value);
  return Object.entries(value)
    .map(([key, one]) => `${plain(key)}=${short(one)}`)
    .join(" ");
}

/** A tool's result: its `summary` where it has one, which says the same in words. */
export function outcome(result: unknown): string {
  const summary = (result as { summary?: unknown } | null)?.summary;
  return typeof summary === "string" ? plain(summary) : readable(result);
}

function short(value: unknown): string {
  if (typeof value === "number") return String(Math.round(value * 1000) / 1000);
  if (typeof value === "string")
    return /[\s=]/.test(value) || value === "" ? `"${plain(value)}"` : plain(value);
  return plain(JSON.stringify(value) ?? String(value));
}

/** "x 0.50 m  y 0.00 m  heading 90°". */
export function poseText(pose: Topics["body.pose"]): string {
  const metres = (value: number) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2);
  const heading = Math.round(pose.heading_deg) || 0;
  return `x ${metres(pose.x_m)} m  y ${metres(pose.y_m)} m  heading ${heading}°`;
}

/** "end of speech → commit 412 ms → first delta 38 ms → first sample 31 ms (481 ms)". */
export function latencyText(latency: TurnLatency): string {
  const ms = (value: number | null) => (value === null ? "–" : `${Math.round(value)} ms`);
  return (
    `end of speech → commit ${ms(latency.speech_end_to_commit_ms)} → first delta ` +
    `${ms(latency.commit_to_first_delta_ms)} → first sample ${ms(latency.first_delta_to_first_sample_ms)}` +
    ` (${ms(latency.total_ms)})`
  );
}

/** How a movement ended, measured by the body. */
export function motionText(motion: Topics["motion.stopped"]): string {
  const centimetres = Math.round(motion.moved_m * 100);
  const degrees = Math.round(motion.turned_deg);
  const done =
    motion.kind === "move"
      ? `${centimetres < 0 ? "back" : "forward"} ${Math.abs(centimetres)} cm`
      : `${degrees < 0 ? "right" : "left"} ${Math.abs(degrees)}°`;
  return `${done}, ${motion.ended === "completed" ? "as asked" : `ended by: ${plain(motion.ended)}`}`;
}
