import { MynaError } from "../errors.ts";
import type { Logger } from "../log.ts";
import { maskSecrets } from "../log.ts";
import type { SessionConfig } from "../realtime/config.ts";
import { hostOf } from "../realtime/auth.ts";
import { endpointSources } from "../realtime/endpoint-sources.ts";
import { greeter } from "../realtime/greeting.ts";
import { linkFailure } from "../realtime/link-failure.ts";
import type { LinkFailure } from "../realtime/link-failure.ts";
import { connectWebSocket } from "../realtime/transport.ts";
import type { PluginFinding } from "./robot-check.ts";

const PLUGIN = "session";

/**
 * Connects to each server of the profile with its key until it greets us, and hangs up: nothing is said, nothing is paid. Where
 * one of several lets us in the others are no more than warnings. No key is shown.
 */
export async function checkEndpoints(
  session: SessionConfig,
  env: Readonly<Record<string, string | undefined>>,
  log: Logger,
): Promise<PluginFinding[]> {
  const warnings: string[] = [];
  const sources = endpointSources(session, {
    env: { ...env },
    brain: () => null,
    warn: (message) => warnings.push(message),
  });
  const greet = greeter({ config: session, connect: connectWebSocket, known: new Map(), log });
  const found: PluginFinding[] = [];
  for (const [at, source] of sources.entries()) {
    const said = (name: string, rest: Omit<PluginFinding, "plugin" | "name">) =>
      void found.push({ plugin: PLUGIN, name, ...rest });
    const name = session.endpoints[at]?.name ?? "";
    try {
      const endpoint = source();
      if (endpoint === null) {
        said(name || "brain", { state: "ok", message: "the robot's own brain: no key, no network" });
        continue;
      }
      const host = hostOf(endpoint.url);
      const startedMs = performance.now();
      const failure = await greet(endpoint).answer;
      const tookMs = Math.round(performance.now() - startedMs);
      if (failure) said(name || host, { state: "failed", ...remedy(failure, host, session) });
      else said(name || host, { state: "ok", message: `${host} lets the robot in (${tookMs} ms)` });
    } catch (thrown) {
      const { code, message } = MynaError.from(thrown, "LINK_REFUSED");
      said(name || "server", { state: "failed", ...remedy(linkFailure(code, message), "", session) });
    }
  }
  const someWorks = found.some(({ state }) => state === "ok");
  return [
    ...found.map((one) =>
      one.state === "failed" && someWorks ? { ...one, state: "warning" as const } : one,
    ),
    ...warnings.map((message) => ({
      ...{ plugin: PLUGIN, name: "key", message },
      state: "warning" as const,
    })),
  ];
}

function remedy(
  { code, message }: LinkFailure,
  host: string,
  { auth }: SessionConfig,
): { message: string; fix: string } {
  const key = `${auth.key_variable}=… in /etc/myna/environment (as a service) or in the environment of this shell`;
  const fixes: Partial<Record<LinkFailure["code"], string>> = {
    LINK_AUTH: `put a valid key there: ${key}`,
    LINK_REFUSED: `look at the network: ping -c 3 ${host}; getent hosts ${host}; and the time: timedatectl`,
    LINK_TIMEOUT: `look at the network: ping -c 3 ${host}; a firewall may drop what goes to port 443`,
    LINK_FATAL:
      "the message says what the server does not take; a wrong clock makes certificates invalid: timedatectl",
  };
  return { message: maskSecrets(message), fix: fixes[code] ?? "see docs/connecting.md" };
}
