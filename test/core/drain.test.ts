import { expect, test } from "bun:test";
import { Drain } from "../../core/drain.ts";

test("it is over when the last one has gone, those included that came meanwhile or failed", async () => {
  const drain = new Drain();
  const guest = Promise.withResolvers<void>();
  const late = Promise.withResolvers<void>();
  drain.add(() => guest.promise);
  drain.add(() => {
    throw new Error("broken");
  });
  let over = false;
  const running = drain.run(60_000).then(() => void (over = true));
  drain.add(() => late.promise);
  guest.resolve();
  await Bun.sleep(0);
  expect(over).toBe(false);
  late.resolve();
  await running;
});

test("it is over after its limit, whoever is left", async () => {
  const drain = new Drain();
  drain.add(() => new Promise(() => {}));
  await drain.run(10);
});

test("who took back what it had to finish is not asked", async () => {
  const drain = new Drain();
  let asked = false;
  drain.add(() => void (asked = true))();
  await drain.run(1000);
  expect(asked).toBe(false);
});
