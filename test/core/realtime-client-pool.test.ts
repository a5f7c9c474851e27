import { describe, expect, test } from "bun:test";
import { RealtimePool } from "myna/realtime";
import type { RealtimePoolOptions } from "myna/realtime";
import { RawServer, until } from "../kit/raw-server.ts";
import type { RawConnection } from "../kit/raw-server.ts";

const CLIENT = { reconnect: { initial_ms: 5, max_ms: 20, jitter: 0 } };

/** A pool whose server takes every configuration by itself. */
async function bench(options: Partial<RealtimePoolOptions> = {}) {
  const server = await RawServer.listen();
  const pool = new RealtimePool({ size: 2, client: { url: server.url, ...CLIENT }, ...options });
  let stopped = false;
  const wires: RawConnection[] = [];
  const serving = (async () => {
    while (!stopped) {
      const wire = server.connections[wires.length];
      if (wire) {
        wires.push(wire);
        void wire.configure().catch(() => {});
      } else await Bun.sleep(1);
    }
  })();
  return {
    server,
    pool,
    wires,
    async [Symbol.asyncDispose]() {
      stopped = true;
      await serving;
      await pool.stop();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe("a pool of sessions", () => {
  test("keeps its sessions ready and gives each to one at a time", async () => {
    await using kit = await bench();
    const { pool } = kit;
    pool.start();
    const [first, second] = await Promise.all([pool.acquire(), pool.acquire()]);
    expect(first).not.toBe(second);
    expect(pool.getMetrics()).toEqual({ size: 2, free: 0, taken: 2, connecting: 0, waiting: 0 });
    const third = pool.acquire();
    expect(pool.getMetrics().waiting).toBe(1);
    pool.release(first);
    const fresh = await third;
    expect(fresh).not.toBe(first);
    expect(first.getState()).toBe("closed");
    expect(fresh.isConnected()).toBe(true);
    expect(second.isConnected()).toBe(true);
    expect(kit.wires).toHaveLength(3);
  });

  test("is back at its size after every session was lost", async () => {
    await using kit = await bench();
    const { pool, wires } = kit;
    pool.start();
    await until(() => pool.getMetrics().free === 2, "the pool did not fill");
    for (const wire of [...wires]) wire.drop();
    await until(() => wires.length === 4 && pool.getMetrics().free === 2, "the pool did not fill again");
    expect((await pool.acquire()).getMetrics()).toMatchObject({ reconnects: 1 });
  });

  test("a caller that waits may give up, and one that waits for nothing is told", async () => {
    await using kit = await bench({ size: 1 });
    const { pool } = kit;
    expect(await pool.acquire().catch((error: unknown) => error)).toMatchObject({ code: "LINK_CLOSED" });
    pool.start();
    await pool.acquire();
    const patience = new AbortController();
    const given = pool.acquire(patience.signal).catch((error: unknown) => error);
    patience.abort(new Error("too long"));
    expect(await given).toMatchObject({ message: "too long" });
    const left = pool.acquire().catch((error: unknown) => error);
    await pool.stop();
    expect(await left).toMatchObject({ code: "LINK_CLOSED", message: "the pool was stopped" });
    expect(pool.getMetrics()).toEqual({ size: 1, free: 0, taken: 0, connecting: 0, waiting: 0 });
  });

  test("a refusal for good is told to all who wait, and is not tried again until start", async () => {
    await using kit = await bench();
    const { pool, server } = kit;
    server.refuse(401);
    pool.start();
    expect(await pool.acquire().catch((error: unknown) => error)).toMatchObject({ code: "LINK_FATAL" });
    const refused = server.refused;
    expect(refused).toBe(2);
    server.welcome();
    pool.start();
    expect((await pool.acquire()).isConnected()).toBe(true);
  });

  test("a size or an option that makes no sense is refused", () => {
    expect(() => new RealtimePool({ size: 0, client: {} })).toThrow("size is a whole number");
    expect(() => new RealtimePool({ size: 1, client: { url: "ftp://x" } })).toThrow("url");
  });
});
