import { isIP } from "node:net";
import { hostname } from "node:os";
import { Refusal } from "./refusal.ts";

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** Keeps out pages of other sites: by the names the door goes by (DNS rebinding), and by Origin (request forgery). */
export class SameSite {
  readonly #names: ReadonlySet<string>;
  /** Under these a proxy on this computer may speak TLS for us. */
  readonly #proxied: ReadonlySet<string>;
  readonly #loopback: boolean;
  readonly #tls: boolean;

  constructor(options: { host: string; names: readonly string[]; tls: boolean }) {
    this.#loopback = isLoopback(options.host);
    this.#tls = options.tls;
    const own = hostname().toLowerCase();
    this.#proxied = new Set(options.names.map((name) => name.toLowerCase()));
    const names = [...this.#proxied, "localhost"];
    this.#names = new Set(this.#loopback ? names : [...names, own, `${own}.local`]);
  }

  /**
   * Throws 421 for a name that is not ours: a page of another site whose name was bound to this address sends its own. An
   * address cannot be rebound, so any address is ours where the door listens to more than loopback.
   */
  checkHost(request: Request): void {
    const header = request.headers.get("host") ?? "";
    const name = hostOf(header);
    const address = name.replace(/^\[|\]$/g, "");
    const ours = this.#names.has(name) || (isIP(address) !== 0 && (!this.#loopback || isLoopback(address)));
    if (!ours) throw new Refusal(421, "this address is not known here by that name");
  }

  /** Throws 403 where a page of another site would put an answer into itself; a link that leads here is welcome. */
  checkUse({ headers }: Request): void {
    const site = headers.get("sec-fetch-site");
    if (site === null || site === "same-origin" || site === "none") return;
    if (
      headers.get("sec-fetch-mode") !== "navigate" ||
      (headers.get("sec-fetch-dest") ?? "document") !== "document"
    )
      throw new Refusal(403, "pages of other sites may not use this");
  }

  /**
   * Throws 403 where a page of another origin asks. Browsers send Origin with every POST, DELETE and web socket; a program that
   * sends none carries no cookie that a page could misuse, unless `demanded`.
   */
  checkOrigin(request: Request, demanded: boolean): void {
    const origin = request.headers.get("origin");
    const site = request.headers.get("sec-fetch-site");
    if (site !== null && site !== "same-origin" && site !== "none")
      throw new Refusal(403, "pages of other sites may not ask this");
    if (origin === null) {
      if (demanded) throw new Refusal(403, "a web page has to say where it comes from (Origin)");
      return;
    }
    const host = (request.headers.get("host") ?? "").toLowerCase();
    const said = origin.toLowerCase();
    const byTls = this.#tls || this.#proxied.has(hostOf(host));
    if (!(byTls && said === `https://${host}`) && !(!this.#tls && said === `http://${host}`))
      throw new Refusal(403, "pages of other sites may not ask this");
  }
}

/** The name in a Host header, without port; IPv6 addresses keep their brackets. */
function hostOf(header: string): string {
  return (/^(\[[0-9a-f:.]+\]|[^:[\]/@\\\s]+)(:\d{1,5})?$/i.exec(header)?.[1] ?? "").toLowerCase();
}
