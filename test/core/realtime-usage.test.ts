import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PriceTable } from "../../core/realtime/prices.ts";
import prices from "../../core/realtime/prices.json" with { type: "json" };
import { readRateLimits, readTranscriptionUsage, readUsage, sum } from "../../core/realtime/usage.ts";
import type { TokenUsage } from "../../core/realtime/usage.ts";
import { DayLedger } from "../../core/realtime/usage-ledger.ts";
import { UsageMeter } from "../../core/realtime/usage-meter.ts";
import type { TopicName, Topics } from "../../core/topics.ts";
import { costFile } from "../../core/state-folder.ts";
import { until } from "../kit/raw-server.ts";
import { connected, settled } from "./realtime-kit.ts";
import { linkTest } from "./realtime-wires.ts";

const MODEL = "gpt-realtime-2.1";
const WHOLE = {
  total_tokens: 253,
  input_tokens: 132,
  output_tokens: 121,
  input_token_details: {
    text_tokens: 119,
    audio_tokens: 13,
    image_tokens: 0,
    cached_tokens: 64,
    cached_tokens_details: { text_tokens: 64, audio_tokens: 0, image_tokens: 0 },
  },
  output_token_details: { text_tokens: 30, audio_tokens: 91 },
};
/** (55·4 + 64·0.4 + 13·32 + 30·24 + 91·64) / 10⁶ */
const WHOLE_USD = (55 * 4 + 64 * 0.4 + 13 * 32 + 30 * 24 + 91 * 64) / 1e6;

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "myna-cost-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface MeterBench {
  meter: UsageMeter;
  used: Topics["usage.updated"][];
  costs: Topics["cost.updated"][];
  unpriced: string[];
  pay: { model: string; free: boolean };
}

function meterBench(ledger = memoryLedger()): MeterBench {
  const used: Topics["usage.updated"][] = [];
  const costs: Topics["cost.updated"][] = [];
  const unpriced: string[] = [];
  const pay = { model: MODEL, free: false };
  const publish = <T extends TopicName>(topic: T, event: Topics[T]) => {
    if (topic === "usage.updated") used.push(event as Topics["usage.updated"]);
    if (topic === "cost.updated") costs.push(event as Topics["cost.updated"]);
  };
  const meter = new UsageMeter({
    prices: new PriceTable(),
    ledger,
    endpoint: () => pay,
    transcriptionModel: "gpt-live-transcribe",
    publish,
    onUnpriced: (model) => unpriced.push(model),
  });
  return { meter, used, costs, unpriced, pay };
}

function memoryLedger(now?: () => Date): DayLedger {
  return new DayLedger({ file: undefined, onTrouble: () => {}, ...(now && { now }) });
}

function usage(value: unknown): TokenUsage {
  const read = readUsage(value);
  if (!read) throw new Error("no usage");
  return read;
}

