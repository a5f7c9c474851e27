import { expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../../fixtures/hat-robot.ts";
import { startTestRobot } from "../../kit/index.ts";

const LIMIT_MS = 30_000;
const CARD = "USB";

test("a card that another program plays on is busy: the robot says who has it and what to do, and takes it when it is free", async () => {
  const holder = Bun.spawn([process.execPath, join(import.meta.dir, "card-holder.ts"), CARD], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const { value } = await holder.stdout.getReader().read();
  const { held } = JSON.parse(new TextDecoder().decode(value)) as { held: number };
  expect(held).toBeGreaterThan(0);
  await using robot = await startTestRobot({
    plugins: { speaker: { use: "speaker-alsa", device: CARD } },
    tolerant: true,
  });
  const speaker = () => robot.health().plugins[0]!;
  await until(() => speaker().state === "retrying", "it finds the card taken", LIMIT_MS);
  expect(speaker().message).toContain(`held by bun (process ${holder.pid})`);
  expect(speaker().message).toContain("close the program that holds it");
  await holder.stdin.end();
  await holder.exited;
  await until(() => speaker().state === "ready", "it has the card", LIMIT_MS);
});
