import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { LOCKED, OPERATOR, PageSocket, VIEWER, logIn, startDoor } from "./web-door-kit.ts";
import { RawLine, frame, head, raw } from "./hostile-kit.ts";

/** A door with tokens that all of the list below attack, one after the other. */
let web: Awaited<ReturnType<typeof startDoor>>;
let viewer = "";
let operator = "";
let driven = 0;

beforeAll(async () => {
  web = await startDoor({ ...LOCKED, names: ["robot.example"] });
  const { door } = web;
  door.route({ method: "GET", path: "/good", role: "public", handle: () => new Response("good") });
  door.route({ method: "GET", path: "/", role: "viewer", handle: () => new Response("page") });
  door.route({ method: "GET", path: "/assets/*", role: "viewer", handle: () => new Response("asset") });
  door.route({
    method: "GET",
    path: "/rare",
    role: "public",
    maxPerMinute: 3,
    handle: () => new Response("rare"),
  });
  door.route({
    method: "POST",
    path: "/drive",
    role: "operator",
    handle: async (request) => {
      driven++;
      return new Response(String((await request.arrayBuffer()).byteLength));
    },
  });
  door.socket({
    path: "/socket",
    role: "viewer",
    open: (peer) => ({ message: (text) => void peer.send(text), closed: () => {} }),
  });
  door.socket({
    path: "/helm",
    role: "operator",
    open: () => ({ message: () => void driven++, closed: () => {} }),
  });
  viewer = await logIn(web.url, VIEWER);
  operator = await logIn(web.url, OPERATOR);
});
afterAll(() => web.robot.stop());

/** After each attack: the next honest request is answered, and nothing drove. */
async function survived(): Promise<void> {
  expect(await (await fetch(new URL("good", web.url))).text()).toBe("good");
  expect(driven).toBe(0);
}

/** The name of the attack, the raw request, and the answers that are right; 0 is a closed connection. */
type RawAttack = [name: string, request: () => string | Uint8Array, right: number[]];

const get = (path: string, headers: Record<string, string> = {}) => head(web.url, `GET ${path}`, headers);
const post = (path: string, headers: Record<string, string> = {}, body = "") =>
  head(web.url, `POST ${path}`, { "Content-Length": String(body.length), ...headers }) + body;
