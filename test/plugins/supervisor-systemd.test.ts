import { dlopen, ptr } from "bun:ffi";
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestRobot } from "../kit/index.ts";
import { NotifySocket } from "../../plugins/supervisor-systemd/notify-socket.ts";

const folder = mkdtempSync(join(tmpdir(), "myna-notify-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The service manager's end: a datagram socket. */
class ServiceManager implements Disposable {
  readonly path: string;
  readonly heard: string[] = [];
  readonly #libc = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  readonly #fd: number;

  constructor(name: string) {
    this.path = name.startsWith("@") ? name : join(folder, name);
    const bytes = Buffer.from(this.path);
    if (this.path.startsWith("@")) bytes[0] = 0;
    const address = Buffer.concat([Buffer.from([1, 0]), bytes]);
    this.#fd = this.#libc.symbols.socket(1, 2, 0);
    expect(this.#libc.symbols.bind(this.#fd, ptr(address), address.length)).toBe(0);
  }

  /** What has come by now. */
  take(): string[] {
    const buffer = Buffer.alloc(4096);
    for (;;) {
      const length = Number(this.#libc.symbols.recv(this.#fd, ptr(buffer), buffer.length, 0x40));
      if (length < 0) return this.heard;
      this.heard.push(buffer.toString("utf8", 0, length));
    }
  }

  async until(state: RegExp, times = 1): Promise<void> {
    const endMs = performance.now() + 10_000;
    while (this.take().filter((line) => state.test(line)).length < times) {
      if (performance.now() > endMs) throw new Error(`${state} was not told: ${this.heard.join(", ")}`);
      await Bun.sleep(5);
    }
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
  }
}

async function supervised(env: Record<string, string>, run: () => Promise<void>): Promise<void> {
  Object.assign(process.env, env);
  try {
    await run();
  } finally {
    for (const name of Object.keys(env)) delete process.env[name];
  }
}

describe("supervisor-systemd", () => {
  for (const name of ["notify", `@myna-test-${process.pid}`]) {
    test(`tells ${name.startsWith("@") ? "an abstract address" : "a socket"} that the robot is ready, how it does, that it lives and that it ends`, async () => {
      using systemd = new ServiceManager(name);
      await supervised({ NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: "60000" }, async () => {
        {
          await using _robot = await startTestRobot({ plugins: { systemd: { use: "supervisor-systemd" } } });
          await systemd.until(/^READY=1$/);
          await systemd.until(/^STATUS=link \w+/);
          await systemd.until(/^WATCHDOG=1$/, 3);
        }
        await systemd.until(/^STOPPING=1$/);
      });
    });
  }

  test("gives no sign of life while the event loop hangs", async () => {
    using systemd = new ServiceManager("hang");
    await supervised({ NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: "60000" }, async () => {
      await using _robot = await startTestRobot({ plugins: { systemd: { use: "supervisor-systemd" } } });
      await systemd.until(/^WATCHDOG=1$/, 1);
      const before = systemd.take().length;
      const endMs = performance.now() + 300;
      while (performance.now() < endMs);
      expect(systemd.take().length).toBe(before);
    });
  });

  test("does nothing where nobody supervises", async () => {
    await using robot = await startTestRobot({ plugins: { systemd: { use: "supervisor-systemd" } } });
    const plugin = robot.robot.report().plugins.find(({ id }) => id === "systemd");
    expect(plugin?.state).toBe("ready");
    expect(plugin?.inspect).toEqual({ supervised: false });
  });

  test("a manager that has gone is no fault", () => {
    const socket = new NotifySocket(join(folder, "nobody"));
    expect(socket.send("WATCHDOG=1")).toBe(false);
    socket.close();
  });

  test("an address that is none is refused", () => {
    expect(() => new NotifySocket("relative")).toThrow("NOTIFY_SOCKET");
    expect(() => new NotifySocket(`/${"x".repeat(200)}`)).toThrow("NOTIFY_SOCKET");
  });
});
