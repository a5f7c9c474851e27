import { parameterWords, quantityOf } from "./quantity.ts";

/** Fields in which tools say what they did, the best first. */
const SENTENCE_FIELDS = ["summary", "message", "description", "text", "said", "result"];
/** Fields that are for programs. */
const SKIPPED_FIELDS = new Set(["ok", "success", "error", "code", "id", "call_id", "duration_ms"]);

/** A tool's output as something to say: what was done, or why it was not. Empty when the output says nothing. */
export function spokenResult(output: string): string {
  const text = output.trim();
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    return sentence(text);
  }
  return spoken(value);
}

/** True where a tool's output says that nothing was done. */
export function isFailure(output: string): boolean {
  try {
    const value: unknown = JSON.parse(output);
    return typeof value === "object" && value !== null && "error" in value;
  } catch {
    return false;
  }
}

function spoken(value: unknown): string {
  if (typeof value === "string") return sentence(value);
  if (typeof value === "number") return sentence(`It is ${value}`);
  if (typeof value === "boolean") return value ? "Done." : "That did not work.";
  if (Array.isArray(value)) return value.length === 0 ? "Nothing." : sentence(value.map(String).join(", "));
  if (value === null || typeof value !== "object") return "";
  const fields = Object.entries(value);
  const failure = fields.find(([name]) => name === "error")?.[1];
  for (const wanted of SENTENCE_FIELDS) {
    const found = fields.find(([name]) => name === wanted)?.[1];
    if (typeof found !== "string" || found.trim() === "") continue;
    return failure === undefined ? sentence(found) : sentence(`I could not do that: ${lower(found)}`);
  }
  if (typeof failure === "string") return sentence(`I could not do that: ${words(failure)}`);
  const said = fields.flatMap(([name, field]) => fieldText(name, field) ?? []);
  return said.length === 0 ? "" : sentence(said.join(", "));
}

/** "distance 38 cm", "sides 6"; null for what is not for ears. */
function fieldText(name: string, value: unknown): string | null {
  if (SKIPPED_FIELDS.has(name)) return null;
  if (typeof value === "number") return `${parameterWords(name)} ${amountText(name, value)}`;
  if (typeof value === "boolean") return value ? words(name) : `not ${words(name)}`;
  return typeof value === "string" && value !== "" ? `${words(name)} ${words(value)}` : null;
}

/** A number with its unit as a person would say it: 0.38 of `distance_m` is "38 cm". */
function amountText(name: string, value: number): string {
  const { kind, scale } = quantityOf(name);
  const base = value * scale;
  switch (kind) {
    case "length":
      return Math.abs(base) < 1 ? `${tidy(base * 100, 0)} cm` : `${tidy(base, 2)} m`;
    case "angle":
      return `${tidy(base, 0)}°`;
    case "duration":
      return `${tidy(base, 1)} s`;
    case "speed":
      return `${tidy(base, 2)} m/s`;
    case "percent":
      return `${tidy(base, 0)} %`;
    case "count":
      return tidy(value, 2);
  }
}

function tidy(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

function words(name: string): string {
  return name.replace(/[_-]+/g, " ").toLowerCase();
}

function lower(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** With a capital letter and a full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "";
  const capital = trimmed.charAt(0).toUpperCase() + trimmed.slice(1);
  return /[.!?…]["')]?$/.test(capital) ? capital : `${capital}.`;
}