describe("the usage of an answer", () => {
  test("is read by kind, and what was cached is part of the input", () => {
    expect(usage(WHOLE)).toEqual({
      input: { text: 119, audio: 13, image: 0 },
      cached: { text: 64, audio: 0, image: 0 },
      output: { text: 30, audio: 91, image: 0 },
      estimated: false,
    });
  });

  test("takes cached tokens from the text first where the server does not say of which kind, and says so", () => {
    const read = usage({
      ...WHOLE,
      input_token_details: { text_tokens: 50, audio_tokens: 82, cached_tokens: 64 },
    });
    expect(read).toMatchObject({ cached: { text: 50, audio: 14, image: 0 }, estimated: true });
  });

  test("counts tokens of no known kind as audio, the dearest, and says so", () => {
    expect(usage({ input_tokens: 10, output_tokens: 4, total_tokens: 14 })).toEqual({
      input: { text: 0, audio: 10, image: 0 },
      cached: { text: 0, audio: 0, image: 0 },
      output: { text: 0, audio: 4, image: 0 },
      estimated: true,
    });
    expect(usage({ total_tokens: 9 })).toMatchObject({ input: { audio: 9 }, estimated: true });
  });

  test.each([[null], [undefined], ["x"], [{}], [{ input_tokens: "many" }], [[]]])(
    "is none where there is nothing to count: %p",
    (value) => {
      expect(readUsage(value)).toBeUndefined();
    },
  );

  test("never has more cached than input, nor negative counts, whatever the server writes", () => {
    let seed = 7;
    const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const some = () =>
      [undefined, -5, 0, Math.floor(random() * 500), NaN, "7", null][Math.floor(random() * 7)];
    for (let i = 0; i < 2000; i++) {
      const read = readUsage({
        input_tokens: some(),
        output_tokens: some(),
        total_tokens: some(),
        input_token_details: {
          text_tokens: some(),
          audio_tokens: some(),
          image_tokens: some(),
          cached_tokens: some(),
          cached_tokens_details: { text_tokens: some(), audio_tokens: some(), image_tokens: some() },
        },
        output_token_details: { text_tokens: some(), audio_tokens: some() },
      });
      if (!read) continue;
      for (const kind of ["text", "audio", "image"] as const) {
        expect(read.cached[kind]).toBeLessThanOrEqual(read.input[kind]);
        expect(Math.min(read.cached[kind], read.output[kind])).toBeGreaterThanOrEqual(0);
      }
    }
  });

  test("of a transcription comes by the token or by the second", () => {
    expect(readTranscriptionUsage({ type: "duration", seconds: 2.5 })).toEqual({
      kind: "duration",
      seconds: 2.5,
    });
    const tokens = {
      type: "tokens",
      input_tokens: 20,
      output_tokens: 5,
      total_tokens: 25,
      input_token_details: { text_tokens: 2, audio_tokens: 18 },
    };
    expect(readTranscriptionUsage(tokens)).toMatchObject({
      kind: "tokens",
      tokens: { input: { text: 2, audio: 18 }, output: { audio: 5 } },
    });
    expect(readTranscriptionUsage(null)).toBeUndefined();
  });

  test("rate limits without a name are left out", () => {
    expect(readRateLimits([{ name: "tokens", remaining: 3, reset_seconds: 2 }, { limit: 1 }, null])).toEqual([
      { name: "tokens", limit: undefined, remaining: 3, resetS: 2 },
    ]);
    expect(readRateLimits("x")).toEqual([]);
  });
});

describe("prices", () => {
  test("are dated, have their sources, and are plausible: a cached token is never dearer than a fresh one", () => {
    expect(prices.as_of).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(prices.sources.length).toBeGreaterThan(0);
    for (const price of Object.values(prices.models) as Record<
      string,
      { in: number; cached: number } | number
    >[])
      for (const kind of Object.values(price))
        if (typeof kind === "object") expect(kind.cached).toBeLessThanOrEqual(kind.in);
  });

  test("make the cost by kind: fresh, cached and produced", () => {
    const { usd, complete } = new PriceTable().tokens(MODEL, usage(WHOLE));
    expect(usd).toBeCloseTo(WHOLE_USD, 12);
    expect(complete).toBe(true);
  });

  test("of a dated snapshot are those of its model", () => {
    expect(new PriceTable().of(`${MODEL}-2026-05-01`)).toEqual(new PriceTable().of(MODEL));
  });

  test("of the owner come before the built-in ones, and add models", () => {
    const table = new PriceTable({ [MODEL]: { text: { in: 1e6, cached: 0 } }, mine: { per_minute: 6 } });
    expect(
      table.tokens(
        MODEL,
        usage({ input_tokens: 1, output_tokens: 0, input_token_details: { text_tokens: 1 } }),
      ).usd,
    ).toBe(1);
    expect(table.transcription("mine", { kind: "duration", seconds: 10 }).usd).toBe(1);
  });

  test("that are not known are said to be so, also where only one kind has none", () => {
    const table = new PriceTable();
    expect(table.tokens("constructor", usage(WHOLE))).toEqual({ usd: 0, complete: false });
    const image = usage({
      input_tokens: 9,
      output_tokens: 0,
      input_token_details: { image_tokens: 4, text_tokens: 5 },
    });
    const { usd, complete } = table.tokens("gpt-realtime-2.1-mini", image);
    expect(usd).toBeCloseTo(3e-6, 12);
    expect(complete).toBe(false);
    expect(table.transcription("nobody", { kind: "duration", seconds: 1 }).complete).toBe(false);
  });
});

