import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseProfile } from "../../core/profile.ts";
import { Budget } from "../../core/realtime/budget.ts";
import type { BudgetStep, Spent } from "../../core/realtime/budget.ts";
import { budgetConfig } from "../../core/realtime/budget-config.ts";
import type { SessionDeps } from "../../core/realtime/session-deps.ts";
import type { TopicName, Topics } from "../../core/topics.ts";
import type { RawConnection } from "../kit/raw-server.ts";
import { RawServer, until } from "../kit/raw-server.ts";
import { scriptBrain } from "../kit/scripted-brain.ts";
import { startTestRobot } from "../kit/test-robot.ts";
import { SessionBench, begin, connected, endItem, finish, settled, speak } from "./realtime-kit.ts";
import { linkTest } from "./realtime-wires.ts";

function bench(
  config: Record<string, unknown>,
  possible: readonly BudgetStep[] = ["smaller_model", "sleep"],
) {
  const warned: Topics["budget.warned"][] = [];
  const steps: BudgetStep[] = [];
  const can = new Set(possible);
  const publish = <T extends TopicName>(topic: T, event: Topics[T]) => {
    if (topic === "budget.warned") warned.push(event as Topics["budget.warned"]);
    if (topic === "budget.degraded") steps.push((event as Topics["budget.degraded"]).step);
  };
  const budget = new Budget({
    config: budgetConfig.parse(config),
    publish,
    possible: (step) => can.has(step),
  });
  const spend = (sessionUsd: number, more: Partial<Spent> = {}) =>
    budget.check({ sessionUsd, dayUsd: sessionUsd, day: "2026-11-21", paying: true, ...more });
  /** Spends, then rests: what was decided on happens. */
  const rest = (sessionUsd: number, more: Partial<Spent> = {}) => {
    spend(sessionUsd, more);
    budget.takeStep();
  };
  return { budget, warned, steps, can, spend, rest };
}

describe("a cap", () => {
  test("that is not set does nothing, whatever is spent", () => {
    const { budget, spend, warned, steps } = bench({});
    spend(1e6);
    expect({ warned, steps, pending: budget.pending }).toEqual({ warned: [], steps: [], pending: false });
  });

  test("is warned of once, at its share", () => {
    const { budget, spend, warned } = bench({ session_usd: 1 });
    spend(0.79);
    expect(warned).toEqual([]);
    spend(0.81);
    spend(0.85);
    expect(warned).toEqual([{ scope: "session", spent_usd: 0.81, cap_usd: 1 }]);
    expect(budget.takeWarning()).toEqual({ scope: "session", spentUsd: 0.81, capUsd: 1 });
    expect(budget.takeWarning()).toBeNull();
  });

  test("leads to the smaller model first, then to sleep where there is no brain of one's own", () => {
    const { rest, steps } = bench({ session_usd: 1 });
    for (const usd of [0.5, 0.91, 0.95, 1.01, 1.2]) rest(usd);
    expect(steps).toEqual(["smaller_model", "sleep"]);
  });

  test("leads to the local brain where there is one, and no further", () => {
    const { rest, steps } = bench({ session_usd: 1 }, ["smaller_model", "local_brain", "sleep"]);
    for (const usd of [0.91, 1.01, 1.2]) rest(usd);
    expect(steps).toEqual(["smaller_model", "local_brain"]);
  });

  test("that one answer jumps over is a cap, warned of before anything happens", () => {
    const { budget, spend, steps, warned } = bench({ day_usd: 1 });
    spend(3);
    expect(warned.length).toBe(1);
    expect(steps).toEqual([]);
    expect(budget.takeWarning()).not.toBeNull();
    expect(budget.takeStep()).toBe("sleep");
    expect(steps).toEqual(["sleep"]);
  });

  test("is obeyed in the order of the profile, by the steps that it names", () => {
    const all: BudgetStep[] = ["smaller_model", "local_brain", "sleep"];
    const first = bench({ session_usd: 1, degrade: ["sleep", "local_brain"] }, all);
    first.rest(0.95);
    first.rest(1);
    expect(first.steps).toEqual(["sleep"]);
    const none = bench({ session_usd: 1, degrade: [] }, all);
    none.rest(2);
    expect(none.steps).toEqual([]);
  });

  test("needs no step while the server that answers costs nothing", () => {
    const { rest, steps } = bench({ day_usd: 1 });
    rest(2, { paying: false });
    expect(steps).toEqual([]);
  });

  test("of the day is open again the next day, and warned of again", () => {
    const { rest, steps, warned } = bench({ day_usd: 1 });
    rest(2);
    rest(2, { dayUsd: 0, day: "2026-11-22" });
    rest(3, { day: "2026-11-22", dayUsd: 1 });
    expect(steps).toEqual(["sleep", "none", "sleep"]);
    expect(warned.length).toBe(2);
  });

  test("of the session is not opened by a new day", () => {
    const { rest, steps } = bench({ session_usd: 1 });
    rest(2);
    rest(2, { day: "2026-11-22" });
    expect(steps).toEqual(["sleep"]);
  });

  test("lets a sleeping robot wake up to a brain of its own that appears", () => {
    const { can, rest, steps } = bench({ session_usd: 1 });
    rest(2);
    can.add("local_brain");
    rest(2);
    expect(steps).toEqual(["sleep", "local_brain"]);
  });
});

