import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { definePlugin, filePath, hideSecret, MynaError } from "myna";
import type { PluginContext, WebRole } from "myna";
import { z } from "zod";
import { Access } from "./access.ts";
import { givenCertificate, ownCertificate } from "./certificate.ts";
import type { Certificate } from "./certificate.ts";
import { Door } from "./door.ts";
import { Listening } from "./listening.ts";
import { EndedSessions } from "./ended-sessions.ts";
import { loginRoutes, SessionCookie } from "./login.ts";
import { mount } from "./mounts.ts";
import type { Mounts } from "./mounts.ts";
import { probes } from "./probes.ts";
import { Refusal } from "./refusal.ts";
import { isLoopback, SameSite } from "./same-site.ts";
import { stopRoutes } from "./stop-routes.ts";
import { findTokens } from "./tokens.ts";

const config = z.object({
  port: z.number().int().min(0).max(65_535).default(8321),
  any_port: z.boolean().default(false),
  host: z.string().min(1).default("127.0.0.1"),
  names: z.array(z.string()).default([]),
  operator_token_variable: z.string().min(1).default("MYNA_WEB_TOKEN"),
  viewer_token_variable: z.string().min(1).default("MYNA_WEB_VIEWER_TOKEN"),
  tls_cert: filePath().optional(),
  tls_key: filePath().optional(),
  tls_reread_s: z.number().min(0.01).default(3600),
  state_folder: filePath().optional(),
});
type Config = z.infer<typeof config>;

interface State {
  mounts: Mounts;
  /** The port it had before a reload: pages come back to it. 0 at first. */
  port: number;
  /** The token that was made at the start, and shown. */
  made: string;
  /** Sessions that were logged out, with their end. */
  ended: Map<string, number>;
}

/** What proxies add. Behind one, everybody seems to be on this computer. */
const FORWARDED = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"] as const;

/** The robot's one web address. */
export default definePlugin({
  name: "web-door",
  config,
  provides: ["web"],
  state: (): State => ({ mounts: new Map(), port: 0, made: "", ended: new Map() }),
  check(config) {
    tokensOf(config, "");
    certificateSource(config);
  },
  async setup(ctx) {
    const { state } = ctx;
    const { host, names } = ctx.config;
    const { made, ...tokens } = tokensOf(ctx.config, state.made);
    for (const token of [tokens.operator, tokens.viewer]) if (token !== undefined) hideSecret(token);
    const source = certificateSource(ctx.config);
    let certificate = await source?.();
    const tls = certificate !== undefined;
    const ended = new EndedSessions(state.ended, stateFolder(ctx.config), (error) =>
      ctx.log.warn(
        "a log-out holds until the robot is started anew only: it cannot be kept in state_folder",
        {
          error: String(error),
        },
      ),
    );
    const access = new Access(tokens, ended);
    // The cookie's name has the port in it, which is known once the door listens.
    let cookie: SessionCookie | undefined;
    const door = new Door({
      mounts: state.mounts,
      site: new SameSite({ host, names, tls }),
      identify: (request, address) => identify(access, cookie, request, address),
      log: ctx.log,
    });
    const listening = new Listening(door, ctx.config, state.port, certificate);
    ctx.defer(() => listening.stop());
    state.port = listening.port;
    cookie = new SessionCookie({ tls, port: state.port });
    const url = webUrl(listening.url, host);
    let draining = false;
    ctx.drain(() => void (draining = true));
    const left = (session: string) => door.dismiss(session);
    const own = [...loginRoutes(access, cookie, left), ...stopRoutes(ctx), ...probes(ctx, () => draining)];
    for (const route of own) ctx.defer(mount(state.mounts, route.method, route));
    ctx.provide("web", {
      url: () => url,
      route: (route) => mount(state.mounts, route.method, route),
      socket: (route) => mount(state.mounts, "SOCKET", route),
    });
    if (source) {
      ctx.every(ctx.config.tls_reread_s * 1000, () => {
        const renew = async () => {
          const present = await source();
          if (present.cert === certificate?.cert) return;
          certificate = present;
          await listening.renew(present).catch((error: Error) => ctx.fail(error));
          ctx.log.info("the certificate was renewed", { days_left: present.daysLeft() });
        };
        renew().catch((error: unknown) => ctx.log.warn("the certificate", { error: String(error) }));
      });
    }
    ctx.log.info("listens", { url, guarded: access.guarded });
    if (made !== undefined && state.made === "") await showToken(ctx, url, made, certificate);
    state.made = made ?? "";
    ctx.inspect(() => ({
      url,
      guarded: access.guarded,
      tls,
      ...(certificate && { certificate_days_left: certificate.daysLeft() }),
      mounted: state.mounts.size,
      ...door.counters(),
    }));
  },
});