describe("the meter", () => {
  test("counts an answer once, however often its end is told (C19)", () => {
    const { meter, used, costs } = meterBench();
    for (let i = 0; i < 3; i++) meter.response("r1", usage(WHOLE));
    expect(used.length).toBe(1);
    expect(used[0]).toMatchObject({
      kind: "response",
      id: "r1",
      model: MODEL,
      input: { text: 55, audio: 13, image: 0 },
      cached: { text: 64 },
      output: { text: 30, audio: 91 },
    });
    expect(costs.at(-1)?.session_usd).toBeCloseTo(WHOLE_USD, 12);
  });

  test("counts an answer whose first end came without usage", () => {
    const { meter } = meterBench();
    meter.response("r1", undefined);
    meter.response("r1", usage(WHOLE));
    expect(meter.sessionUsd).toBeCloseTo(WHOLE_USD, 12);
  });

  test("counts each part of an item once for its transcription (C19)", () => {
    const { meter, used } = meterBench();
    for (const index of [0, 0, 1]) meter.transcription("i1", index, { kind: "duration", seconds: 60 });
    expect(used.map(({ seconds }) => seconds)).toEqual([60, 60]);
    expect(meter.sessionUsd).toBeCloseTo(0.034, 12);
  });

  test("says that a price is not known, and never that it is nothing", () => {
    const { meter, used, costs, unpriced, pay } = meterBench();
    pay.model = "gpt-realtime-9";
    meter.response("r1", usage(WHOLE));
    meter.response("r2", usage(WHOLE));
    expect(used.map(({ usd }) => usd)).toEqual([null, null]);
    expect(costs.at(-1)).toMatchObject({ session_usd: null, day_usd: null, unpriced: 2 });
    expect(unpriced).toEqual(["gpt-realtime-9"]);
    pay.model = MODEL;
    meter.response("r3", usage(WHOLE));
    expect(costs.at(-1)).toMatchObject({ session_usd: expect.closeTo(WHOLE_USD, 12), unpriced: 2 });
  });

  test("takes nothing for a server of one's own", () => {
    const { meter, used, pay } = meterBench();
    pay.free = true;
    pay.model = "rms";
    meter.response("r1", usage(WHOLE));
    expect(used[0]?.usd).toBe(0);
  });

  test("never counts twice, whatever is repeated in whatever order over reconnects", () => {
    for (let seed = 1; seed <= 50; seed++) {
      let state = seed;
      const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
      const { meter, used } = meterBench();
      const expected = new Set<string>();
      for (let i = 0; i < 300; i++) {
        const id = random(40);
        if (random(4) === 0) {
          meter.transcription(`i${id}`, id % 2, { kind: "duration", seconds: 60 });
          expected.add(`i${id}`);
        } else {
          const silent = random(5) === 0;
          meter.response(`r${id}`, silent ? undefined : usage(WHOLE));
          if (!silent) expected.add(`r${id}`);
        }
        if (random(20) === 0) meter.lost();
      }
      const answers = [...expected].filter((id) => id.startsWith("r")).length;
      const usd = answers * WHOLE_USD + (expected.size - answers) * 0.017;
      expect({ seed, ids: used.map(({ id }) => id).toSorted() }).toEqual({
        seed,
        ids: [...expected].toSorted(),
      });
      expect(meter.sessionUsd).toBeCloseTo(usd, 9);
    }
  });
});

describe("the cost of the day", () => {
  test("outlives a restart, and a new day begins at zero", () => {
    const file = join(folder, "state", "cost.json");
    let now = new Date(2026, 10, 21, 23, 59);
    const open = () =>
      new DayLedger({ file, onTrouble: (message) => expect(message).toBe(""), now: () => now });
    open().add(1.5, 1);
    const second = open();
    expect(second.total()).toEqual({ day: "2026-11-21", usd: 1.5, unpriced: 1 });
    second.add(0.25, 0);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual({ day: "2026-11-21", usd: 1.75, unpriced: 1 });
    now = new Date(2026, 10, 22, 0, 1);
    expect(second.total()).toEqual({ day: "2026-11-22", usd: 0, unpriced: 0 });
    second.add(0.5, 0);
    expect(open().total().usd).toBe(0.5);
    expect(readdirSync(join(folder, "state"))).toEqual(["cost.json"]);
  });

  test("of robots that share the file adds up", () => {
    const file = join(folder, "cost.json");
    const robots = [1, 2].map(() => new DayLedger({ file, onTrouble: () => {} }));
    for (const robot of robots) robot.add(1, 0);
    for (const robot of robots) robot.add(1, 0);
    expect(robots[1]?.total().usd).toBe(4);
  });

  test.each([["{half"], ["[]"], ['{"day":"2026-11-21","usd":"much"}'], ['{"usd":-3}'], [""]])(
    "goes on from a damaged file: %p",
    (text) => {
      const file = join(folder, "cost.json");
      writeFileSync(file, text);
      const ledger = new DayLedger({ file, onTrouble: () => {}, now: () => new Date(2026, 10, 21) });
      expect(ledger.total().usd).toBe(0);
      ledger.add(2, 0);
      expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ usd: 2 });
    },
  );

  test("is kept in memory where the file cannot be written, and that is said once", () => {
    const said: string[] = [];
    writeFileSync(join(folder, "file"), "");
    const file = join(folder, "file", "cost.json");
    const ledger = new DayLedger({ file, onTrouble: (message) => said.push(message) });
    ledger.add(1, 0);
    ledger.add(1, 0);
    expect(ledger.total().usd).toBe(2);
    expect(said.length).toBe(1);
    expect(said[0]).toContain("[budget] state_file");
  });

  test("costs the disk nothing while nothing is spent", () => {
    const file = join(folder, "cost.json");
    new DayLedger({ file, onTrouble: () => {} }).add(0, 0);
    expect(existsSync(file)).toBe(false);
  });

  test("lies in the user's state folder unless the profile says otherwise", () => {
    expect(costFile(undefined, { XDG_STATE_HOME: "/s", HOME: "/h" })).toBe("/s/myna/cost.json");
    expect(costFile(undefined, { HOME: "/h" })).toBe("/h/.local/state/myna/cost.json");
    expect(costFile(undefined, {})).toBeUndefined();
    expect(costFile("", { HOME: "/h" })).toBeUndefined();
    expect(costFile("mine.json", { HOME: "/h" })).toBe("mine.json");
  });
});

