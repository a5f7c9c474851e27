import type { WebCaller, WebRoute } from "myna";
import type { Access } from "./access.ts";
import { Refusal } from "./refusal.ts";

const STYLE = `
html { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif; }
body { max-width: 26rem; margin: 15vh auto; padding: 0 1rem; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { margin-top: 0.5rem; padding: 0.6rem; }
`;

/** How sessions are kept in browsers. */
export class SessionCookie {
  readonly #name: string;
  readonly #attributes: string;

  constructor(options: { tls: boolean; port: number }) {
    // Cookies do not know ports: two robots on one computer would log each other out.
    this.#name = `${options.tls ? "__Host-" : ""}myna-${options.port}`;
    this.#attributes = `Path=/; HttpOnly; SameSite=Strict${options.tls ? "; Secure" : ""}`;
  }

  read(request: Request): string | undefined {
    const start = `${this.#name}=`;
    const pairs = (request.headers.get("cookie") ?? "").split(";").map((pair) => pair.trim());
    return pairs.find((pair) => pair.startsWith(start))?.slice(start.length);
  }

  /** The header that puts it into a browser; `maxAgeS` 0 takes it out. */
  header(value: string, maxAgeS: number): string {
    return `${this.#name}=${value}; ${this.#attributes}; Max-Age=${maxAgeS}`;
  }
}

/** A page to log in at, without script, and the way out; `left` is told which session has ended. */
export function loginRoutes(
  access: Access,
  cookie: SessionCookie,
  left: (session: string) => void,
): WebRoute[] {
  const enter = (token: string, caller: WebCaller): Record<string, string> => {
    const { value, maxAgeS } = access.open(access.roleOf(token, caller.address));
    return { "set-cookie": cookie.header(value, maxAgeS) };
  };
  // A redirect would still count as coming from the page of the other site that led here, and carry no strict cookie.
  const onward = (headers: Record<string, string>) =>
    page(`<p><a href="/">Logged in</a></p>`, { ...headers, refresh: "0; url=/" });
  return [
    {
      method: "GET",
      path: "/login",
      role: "public",
      maxPerMinute: 120,
      handle(request, caller) {
        if (!access.guarded) return onward({});
        const token = new URL(request.url).searchParams.get("token");
        if (token === null) return page(FORM);
        if (byAnotherSite(request)) throw new Refusal(403, "a page of another site may not log in here");
        return onward(enter(token, caller));
      },
    },
    {
      method: "POST",
      path: "/login",
      role: "public",
      maxPerMinute: 120,
      maxBodyBytes: 4096,
      async handle(request, caller) {
        if (!access.guarded) return seeOther("/", {});
        const { token, form } = await postedToken(request);
        try {
          return seeOther("/", enter(token, caller));
        } catch (error) {
          if (!form || !(error instanceof Refusal)) throw error;
          return page(`<p role="alert">${error.message}</p>${FORM}`, error.headers, error.status);
        }
      },
    },
    {
      method: "POST",
      path: "/logout",
      role: "public",
      handle(request) {
        const value = cookie.read(request);
        const session = value === undefined ? undefined : access.end(value);
        if (session !== undefined) left(session);
        return seeOther("/login", { "set-cookie": cookie.header("", 0) });
      },
    },
    {
      method: "GET",
      path: "/login.css",
      role: "public",
      handle: () => new Response(STYLE, { headers: { "content-type": "text/css" } }),
    },
  ];
}

/** A link, a frame or a window of another site: its tokens would be counted as this browser's guesses. */
function byAnotherSite({ headers }: Request): boolean {
  const site = headers.get("sec-fetch-site") ?? "none";
  const kind = headers.get("sec-fetch-dest") ?? "document";
  return (site !== "none" && site !== "same-origin") || (kind !== "document" && kind !== "empty");
}

const FORM = `<h1>Myna</h1>
<form method="post" action="/login">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Log in</button>
</form>`;

async function postedToken(request: Request): Promise<{ token: string; form: boolean }> {
  const type = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  const text = await request.text();
  const form = type === "application/x-www-form-urlencoded";
  if (!form && type !== "application/json") throw new Refusal(415, "a form or JSON");
  const token = form ? new URLSearchParams(text).get("token") : tokenIn(text);
  if (typeof token !== "string") throw new Refusal(400, "there is no token in it");
  return { token, form };
}

function tokenIn(json: string): unknown {
  try {
    return (JSON.parse(json) as { token?: unknown } | null)?.token;
  } catch {
    throw new Refusal(400, "this is no JSON");
  }
}

function page(body: string, headers: Readonly<Record<string, string>> = {}, status = 200): Response {
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Myna</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><link rel="stylesheet" href="/login.css"></head>
<body><main>${body}</main></body></html>`;
  return new Response(html, { status, headers: { "content-type": "text/html; charset=utf-8", ...headers } });
}

function seeOther(location: string, headers: Record<string, string>): Response {
  return new Response(null, { status: 303, headers: { location, ...headers } });
}