test("a wrong [budget] table is refused with file, key and reason", () => {
  const check = (budget: Record<string, unknown>) => () =>
    parseProfile("x", [{ origin: "x.toml", folder: ".", table: { budget } }]);
  expect(check({ warn_at: 2 })).toThrow("x.toml: [budget] warn_at: Too big");
  expect(check({ day_used: 1 })).toThrow('[budget] day_used: unknown key, did you mean "day_usd"?');
  expect(check({ degrade: ["slep"] })).toThrow("[budget] degrade.0: Invalid option");
  expect(check({ prices: { mine: { text: { in: -1, cached: 0 } } } })).toThrow(
    "[budget] prices.mine.text.in",
  );
});

/** So many tokens of text that they cost this much with gpt-realtime-2.1. */
function costing(usd: number): Record<string, unknown> {
  const tokens = Math.round((usd / 4) * 1e6);
  return {
    input_tokens: tokens,
    output_tokens: 0,
    input_token_details: { text_tokens: tokens, cached_tokens: 0 },
  };
}

function answer(wire: RawConnection, id: string, usd: number): void {
  begin(wire, id);
  finish(wire, id, { usage: costing(usd) });
}

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "myna-budget-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function capped(config: Record<string, unknown>): Partial<SessionDeps> {
  return { budget: budgetConfig.parse(config) };
}

