import { join } from "node:path";

/**
 * The file that keeps the cost of the day: as configured, else in the user's state folder (XDG Base Directory). Undefined,
 * which keeps it in memory only, where `configured` is "" or nobody has a home.
 */
export function costFile(
  configured: string | undefined,
  env: Record<string, string | undefined>,
): string | undefined {
  if (configured !== undefined) return configured || undefined;
  const home = env["HOME"];
  const state = env["XDG_STATE_HOME"] || (home && join(home, ".local", "state"));
  return state ? join(state, "myna", "cost.json") : undefined;
}
