import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { WebRole } from "myna";
import type { EndedSessions } from "./ended-sessions.ts";
import { RateLimit } from "./rate-limit.ts";
import { Refusal } from "./refusal.ts";

/** Words that open the door; without an operator's, whoever reaches it is the operator. */
export interface Tokens {
  operator?: string;
  viewer?: string;
}

type Insider = Exclude<WebRole, "public">;

const SESSION_S = 7 * 24 * 3600;
/** Wrong tokens within a minute, from one address and from all. */
const WRONG_PER_MINUTE = 10;
const WRONG_OF_ALL_PER_MINUTE = 200;
const MINUTE_MS = 60_000;
const ROLES = ["operator", "viewer"] as const satisfies Insider[];

/**
 * Tokens and the sessions they open. A session is a signed cookie that ends with its token: nothing is kept here but which
 * were ended early, so that a page stays logged in while the robot is started anew.
 */
export class Access {
  readonly #tokens: Tokens;
  readonly #ended: EndedSessions;
  readonly #wrong = new RateLimit();

  constructor(tokens: Tokens, ended: EndedSessions) {
    this.#tokens = tokens;
    this.#ended = ended;
  }

  /** False where nobody has to log in. */
  get guarded(): boolean {
    return this.#tokens.operator !== undefined;
  }

  /** The role that a token gives, whatever others guess meanwhile: it may be the stop. Throws 401, or 429 after too many wrong ones. */
  roleOf(token: string, address: string): Insider {
    // Both are compared whatever the first gave: how long it takes tells nothing.
    const [operator, viewer] = ROLES.map((role) => same(this.#tokens[role], token));
    if (operator) return "operator";
    if (viewer) return "viewer";
    const waitS = Math.max(
      this.#wrong.wait(address, WRONG_PER_MINUTE, MINUTE_MS),
      this.#wrong.wait("", WRONG_OF_ALL_PER_MINUTE, MINUTE_MS),
    );
    if (waitS > 0) throw new Refusal(429, "too many wrong tokens", { "retry-after": String(waitS) });
    this.#wrong.take(address, WRONG_PER_MINUTE, MINUTE_MS);
    this.#wrong.take("", WRONG_OF_ALL_PER_MINUTE, MINUTE_MS);
    throw new Refusal(401, "this token opens nothing", { "www-authenticate": "Bearer" });
  }

  /** The value of a session's cookie, and how long it holds. */
  open(role: Insider): { value: string; maxAgeS: number } {
    const session = `${role}.${nowS() + SESSION_S}.${randomBytes(16).toString("base64url")}`;
    return { value: `${session}.${this.#sign(role, session)}`, maxAgeS: SESSION_S };
  }

  /** Who a cookie is of; undefined for one that was tampered with, has run out or was ended. `id` is not secret. */
  read(value: string): { role: Insider; id: string } | undefined {
    const [role, end, id, signature, ...more] = value.split(".");
    const known = ROLES.find((one) => one === role);
    if (!known || !end || !id || !signature || more.length > 0 || !this.#tokens[known]) return undefined;
    if (!same(this.#sign(known, `${role}.${end}.${id}`), signature)) return undefined;
    if (Number(end) < nowS() || this.#ended.has(id)) return undefined;
    return { role: known, id };
  }

  /** Ends a session before its time; answers its id, or undefined where it was none. */
  end(value: string): string | undefined {
    const session = this.read(value);
    if (!session) return undefined;
    this.#ended.add(session.id, nowS() + SESSION_S, nowS());
    return session.id;
  }

  #sign(role: Insider, session: string): string {
    return createHmac("sha256", `myna web session ${this.#tokens[role] ?? ""}`)
      .update(session)
      .digest("base64url");
  }
}

/** Equal, found out in a time that does not depend on where they differ. */
function same(expected: string | undefined, given: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(expected ?? ""), digest(given)) && expected !== undefined;
}

function nowS(): number {
  return Math.floor(Date.now() / 1000);
}
