import { expect, test } from "bun:test";
import { Bus } from "../../core/bus.ts";

const POSE = { x_m: 1, y_m: 2, heading_deg: 90, moving: false };

test("a handler that throws does not keep the others from running, and is named", () => {
  const faults: string[] = [];
  const bus = new Bus((owner, topic, error) => faults.push(`${owner} ${topic} ${(error as Error).message}`));
  const heard: number[] = [];
  bus.on("sound.played", () => heard.push(1), "first");
  bus.on(
    "sound.played",
    () => {
      throw new Error("broken");
    },
    "second",
  );
  bus.on("sound.played", () => heard.push(3), "third");
  bus.publish("sound.played", { name: "horn" });
  expect(heard).toEqual([1, 3]);
  expect(faults).toEqual(["second sound.played broken"]);
  expect(bus.counters()["handler_faults"]).toBe(1);
});

test("a late joiner gets the last event of a state topic and nothing of others", () => {
  const bus = new Bus();
  bus.publish("body.pose", { ...POSE, x_m: 0 });
  bus.publish("body.pose", POSE);
  bus.publish("sound.played", { name: "horn" });
  const heard: unknown[] = [];
  bus.on("body.pose", (event) => heard.push(event));
  bus.on("sound.played", (event) => heard.push(event));
  expect(heard).toEqual([POSE]);
  expect(bus.last("body.pose")).toEqual(POSE);
  expect(bus.last("sound.played")).toBeUndefined();
});

test("handlers run in the order of subscription and before taps", () => {
  const bus = new Bus();
  const order: string[] = [];
  bus.tap((topic) => order.push(`tap ${topic}`));
  bus.on("sound.played", () => order.push("a"));
  bus.on("sound.played", () => order.push("b"));
  bus.publish("sound.played", { name: "horn" });
  expect(order).toEqual(["a", "b", "tap sound.played"]);
});

test("a handler that unsubscribes itself or another during a dispatch disturbs nobody", () => {
  const bus = new Bus();
  const heard: string[] = [];
  const offFirst = bus.on("sound.played", () => {
    heard.push("first");
    offFirst();
    offThird();
  });
  bus.on("sound.played", () => heard.push("second"));
  const offThird = bus.on("sound.played", () => heard.push("third"));
  bus.publish("sound.played", { name: "horn" });
  bus.publish("sound.played", { name: "horn" });
  expect(heard).toEqual(["first", "second", "third", "second"]);
});

test("unsubscribing twice removes one subscription only", () => {
  const bus = new Bus();
  let heard = 0;
  const handler = () => void heard++;
  const off = bus.on("sound.played", handler);
  bus.on("sound.played", handler);
  off();
  off();
  bus.publish("sound.played", { name: "horn" });
  expect(heard).toBe(1);
});

test("a tap that throws does not reach the publisher", () => {
  const faults: string[] = [];
  const bus = new Bus((owner) => faults.push(owner));
  bus.tap(() => {
    throw new Error("full disk");
  }, "recorder");
  expect(() => bus.publish("sound.played", { name: "horn" })).not.toThrow();
  expect(faults).toEqual(["recorder"]);
});

test("an event published by a handler is delivered within the dispatch that caused it", () => {
  const bus = new Bus();
  const order: string[] = [];
  bus.on("sound.played", () => {
    order.push("played");
    bus.publish("mode.changed", { mode: "idle" });
    order.push("after");
  });
  bus.on("mode.changed", () => order.push("mode"));
  bus.publish("sound.played", { name: "horn" });
  expect(order).toEqual(["played", "mode", "after"]);
});
