import { commandText } from "myna";
import type { DoctorVisit, Finding, HealthReport, PluginHealth } from "myna";

const LIMIT_MS = 2000;

/** What the robot that runs says of itself: its link, and the plugins that are not well. One with another profile is not asked further. */
export async function checkRuntime(
  host: string,
  port: number,
  visit: Pick<DoctorVisit, "profile" | "path">,
): Promise<Finding[]> {
  const name = "runtime";
  if (visit.path("/") !== "/")
    return [{ name, state: "not_here", message: "a card in another computer runs nothing" }];
  if (port === 0) return [{ name, state: "not_here", message: "port = 0: where it listens is not known" }];
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}/healthz`;
  let report: HealthReport;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
    report = (await answer.json()) as HealthReport;
    if (!Array.isArray(report.plugins)) throw new Error("what answers there is no robot");
  } catch (error) {
    const { code, name: kind, message } = error as { code?: string; name: string; message: string };
    if (code === "ConnectionRefused" || code === "ECONNREFUSED")
      return [{ name, state: "not_here", message: `no robot runs: nothing answers at ${url}` }];
    const fix = "journalctl -u myna -n 50; sudo systemctl restart myna";
    const why =
      kind === "TimeoutError" ? `no answer within ${LIMIT_MS / 1000} s: its event loop hangs` : message;
    return [{ name, state: "failed", message: `${url}: ${why}`, fix }];
  }
  const { profile, uptimeS, session, plugins } = report;
  if (profile !== visit.profile) {
    const message = `the robot that answers at ${url} has the profile ${profile}, not ${visit.profile}`;
    const fix = `end it, or: ${commandText(`doctor --profile ${profile}`)}`;
    return [{ name, state: "warning", message, fix }];
  }
  const message = `profile ${profile}, up for ${uptimeS} s, link ${session.state}${measured(plugins)}`;
  return [{ name, state: "ok", message }, ...plugins.flatMap(unwell)];
}

function unwell({ id, state, message = "" }: PluginHealth): Finding[] {
  if (state === "ready" || state === "starting") return [];
  const text = `${state}${message === "" ? "" : `: ${message}`}`;
  // What is degraded still works, and says itself what it lacks.
  return [{ name: `runtime: ${id}`, state: state === "degraded" ? "warning" : "failed", message: text }];
}

/** What the doctor cannot measure while the robot has the devices. */
function measured(plugins: readonly PluginHealth[]): string {
  const inspected = Object.assign({}, ...plugins.map(({ inspect }) => inspect)) as Record<string, unknown>;
  const shown: [key: string, what: string, unit: string][] = [
    ["battery_v", "battery", "V"],
    ["temperature_c", "processor", "°C"],
    ["loop_lag_ms", "event loop late by", "ms"],
  ];
  return shown
    .filter(([key]) => typeof inspected[key] === "number")
    .map(([key, what, unit]) => `, ${what} ${Number((inspected[key] as number).toFixed(2))} ${unit}`)
    .join("");
}
