import { startTestRobot } from "myna/testing";
import type { TestRobot, TestRobotOptions } from "myna/testing";
import type { WebDoor } from "myna";

/** Tokens that tests put into the environment. */
export const OPERATOR = "the-token-of-the-operator";
export const VIEWER = "the-token-of-a-viewer";
/** Table of a door that demands them. */
export const LOCKED = {
  operator_token_variable: "MYNA_TEST_OPERATOR",
  viewer_token_variable: "MYNA_TEST_VIEWER",
};
process.env["MYNA_TEST_OPERATOR"] = OPERATOR;
process.env["MYNA_TEST_VIEWER"] = VIEWER;

/** The cookie that a browser would have after logging in. */
export async function logIn(url: string, token: string): Promise<string> {
  const response = await fetch(new URL("login", url), {
    method: "POST",
    body: new URLSearchParams({ token }),
    redirect: "manual",
  });
  const cookie = response.headers.get("set-cookie")?.split(";")[0];
  if (!cookie) throw new Error(`not logged in: ${response.status} ${await response.text()}`);
  return cookie;
}

/** A robot with nothing but a door on a free port; `robot.service("web")` mounts what a test wants answered. */
export async function startDoor(
  table: Record<string, unknown> = {},
  options: TestRobotOptions = {},
): Promise<{ robot: TestRobot; door: WebDoor; url: string; origin: string } & AsyncDisposable> {
  const robot = await startTestRobot({
    ...options,
    plugins: { web: { use: "web-door", port: 0, ...table }, ...options.plugins },
  });
  const door = robot.service("web");
  const url = door.url();
  return {
    robot,
    door,
    url,
    origin: new URL(url).origin,
    [Symbol.asyncDispose]: () => robot.stop(),
  };
}

/** A web socket as a page of `origin` opens it. */
export class PageSocket implements Disposable {
  readonly socket: WebSocket;
  readonly received: (string | ArrayBuffer)[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #waiting = new Set<() => void>();

  /** `ca` is a certificate to trust, as PEM. */
  constructor(url: string, headers: Record<string, string>, ca?: string) {
    this.socket = new WebSocket(url.replace(/^http/, "ws"), { headers, ...(ca && { tls: { ca } }) });
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      this.received.push(data as string | ArrayBuffer);
      for (const wake of this.#waiting) wake();
    };
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code, reason }) => resolve({ code, reason });
    });
  }

  /** Rejects where it is closed before it opens. */
  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.socket.readyState === WebSocket.OPEN) return resolve();
      this.socket.onopen = () => resolve();
      void this.closed.then(({ code }) => reject(new Error(`closed with ${code}`)));
    });
  }

  async message(count = 1): Promise<string | ArrayBuffer> {
    while (this.received.length < count) {
      const next = Promise.withResolvers<void>();
      this.#waiting.add(next.resolve);
      await next.promise;
    }
    return this.received[count - 1]!;
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}
