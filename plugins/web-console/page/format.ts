/** "3.2 s", "2 min", "1 h 05 min". */
export function span(ms: number): string {
  const s = ms / 1000;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.floor(s)} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(Math.floor(s % 60)).padStart(2, "0")} s`;
  return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
}

/** "1:05" or "1:02:05", as a stopwatch shows it. */
export function stopwatch(ms: number): string {
  const s = Math.floor(ms / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(s / 60) % 60;
  const hours = Math.floor(s / 3600);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

/** "$0.0042", "$1.20"; a dash where no price is known. */
export function dollars(usd: number | null | undefined): string {
  if (usd === null || usd === undefined) return "–";
  return usd === 0 ? "$0" : `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`;
}

export function metres(value: number): string {
  const shown = value.toFixed(2);
  return `${shown === "-0.00" ? "0.00" : shown} m`;
}

export function degrees(value: number): string {
  return `${Math.round(value) || 0}°`;
}

/** A value as a person reads it: `distance_m 0.5 · speed slow` for an object. */
export function readable(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (typeof value !== "object" || Array.isArray(value)) return short(value);
  return Object.entries(value)
    .map(([key, one]) => `${key} ${short(one)}`)
    .join(" · ");
}

/** A tool's result: its `summary` where it has one. */
export function outcome(result: unknown): string {
  const summary = (result as { summary?: unknown } | null)?.summary;
  return typeof summary === "string" ? summary : readable(result);
}

function short(value: unknown): string {
  if (typeof value === "number") return String(Math.round(value * 1000) / 1000);
  if (typeof value === "string") return value;
  return JSON.stringify(value) ?? String(value);
}