const withHost = (host: string) => `GET /good HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const json = (body: string) => post("/login", { "Content-Type": "application/json" }, body);
const drive = (headers: Record<string, string>) => post("/drive", { Cookie: operator, ...headers }, "{}");
const chunked = (path: string, chunks: string, more: Record<string, string> = {}) =>
  head(web.url, `POST ${path}`, { Cookie: operator, "Transfer-Encoding": "chunked", ...more }) + chunks;
const withCookie = (change: (parts: string[]) => string[]) => {
  const [name = "", value = ""] = viewer.split("=");
  return get("/", { Cookie: `${name}=${change(value.split(".")).join(".")}` });
};
const socket = (path: string, headers: Record<string, string>) =>
  get(path, {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  });

const PATHS: RawAttack[] = [
  ["a path that climbs out", () => get("/assets/../../etc/passwd", { Cookie: viewer }), [400, 404]],
  [
    "a path that climbs out in disguise",
    () => get("/assets/%2e%2e/%2e%2e/etc/passwd", { Cookie: viewer }),
    [400, 404],
  ],
  ["a disguised slash", () => get("/assets/..%2f..%2fetc%2fpasswd", { Cookie: viewer }), [400]],
  ["a disguised backslash", () => get("/assets/..%5c..%5cetc", { Cookie: viewer }), [400]],
  ["a NUL in the path", () => get("/assets/page.js%00.png", { Cookie: viewer }), [400]],
  ["a line end in the path", () => get("/assets/%0d%0aSet-Cookie:%20a=b", { Cookie: viewer }), [400]],
  ["an empty segment", () => get("//etc/passwd", { Cookie: viewer }), [400, 404]],
  ["bytes that are no UTF-8 in the path", () => get("/assets/%ff%fe%c0", { Cookie: viewer }), [200, 400]],
  ["a path of 100 kB", () => get(`/assets/${"a".repeat(100_000)}`, { Cookie: viewer }), [0, 400, 414, 431]],
];

const NAMES: RawAttack[] = [
  ["the name of another site (DNS rebinding)", () => withHost("evil.example"), [421]],
  ["the name of another site with our port", () => withHost(`evil.example:${new URL(web.url).port}`), [421]],
  ["our address in front of another name", () => withHost("127.0.0.1.evil.example"), [421]],
  ["our address as a user of another site", () => withHost("127.0.0.1@evil.example"), [0, 400, 421]],
  ["an address that is not ours", () => withHost("203.0.113.9"), [421]],
  ["no Host", () => "GET /good HTTP/1.1\r\n\r\n", [0, 400, 421]],
  ["an empty Host", () => withHost(""), [0, 400, 421]],
  [
    "two Hosts",
    () => `GET /good HTTP/1.1\r\nHost: evil.example\r\nHost: ${new URL(web.url).host}\r\n\r\n`,
    [0, 400, 421],
  ],
  [
    "another site in the request line",
    () => "GET http://evil.example/good HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    [0, 400, 421],
  ],
];

const ORIGINS: RawAttack[] = [
  ["a POST from another site", () => drive({ Origin: "https://evil.example" }), [403]],
  ["a POST from a frame without origin", () => drive({ Origin: "null" }), [403]],
  ["a POST from another port of this computer", () => drive({ Origin: "http://127.0.0.1:1" }), [403]],
  [
    "a POST from the same host with another scheme",
    () => drive({ Origin: web.origin.replace("http", "https") }),
    [403],
  ],
  ["a POST from a host that begins like ours", () => drive({ Origin: `${web.origin}.evil.example` }), [403]],
  [
    "a form of another site as text/plain",
    () => drive({ Origin: "http://evil.example", "Content-Type": "text/plain" }),
    [403],
  ],
  ["a fetch of another site that hides its origin", () => drive({ "Sec-Fetch-Site": "cross-site" }), [403]],
  [
    "a fetch of a neighbour's site",
    () => drive({ Origin: web.origin, "Sec-Fetch-Site": "same-site" }),
    [403],
  ],
  [
    "a picture of ours in another site's page",
    () => get("/", { Cookie: viewer, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" }),
    [403],
  ],
  [
    "a login as text/plain",
    () => post("/login", { "Content-Type": "text/plain" }, `{"token":"${OPERATOR}"}`),
    [415],
  ],
  [
    "a preflight of another site",
    () =>
      head(web.url, "OPTIONS /drive", {
        Origin: "https://evil.example",
        "Access-Control-Request-Method": "POST",
      }),
    [404, 405],
  ],
];

const METHODS: RawAttack[] = [
  ["TRACE", () => head(web.url, "TRACE /good", { Cookie: operator }), [0, 400, 405, 501]],
  [
    "CONNECT",
    () => `CONNECT evil.example:443 HTTP/1.1\r\nHost: ${new URL(web.url).host}\r\n\r\n`,
    [0, 400, 404, 405, 501],
  ],
  ["PUT where only POST is", () => head(web.url, "PUT /drive", { Cookie: operator }), [405]],
  [
    "a method that does not exist",
    () => head(web.url, "STEAL /drive", { Cookie: operator }),
    [0, 400, 405, 501],
  ],
  ["a method in small letters", () => head(web.url, "post /drive", { Cookie: operator }), [0, 400, 405, 501]],
  ["a GET where only POST is", () => get("/drive", { Cookie: operator }), [405]],
  ["HTTP/2 without asking", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [0, 400, 421, 505]],
  ["HTTP/0.9", () => "GET /good\r\n\r\n", [0, 400, 505]],
  ["no HTTP at all", () => Buffer.from([0, 255, 13, 10, 0, 1, 2, 3, 13, 10, 13, 10]), [0, 400]],
  [
    "the beginning of TLS",
    () => Buffer.from("16030100a5010000a10303000102030405\r\n\r\n", "latin1"),
    [0, 400],
  ],
];

const BODIES: RawAttack[] = [
  ["a length beyond the limit", () => post("/drive", { Cookie: operator, "Content-Length": "65537" }), [413]],
  [
    "a length beyond every limit",
    () => post("/drive", { Cookie: operator, "Content-Length": "99999999999999999999" }),
    [0, 400, 413],
  ],
  ["a length below zero", () => post("/drive", { Cookie: operator, "Content-Length": "-1" }), [0, 400]],
  [
    "a length that is no number",
    () => post("/drive", { Cookie: operator, "Content-Length": "0x10" }),
    [0, 400],
  ],
  [
    "two lengths",
    () =>
      `${head(web.url, "POST /drive", { Cookie: operator, "Content-Length": "2" }).trimEnd()}\r\nContent-Length: 30\r\n\r\n{}`,
    [0, 400],
  ],
  [
    "a length and chunks (request smuggling)",
    () => chunked("/drive", "0\r\n\r\nGET /good HTTP/1.1\r\n\r\n", { "Content-Length": "5" }),
    [0, 400],
  ],
  ["a chunk of 16 exabytes", () => chunked("/drive", "ffffffffffffffff\r\nabc"), [0, 400, 413]],
  ["a chunk whose size is no number", () => chunked("/drive", "zz\r\nabc\r\n"), [0, 400]],
  [
    "chunks beyond the limit",
    () => chunked("/drive", `${`4000\r\n${"x".repeat(0x4000)}\r\n`.repeat(5)}0\r\n\r\n`),
    [413],
  ],
  [
    "an encoding that does not exist",
    () => head(web.url, "POST /drive", { Cookie: operator, "Transfer-Encoding": "gzip, identity" }),
    [0, 400, 501],
  ],
  ["a login of 5 kB", () => json(`{"token":"${"x".repeat(5000)}"}`), [413]],
  ["JSON that is none", () => json("{token:"), [400]],
  ["JSON 4,000 arrays deep", () => json("[".repeat(4000)), [400]],
  ["JSON with __proto__", () => json(`{"__proto__":{"token":"${OPERATOR}"}}`), [400, 401]],
  ["a token that is a list", () => json(`{"token":["${OPERATOR}"]}`), [400]],
  ["a token that is a number", () => json(`{"token":1}`), [400]],
  ["JSON null", () => json("null"), [400]],
];

const HEADERS: RawAttack[] = [
  [
    "ten thousand headers",
    () => get("/good", Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`X-${i}`, "1"]))),
    [0, 400, 431],
  ],
  ["a header of 1 MB", () => get("/good", { "X-Long": "x".repeat(1_000_000) }), [0, 400, 431]],
  ["a header name with a space", () => get("/good", { "X Y": "z" }), [0, 400]],
  ["a folded header", () => get("/good", { "X-A": "b\r\n c" }), [0, 200, 400]],
  ["a cookie of 10 kB", () => get("/", { Cookie: `${"a=b; ".repeat(2000)}` }), [0, 400, 401, 431]],
];

const KEYS: RawAttack[] = [
  ["no cookie", () => get("/"), [401]],
  ["the token in the query of a page", () => get(`/?token=${OPERATOR}`), [401]],
  ["the token in the query of a command", () => post(`/drive?token=${OPERATOR}`), [401]],
  ["the token as the cookie", () => get("/", { Cookie: `${viewer.split("=")[0]}=${OPERATOR}` }), [401]],
  ["a viewer that drives", () => post("/drive", { Cookie: viewer, Origin: web.origin }, "{}"), [403]],
  [
    "a viewer that lets the robot move again",
    () => post("/stop/release", { Cookie: viewer, Origin: web.origin }),
    [403],
  ],
  ["a viewer's cookie that says operator", () => withCookie(([, ...rest]) => ["operator", ...rest]), [401]],
  [
    "a cookie that holds longer",
    () => withCookie(([role = "", end = "", ...rest]) => [role, `${Number(end) + 1}`, ...rest]),
    [401],
  ],
  ["a cookie without signature", () => withCookie((parts) => parts.slice(0, 3)), [401]],
  ["a cookie with an empty signature", () => withCookie((parts) => [...parts.slice(0, 3), ""]), [401]],
  [
    "a cookie with half a signature",
    () => withCookie((parts) => [...parts.slice(0, 3), parts[3]!.slice(0, 20)]),
    [401],
  ],
  ["a cookie of a role that does not exist", () => withCookie(([, ...rest]) => ["public", ...rest]), [401]],
  ["a cookie of the role __proto__", () => withCookie(([, ...rest]) => ["__proto__", ...rest]), [401]],
  ["the beginning of a token", () => get("/", { Authorization: `Bearer ${OPERATOR.slice(0, -1)}` }), [401]],
  ["more than a token", () => get("/", { Authorization: `Bearer ${OPERATOR}x` }), [401]],
  ["an empty token", () => get("/", { Authorization: "Bearer " }), [401]],
  ["a password in place of a token", () => get("/", { Authorization: "Basic YTpi" }), [401]],
];

const SOCKETS: RawAttack[] = [
  ["a web socket that says no origin", () => socket("/socket", { Cookie: viewer }), [403]],
  [
    "a web socket from another site",
    () => socket("/socket", { Cookie: viewer, Origin: "https://evil.example" }),
    [403],
  ],
  ["a web socket without a cookie", () => socket("/socket", { Origin: web.origin }), [401]],
  [
    "a viewer at the operator's web socket",
    () => socket("/helm", { Cookie: viewer, Origin: web.origin }),
    [403],
  ],
  ["a web socket where none is", () => socket("/good", { Cookie: viewer, Origin: web.origin }), [405]],
  [
    "a handshake without a key",
    () => socket("/socket", { Cookie: viewer, Origin: web.origin, "Sec-WebSocket-Key": "" }),
    [0, 400],
  ],
  [
    "a handshake by POST",
    () => socket("/socket", { Cookie: operator, Origin: web.origin }).replace("GET", "POST"),
    [405, 426],
  ],
  ["a plain GET at a web socket", () => get("/socket", { Cookie: viewer }), [426]],
];

/** Sections of the list; what comes behind the door (SDP, ICE, RTP) is in the gateway's own tests. */
describe.each([
  ["a path", PATHS],
  ["a name", NAMES],
  ["an origin", ORIGINS],
  ["a method", METHODS],
  ["a body", BODIES],
  ["headers", HEADERS],
  ["keys", KEYS],
  ["a handshake", SOCKETS],
] satisfies [string, RawAttack[]][])("an attack by %s is fended off:", (_, attacks) => {
  test.each(attacks)("%s", async (_name, request, right) => {
    const { status, text } = await raw(web.url, request());
    expect(right, text.slice(0, 400)).toContain(status);
    expect(text.toLowerCase()).not.toContain("access-control-allow-origin");
    expect(text).not.toContain(OPERATOR);
    await survived();
  });
});

/** An open web socket of a viewer that sends raw frames. */
async function rawSocket(): Promise<RawLine> {
  const line = new RawLine(web.url);
  void line.write(socket("/socket", { Cookie: viewer, Origin: web.origin }));
  expect((await line.answer()).status).toBe(101);
  return line;
}

async function hungUp(line: RawLine): Promise<void> {
  while (!line.closed) await line.changed();
}

describe("an open web socket is closed, and the others go on:", () => {
  const open = async () => {
    const page = new PageSocket(`${web.url}socket`, { origin: web.origin, cookie: viewer });
    await page.opened();
    return page;
  };

  test("for a message beyond the route's limit, with 1009", async () => {
    using page = await open();
    page.socket.send("x".repeat(16_385));
    expect((await page.closed).code).toBe(1009);
    await survived();
  });

  test("for bytes where text is wanted, with 1003", async () => {
    using page = await open();
    page.socket.send(new Uint8Array([1, 2, 3]));
    expect((await page.closed).code).toBe(1003);
    await survived();
  });

  test("for a flood, with 1008", async () => {
    using page = await open();
    for (let i = 0; i < 1000; i++) page.socket.send("again");
    expect((await page.closed).code).toBe(1008);
    expect(page.received.length).toBeLessThan(250);
    await survived();
  });

  test("for a frame that announces a terabyte", async () => {
    using line = await rawSocket();
    void line.write(frame(new Uint8Array(10), { length: 1n << 40n }));
    await hungUp(line);
    await survived();
  });

  test("for a message in endless pieces", async () => {
    using line = await rawSocket();
    const piece = frame(new Uint8Array(60_000).fill(97), { opcode: 0, fin: false });
    await line.write(frame(new Uint8Array(60_000).fill(97), { fin: false }));
    for (let i = 0; i < 100 && !line.closed; i++) await line.write(piece);
    await hungUp(line);
    await survived();
  });

  test("for text that is no UTF-8, an opcode that does not exist, and frames without a mask", async () => {
    const bad = [
      frame(new Uint8Array([0xff, 0xfe])),
      frame(new Uint8Array(2), { opcode: 11 }),
      new Uint8Array([0x81, 0x02, 97, 98]),
    ];
    for (const bytes of bad) {
      using line = await rawSocket();
      void line.write(bytes);
      await hungUp(line);
    }
    await survived();
  });

  test("where one caller wants more of them than are given", async () => {
    const lines = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const line = new RawLine(web.url);
        void line.write(socket("/socket", { Cookie: operator, Origin: web.origin }));
        return { line, status: (await line.answer()).status };
      }),
    );
    const given = lines.filter(({ status }) => status === 101).length;
    expect(given).toBe(32);
    expect(lines.filter(({ status }) => status === 503).length).toBe(8);
    for (const { line } of lines) line[Symbol.dispose]();
    await survived();
  });
});

test("a slow reader is sent no more than it reads, costs no memory, and delays nobody", async () => {
  const sent = Promise.withResolvers<{ taken: number; refused: number }>();
  const undo = web.door.socket({
    path: "/slow",
    role: "viewer",
    open: (peer) => {
      const picture = new Uint8Array(64 * 1024);
      let taken = 0;
      for (let i = 0; i < 1000; i++) if (peer.send(picture)) taken++;
      sent.resolve({ taken, refused: 1000 - taken });
      return { message: () => {}, closed: () => {} };
    },
  });
  const before = process.memoryUsage.rss();
  using line = new RawLine(web.url);
  line.socket.pause();
  void line.write(socket("/slow", { Cookie: viewer, Origin: web.origin }));
  const { taken, refused } = await sent.promise;
  expect(refused).toBeGreaterThan(800);
  expect(taken).toBeLessThan(200);
  expect(process.memoryUsage.rss() - before).toBeLessThan(40_000_000);
  await survived();
  undo();
});

test("a body that comes byte by byte is given up, and meanwhile others are answered", async () => {
  using line = new RawLine(web.url);
  await line.write(head(web.url, "POST /drive", { Cookie: operator, "Content-Length": "60" }));
  let over = false;
  const answer = line.answer().finally(() => void (over = true));
  while (!over) {
    await line.write("x");
    await survived();
    await Bun.sleep(300);
  }
  expect([0, 408]).toContain((await answer).status);
});

test("a body without end is cut off at the limit", async () => {
  using line = new RawLine(web.url);
  await line.write(head(web.url, "POST /drive", { Cookie: operator, "Transfer-Encoding": "chunked" }));
  const chunk = `1000\r\n${"x".repeat(0x1000)}\r\n`;
  const answer = line.answer();
  let chunks = 0;
  let over = false;
  void answer.then(() => void (over = true));
  while (!over && !line.closed && chunks < 10_000) {
    await line.write(chunk);
    chunks++;
  }
  expect([0, 413]).toContain((await answer).status);
  expect(chunks).toBeLessThan(5000);
  await survived();
});

// Bun closes such a connection at its idle limit, whatever drips in (measured: 12 s for a limit of 10 s).
test("headers that come byte by byte keep nobody else waiting", async () => {
  using line = new RawLine(web.url);
  await line.write(`GET /good HTTP/1.1\r\nHost: ${new URL(web.url).host}\r\n`);
  for (let i = 0; i < 20; i++) {
    await line.write("x");
    await survived();
  }
  line.socket.end();
  await hungUp(line);
});

test("a hundred connections that say nothing keep nobody out", async () => {
  const idle = Array.from({ length: 100 }, () => new RawLine(web.url));
  await survived();
  for (const line of idle) line[Symbol.dispose]();
});

test("a route that is asked too often answers 429 with the time to wait", async () => {
  const answers = await Promise.all(Array.from({ length: 6 }, () => fetch(new URL("rare", web.url))));
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(3);
  const refused = answers.find(({ status }) => status === 429);
  expect(Number(refused?.headers.get("retry-after"))).toBeGreaterThan(0);
  await survived();
});

test("a thousand requests in one packet are answered in order", async () => {
  using line = new RawLine(web.url);
  await line.write(get("/good").repeat(200));
  while (!line.closed && line.received.toString().split("HTTP/1.1 ").length <= 200) await line.changed();
  expect(line.received.toString().match(/HTTP\/1\.1 (200|429)/g)).toHaveLength(200);
  await survived();
});

describe("guessing a token", () => {
  test("is stopped after ten wrong ones, by page or by header; the right one opens all the same", async () => {
    await using other = await startDoor(LOCKED);
    const guess = (token: string) =>
      fetch(new URL("login", other.url), {
        method: "POST",
        body: new URLSearchParams({ token }),
        redirect: "manual",
      });
    const bearer = (token: string) =>
      fetch(new URL("stop", other.url), { headers: { authorization: `Bearer ${token}` } });
    for (let i = 0; i < 5; i++) expect((await guess(`guess-${i}`)).status).toBe(401);
    for (let i = 0; i < 5; i++) expect((await bearer(`guess-${i}`)).status).toBe(401);
    expect((await guess("guess-again")).status).toBe(429);
    expect((await bearer("guess-again")).status).toBe(429);
    const stop = await fetch(new URL("stop", other.url), {
      method: "POST",
      headers: { authorization: `Bearer ${OPERATOR}` },
    });
    expect(stop.status).toBe(200);
    const right = await guess(OPERATOR);
    expect(right.status).toBe(303);
    expect(right.headers.get("set-cookie")).toContain("myna-");
    expect((await fetch(new URL("health", other.url))).status).toBe(200);
  });

  test("cannot be put upon a browser by a page of another site", async () => {
    await using other = await startDoor(LOCKED);
    const led = (dest: string, site: string) =>
      fetch(new URL("login?token=wrong-token-of-nobody", other.url), {
        headers: { "sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": dest },
      });
    for (const dest of ["iframe", "document", "object", "embed"])
      for (let i = 0; i < 6; i++) expect((await led(dest, "cross-site")).status).toBe(403);
    expect((await led("iframe", "same-origin")).status).toBe(403);
    // None of them counted as a guess: ten more are answered.
    for (let i = 0; i < 10; i++) expect((await led("document", "none")).status).toBe(401);
    expect((await led("document", "none")).status).toBe(429);
  });
});

test("viewers leave room for the operator, however many they are", async () => {
  await using other = await startDoor(LOCKED);
  other.door.socket({
    path: "/socket",
    role: "viewer",
    open: () => ({ message: () => {}, closed: () => {} }),
  });
  const open = async (cookie: string) => {
    const page = new PageSocket(`${other.url}socket`, { origin: other.origin, cookie });
    return await page.opened().then(
      () => page,
      () => undefined,
    );
  };
  const pages: PageSocket[] = [];
  try {
    for (let session = 0; session < 8; session++) {
      const cookie = await logIn(other.url, VIEWER);
      const opened = await Promise.all(Array.from({ length: 32 }, () => open(cookie)));
      pages.push(...opened.filter((page) => page !== undefined));
    }
    expect(pages.length).toBeLessThan(256);
    const operator = await open(await logIn(other.url, OPERATOR));
    expect(operator).toBeDefined();
    if (operator) pages.push(operator);
  } finally {
    for (const page of pages) page[Symbol.dispose]();
  }
}, 20_000);
