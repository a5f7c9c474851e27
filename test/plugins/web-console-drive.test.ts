import { expect, test } from "bun:test";
import { Helm, lateness, newHand } from "../../plugins/web-console/helm.ts";
import { LEASE_MS } from "../../plugins/web-console/wire.ts";
import { SIMULATED_BODY } from "../fixtures/simulated-body.ts";
import { NotedDrive, TestPage, startConsole } from "./web-console-kit.ts";
import { startDoor } from "./web-door-kit.ts";

test("an intent of a page steers with a lease, scaled to the speed that the profile allows", async () => {
  await using web = await startConsole({ console: { max_speed_mps: 0.2 } });
  using page = await web.open();
  page.drive(0.5, -1);
  await page.until(() => web.drive.steered.length === 1);
  expect(web.drive.steered).toEqual([{ speedMps: 0.1, steerDeg: -30, leaseMs: LEASE_MS, by: "person" }]);
  await page.until(() => page.own?.driven && page.own.mine);
});

test("a person at a page takes the wheels from a tool, and keeps them from programs while they drive", async () => {
  await using web = await startDoor({}, { plugins: { ...SIMULATED_BODY, console: { use: "web-console" } } });
  using page = new TestPage(web.url);
  await page.until(() => page.values.body);
  const drive = web.robot.service("drive");
  const tool = drive.move({ distanceM: 2 });
  await web.robot.waitFor("motion.started", ({ kind }) => kind === "move");
  // As often as a page does, as long as it takes.
  const hand = setInterval(() => page.drive(0.3), 50);
  try {
    expect((await tool).ended).toBe("superseded");
    await web.robot.waitFor("motion.started", ({ kind }) => kind === "drive");
    await expect(drive.move({ distanceM: 0.1 })).rejects.toMatchObject({ code: "MOTION_TAKEN" });
    expect(() => drive.steer({ speedMps: 0.1, steerDeg: 0 })).toThrow("a person drives the robot now");
  } finally {
    clearInterval(hand);
  }
  page.tell({ type: "halt" });
  await web.robot.waitFor("motion.stopped", ({ kind }) => kind === "drive");
});

test("the wheels stop when the dead-man key is let go", async () => {
  await using web = await startConsole();
  using page = await web.open();
  page.drive(1);
  page.tell({ type: "halt" });
  await page.until(() => web.drive.stops.length > 0);
  expect(web.drive.stops).toEqual(["the dead-man key was let go"]);
});

test("the wheels stop when the page's socket is lost", async () => {
  await using web = await startConsole();
  const page = await web.open();
  page.drive(1);
  await page.until(() => web.drive.steered.length > 0);
  page.line.socket.terminate();
  await page.until(() => web.drive.stops.length > 0);
  expect(web.drive.stops[0]).toMatch(/the page that drove is gone|within the lease/);
});

test("the wheels stop when no intent comes within the lease, though the page is there", async () => {
  await using web = await startConsole();
  using page = await web.open();
  page.drive(1);
  await page.until(() => web.drive.stops.length > 0);
  expect(web.drive.stops).toEqual(["no intent came from the page within the lease"]);
});

test("the wheels stop when the console is reloaded under a page that drives", async () => {
  await using web = await startConsole();
  using page = await web.open();
  page.drive(1);
  await page.until(() => web.drive.steered.length > 0);
  await web.robot.reload("console");
  expect(web.drive.stops.length).toBeGreaterThan(0);
});

test("what a stalled network delivers afterwards moves nothing", async () => {
  await using web = await startConsole();
  using page = await web.open();
  // The page's clock is another one than the robot's.
  const now = performance.now() + 1_000_000;
  page.tell({ type: "ping", sent_at_ms: now });
  for (let i = 20; i > 6; i--) page.drive(1, 0, now - i * 50);
  await page.until(() => page.steerings.includes("late"));
  expect(web.drive.steered).toEqual([]);
});

test("one page drives at a time, and another may when that has let go", async () => {
  await using web = await startConsole();
  using first = await web.open();
  using second = await web.open();
  first.drive(1);
  await first.until(() => web.drive.steered.length === 1);
  second.drive(-1);
  await second.until(() => second.steerings.includes("taken"));
  expect(web.drive.steered).toHaveLength(1);
  first.tell({ type: "halt" });
  await first.until(() => web.drive.stops.length > 0);
  second.drive(-1);
  await second.until(() => web.drive.steered.length === 2);
  expect(web.drive.steered[1]?.speedMps).toBeLessThan(0);
});

test("a key that is held through a stop drives no further until it was let go once", async () => {
  await using web = await startConsole();
  using page = await web.open();
  page.drive(1);
  await page.ask({ type: "stop" });
  const before = web.drive.steered.length;
  page.drive(1);
  await page.until(() => page.steerings.includes("let_go_first"));
  expect(web.drive.steered).toHaveLength(before);
  page.tell({ type: "halt" });
  page.drive(1);
  await page.until(() => web.drive.steered.length === before + 1);
});

test("a stop that came by another way holds a driving page as well", async () => {
  await using web = await startConsole();
  using page = await web.open();
  page.drive(1);
  await page.until(() => web.drive.steered.length > 0);
  web.body.tell({ latched: "the button" });
  await page.until(() => {
    page.drive(1);
    return page.steerings.includes("let_go_first");
  });
});

test("POST /stop holds a driving page also where no body latches", async () => {
  await using web = await startConsole();
  using page = await web.open();
  page.drive(1);
  await page.until(() => web.drive.steered.length > 0);
  const stopped = await fetch(new URL("stop", web.url), { method: "POST" });
  expect(stopped.status).toBe(200);
  expect(web.body.state()?.latched).toBeUndefined();
  const before = web.drive.steered.length;
  page.drive(1);
  await page.until(() => page.steerings.includes("let_go_first"));
  expect(web.drive.steered).toHaveLength(before);
});

test("wheels that refuse are told to the page with their reason", () => {
  const drive = new NotedDrive();
  drive.steer = () => {
    throw new Error("emergency stop (a button)");
  };
  const helm = new Helm(drive, 0.4);
  const hand = newHand(1, 0);
  expect(helm.steer(hand, { speed: 1, steer: 0, sentAtMs: 0 }, 0)).toBe("refused");
  expect(helm.refusal).toBe("emergency stop (a button)");
  expect(helm.driving).toBeNull();
  // A key that is still held is not asked for again.
  expect(helm.steer(hand, { speed: 1, steer: 0, sentAtMs: 50 }, 50)).toBe("let_go_first");
});

test("lateness is measured against the quickest message, whatever the clocks say, and follows a drift", () => {
  const hand = newHand(1, 0);
  expect(lateness(hand, 1_000_000, 20)).toBe(0);
  expect(lateness(hand, 1_000_050, 90)).toBe(20);
  expect(lateness(hand, 1_000_060, 80)).toBe(0);
  // Half a minute of clocks that drift apart by 100 ms.
  let late = 0;
  for (let ms = 0; ms < 90_000; ms += 1000)
    late = lateness(hand, 1_000_060 + ms, 80 + ms * (1 + 100 / 30_000));
  expect(late).toBeLessThan(220);
});