describe("a session", () => {
  linkTest("counts cancelled and failed answers too, each once, over a reconnect (C19)", async () => {
    await using link = await connected();
    const { bench, server } = link;
    const end = (wire: typeof link.wire, id: string, status: string) =>
      wire.send({ type: "response.done", response: { id, status, output: [], usage: WHOLE } });
    end(link.wire, "r1", "cancelled");
    end(link.wire, "r1", "completed");
    end(link.wire, "r2", "failed");
    link.wire.send({
      type: "conversation.item.input_audio_transcription.completed",
      item_id: "i1",
      content_index: 0,
      transcript: "hello",
      usage: { type: "duration", seconds: 60 },
    });
    await settled(link.wire, bench);
    link.wire.drop();
    const again = await server.accept();
    await again.configure();
    await bench.state("ready");
    end(again, "r2", "failed");
    end(again, "r3", "completed");
    await settled(again, bench);
    expect(bench.events("usage.updated").map(({ id }) => id)).toEqual(["r1", "r2", "i1", "r3"]);
    expect(bench.events("cost.updated").at(-1)?.session_usd).toBeCloseTo(3 * WHOLE_USD + 0.017, 9);
  });

  linkTest("counts each answer once through duplicates, late ends and drops in any order", async () => {
    for (const seed of [3, 14, 159]) {
      let state = seed;
      const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
      await using link = await connected();
      const { bench, server } = link;
      let { wire } = link;
      const told = new Set<string>();
      for (let i = 0; i < 60; i++) {
        const id = `r${random(12)}`;
        if (random(2) === 0) wire.send({ type: "response.created", response: { id } });
        wire.send({ type: "response.done", response: { id, status: "completed", usage: WHOLE } });
        told.add(id);
        if (random(12) !== 0) continue;
        await settled(wire, bench);
        const ready = bench.events("session.state_changed").filter((event) => event.state === "ready").length;
        wire.drop();
        wire = await server.accept();
        await wire.configure();
        await until(
          () =>
            bench.events("session.state_changed").filter((event) => event.state === "ready").length > ready,
          `The link did not come back (seed ${seed})`,
        );
      }
      await settled(wire, bench);
      const ids = bench.events("usage.updated").map(({ id }) => id);
      expect({ seed, ids: ids.toSorted() }).toEqual({ seed, ids: [...told].toSorted() });
      expect(bench.events("cost.updated").at(-1)?.session_usd).toBeCloseTo(told.size * WHOLE_USD, 9);
    }
  });

  linkTest("says that its cost is estimated where an answer was lost with the link", async () => {
    await using link = await connected();
    link.wire.send({ type: "response.created", response: { id: "r1" } });
    await settled(link.wire, link.bench);
    link.wire.drop();
    const again = await link.server.accept();
    await again.configure();
    await link.bench.state("ready");
    again.send({ type: "response.done", response: { id: "r2", status: "completed", usage: WHOLE } });
    expect(await link.bench.event("cost.updated")).toMatchObject({ estimated: true });
  });
});

test("sums are of all kinds", () => {
  expect(sum({ text: 1, audio: 2, image: 3 })).toBe(6);
});
