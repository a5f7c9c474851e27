import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceManager } from "../fixtures/service-manager.ts";
import { startTestRobot } from "../kit/index.ts";
import { NotifySocket } from "../../plugins/supervisor-systemd/notify-socket.ts";

const folder = mkdtempSync(join(tmpdir(), "myna-notify-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** At a path of this test's folder, or at an abstract address. */
function serviceManager(name: string): ServiceManager {
  return new ServiceManager(name.startsWith("@") ? name : join(folder, name));
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
      using systemd = serviceManager(name);
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
    using systemd = serviceManager("hang");
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
