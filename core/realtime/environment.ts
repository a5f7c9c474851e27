import { MynaError } from "../errors.ts";

/** Part of a profile, as a table. */
type Table = { [key: string]: unknown };

/** Variables of the older system, and what they set. A delay is in seconds there. */
const NUMBERS = [
  { name: "NEVIL_REALTIME_TEMPERATURE", set: (value: number): Table => ({ temperature: value }) },
  {
    name: "NEVIL_REALTIME_MAX_RECONNECTS",
    set: (value: number): Table => ({ reconnect: { attempts: value } }),
  },
  {
    name: "NEVIL_REALTIME_RECONNECT_DELAY",
    set: (value: number): Table => ({ reconnect: { initial_ms: Math.round(value * 1000) } }),
  },
];

/**
 * What the environment says about the session in variables that others have named: a `[session]` table, empty without
 * any. Stronger than files, weaker than `MYNA_…` variables and `--set`. `OPENAI_BASE_URL` says where OpenAI is: it counts
 * only where the profile does not name a service. CONFIG_INVALID names the variable, never its value.
 */
export function sessionEnvironment(
  env: Record<string, string | undefined>,
  { namesService }: { namesService: boolean },
): Table {
  const given = (name: string) => env[name]?.trim() || undefined;
  const table: Table = {};
  const base = given("OPENAI_BASE_URL");
  if (base !== undefined && !namesService) table["url"] = realtimeUrl(base);
  const model = given("NEVIL_REALTIME_MODEL");
  if (model !== undefined) table["model"] = model;
  const voice = given("NEVIL_REALTIME_VOICE");
  if (voice !== undefined) table["voice"] = voice;
  const reconnect: Table = {};
  for (const { name, set } of NUMBERS) {
    const text = given(name);
    if (text === undefined) continue;
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0)
      throw new MynaError("CONFIG_INVALID", `environment: ${name}: expected a number of 0 or more`);
    const { reconnect: part, ...rest } = set(value);
    Object.assign(table, rest);
    Object.assign(reconnect, part);
  }
  if (Object.keys(reconnect).length > 0) table["reconnect"] = reconnect;
  return table;
}

/** The Realtime URL of an API's base URL, such as `https://api.openai.com/v1`. */
function realtimeUrl(base: string): string {
  const url = URL.parse(base);
  if (!url || !/^(https?|wss?):$/.test(url.protocol))
    throw new MynaError(
      "CONFIG_INVALID",
      "environment: OPENAI_BASE_URL: expected an http:// or https:// URL",
    );
  const path = url.pathname.replace(/\/+$/, "");
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = path.endsWith("/realtime") ? path : `${path}/realtime`;
  return url.href;
}