describe("a robot with a budget", () => {
  linkTest("says once and between turns that it is nearly spent", async () => {
    await using link = await connected({ instructions: "Be kind." }, capped({ session_usd: 1 }));
    const { wire, bench } = link;
    begin(wire, "r1");
    speak(wire, "r1", "a1", 100, "Hello");
    endItem(wire, "r1", "a1", "Hello");
    finish(wire, "r1", { usage: costing(0.85) });
    await bench.event("budget.warned");
    await Bun.sleep(600);
    expect(wire.all("response.create").length).toBe(0);
    bench.playback.play(200);
    const create = await wire.next("response.create");
    const { instructions } = create["response"] as { instructions: string };
    expect(instructions).toStartWith("Be kind.\n\n");
    expect(instructions).toContain("0.85 of 1.00 US dollars");
    begin(wire, "r2", create);
    finish(wire, "r2", { usage: costing(0.01) });
    await Bun.sleep(600);
    await settled(wire, bench);
    expect(wire.all("response.create").length).toBe(1);
    expect(bench.events("budget.warned").length).toBe(1);
  });

  linkTest("goes on with the smaller model, on a connection of its own", async () => {
    await using link = await connected({}, capped({ session_usd: 1, warn_at: 1 }));
    expect(link.wire.path).toContain("model=gpt-realtime-2.1");
    answer(link.wire, "r1", 0.95);
    expect(await link.bench.event("budget.degraded")).toEqual({
      step: "smaller_model",
      scope: "session",
      model: "gpt-realtime-2.1-mini",
    });
    const second = await link.server.accept();
    expect(second.path).toContain("model=gpt-realtime-2.1-mini");
    await second.configure();
    await link.bench.state("ready");
    answer(second, "r2", 0.1);
    await until(() => link.bench.events("usage.updated").length === 2, "No second usage");
    const [, used] = link.bench.events("usage.updated");
    expect(used).toMatchObject({ model: "gpt-realtime-2.1-mini", usd: expect.closeTo((0.1 / 4) * 0.6, 9) });
  });

  linkTest("sleeps at the cap, says so, and is not woken by words", async () => {
    await using link = await connected({}, capped({ session_usd: 1, warn_at: 1, degrade: ["sleep"] }));
    const { wire, bench, server } = link;
    answer(wire, "r1", 1.1);
    const warning = await wire.next("response.create");
    expect(bench.events("budget.warned").length).toBe(1);
    expect(bench.events("budget.degraded")).toEqual([]);
    begin(wire, "r2", warning);
    finish(wire, "r2");
    expect(await bench.event("session.hung_up")).toEqual({ reason: "budget" });
    expect(await bench.event("session.error")).toMatchObject({ code: "BUDGET_SPENT", fatal: false });
    await bench.state("idle");
    expect((await wire.closed).code).toBe(1000);
    bench.session.port.sendText("hello?");
    bench.session.bargeIn();
    await Bun.sleep(50);
    expect(bench.session.port.state()).toBe("idle");
    expect(bench.events("session.error").length).toBe(2);
    expect(server.connections.length).toBe(1);
  });

  linkTest("turns to the brain of its own, which costs nothing", async () => {
    await using own = await RawServer.listen();
    const localBrain = () => ({ url: own.url, free: true });
    const more = { ...capped({ session_usd: 1, warn_at: 1, degrade: ["local_brain", "sleep"] }), localBrain };
    await using link = await connected({}, more);
    answer(link.wire, "r1", 1.1);
    const warning = await link.wire.next("response.create");
    begin(link.wire, "r2", warning);
    finish(link.wire, "r2");
    const wire = await own.accept();
    await wire.configure();
    await link.bench.state("ready");
    answer(wire, "r3", 5);
    await until(() => link.bench.events("usage.updated").length === 2, "No second usage");
    expect(link.bench.events("usage.updated")[1]).toMatchObject({ id: "r3", usd: 0 });
    expect(link.bench.events("budget.degraded").map(({ step }) => step)).toEqual(["local_brain"]);
  });

  linkTest("whose day is spent sleeps from the start, until a brain of its own appears", async () => {
    const now = new Date();
    const two = (part: number) => String(part).padStart(2, "0");
    const day = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
    const stateFile = join(folder, "cost.json");
    writeFileSync(stateFile, JSON.stringify({ day, usd: 5, unpriced: 0 }));
    await using server = await RawServer.listen();
    await using own = await RawServer.listen();
    let localBrain: { url: string; free: boolean } | null = null;
    await using bench = new SessionBench(() => ({ url: server.url }), {}, undefined, {
      ...capped({ day_usd: 5 }),
      stateFile,
      localBrain: () => localBrain,
    });
    bench.session.start();
    expect(bench.session.port.state()).toBe("idle");
    expect(bench.events("session.hung_up")).toEqual([{ reason: "budget" }]);
    localBrain = { url: own.url, free: true };
    bench.session.endpointChanged();
    await (await own.accept()).configure();
    await bench.state("ready");
    expect(server.connections.length + server.refused).toBe(0);
  });

  test("answers with the brain of its profile when the cloud has cost enough", async () => {
    const cloud = await scriptBrain({ answers: ["From the cloud."] });
    const own = await scriptBrain({ answers: ["From home."] });
    try {
      await using robot = await startTestRobot({
        audio: true,
        brain: own,
        session: { service: "", url: cloud.url },
        budget: { session_usd: 1e-6, warn_at: 1 },
      });
      await robot.waitFor("session.state_changed", ({ state }) => state === "ready");
      robot.robot.session.port.sendText("hello");
      await robot.waitFor("budget.degraded", ({ step }) => step === "local_brain");
      const { instructions } = (await cloud.waitFor("response.create", 2))["response"] as {
        instructions: string;
      };
      expect(instructions).toContain("The budget for this session is nearly spent: 0.00 of 0.00 US dollars.");
      await robot.waitFor("session.state_changed", ({ state, url }) => state === "ready" && url === own.url);
      robot.robot.session.port.sendText("still there?");
      await robot.waitFor("assistant.transcript", ({ text, final }) => final && text === "From home.");
      expect(robot.health().core["session"]).toMatchObject({
        limits: { usage: { usd: expect.any(Number), unpriced: 0 } },
      });
    } finally {
      await cloud.close();
      await own.close();
    }
  });

  linkTest("that talks to a server of its own is not stopped by what another one cost", async () => {
    await using server = await RawServer.listen();
    const stateFile = join(folder, "cost.json");
    writeFileSync(stateFile, JSON.stringify({ day: "2026-01-01", usd: 5 }));
    await using bench = new SessionBench(() => ({ url: server.url, free: true }), {}, undefined, {
      ...capped({ session_usd: 0.001 }),
      stateFile,
    });
    bench.session.start();
    const wire = await server.accept();
    await wire.configure();
    await bench.state("ready");
    answer(wire, "r1", 10);
    await settled(wire, bench);
    expect(bench.events("budget.degraded")).toEqual([]);
    expect(bench.events("cost.updated").at(-1)).toMatchObject({ session_usd: 0, unpriced: 0 });
  });
});