function tokensOf(wanted: Config, made: string) {
  return findTokens({
    env: process.env,
    operatorVariable: wanted.operator_token_variable,
    viewerVariable: wanted.viewer_token_variable,
    exposed: !isLoopback(wanted.host) ? "host" : wanted.names.length > 0 ? "names" : undefined,
    terminal: process.stderr.isTTY === true,
    made,
  });
}

/**
 * Gives the certificate of now: the given one, or the door's own. Undefined for plain HTTP, in which only this computer is
 * answered. Looks at once whether given files are right.
 */
function certificateSource(wanted: Config): (() => Promise<Certificate>) | undefined {
  const { tls_cert, tls_key, host, names } = wanted;
  if ((tls_cert === undefined) !== (tls_key === undefined))
    throw new MynaError("CONFIG_INVALID", "tls_cert, tls_key: one is set and the other is not");
  if (tls_cert !== undefined && tls_key !== undefined) {
    givenCertificate(tls_cert, tls_key);
    return async () => givenCertificate(tls_cert, tls_key);
  }
  if (isLoopback(host)) return undefined;
  const folder = stateFolder(wanted);
  if (folder !== undefined) return () => ownCertificate(folder, names);
  throw new MynaError(
    "CONFIG_INVALID",
    `host: others than this computer reach it, so it demands TLS: set tls_cert and tls_key, or state_folder for a certificate ` +
      `that is made; or set host = "127.0.0.1"`,
  );
}

/** Undefined where nothing says where state is kept. */
function stateFolder({ state_folder }: Config): string | undefined {
  const { XDG_STATE_HOME, HOME } = process.env;
  const state = XDG_STATE_HOME || (HOME && join(HOME, ".local", "state"));
  return state_folder ?? (state ? join(state, "myna") : undefined);
}

function identify(
  access: Access,
  cookie: SessionCookie | undefined,
  request: Request,
  address: string,
): { role: WebRole; key: string } {
  if (!access.guarded) {
    if (FORWARDED.some((header) => request.headers.has(header)))
      throw new Refusal(403, "a proxy brought this from another computer: the door demands a token then");
    return { role: "operator", key: address };
  }
  const bearer = /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (bearer !== undefined) return { role: access.roleOf(bearer, address), key: `token ${address}` };
  const value = cookie?.read(request);
  const session = value === undefined ? undefined : access.read(value);
  return session ? { role: session.role, key: session.id } : { role: "public", key: address };
}

/** As people reach it: an address of this computer where it listens on all. */
function webUrl(url: URL, host: string): string {
  if (host !== "0.0.0.0" && host !== "::") return url.href;
  const own = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .find(({ internal, family }) => !internal && family === "IPv4");
  const shown = new URL(url.href);
  if (own) shown.hostname = own.address;
  return shown.href;
}

/** Straight to the terminal: a log is kept, and read by others. */
async function showToken(
  ctx: PluginContext,
  url: string,
  token: string,
  certificate: Certificate | undefined,
): Promise<void> {
  const { tokenPicture } = await import("./token-picture.ts");
  ctx.log.debug("a token was made and is shown on the terminal");
  process.stderr.write(tokenPicture(url, token, certificate?.own ? certificate.fingerprint : ""));
}
