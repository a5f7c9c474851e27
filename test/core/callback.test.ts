import { AsyncLocalStorage } from "node:async_hooks";
import { expect, test } from "bun:test";
import { ownCallbacks } from "../../core/callback.ts";

const world = new AsyncLocalStorage<string>();

test("a function that is handed over runs in the world of who handed it over", () => {
  const bound = world.run("mine", () => ownCallbacks(() => world.getStore())) as () => string;
  expect(world.run("theirs", bound)).toBe("mine");
  expect(world.run("theirs", () => world.getStore())).toBe("theirs");
});

test("so do the functions of a plain object, and those of what they answer", () => {
  const route = {
    path: "/page",
    open: (name: string) => ({ message: () => `${name} in ${world.getStore()}` }),
  };
  const bound = world.run("mine", () => ownCallbacks(route)) as typeof route;
  expect(bound.path).toBe("/page");
  expect(world.run("theirs", () => bound.open("she").message())).toBe("she in mine");
});

test("a promise that a function answers goes on in that world, and is answered as it is", async () => {
  const later = async () => {
    await Bun.sleep(1);
    return world.getStore();
  };
  const bound = world.run("mine", () => ownCallbacks(later)) as typeof later;
  expect(await world.run("theirs", bound)).toBe("mine");
});

test("methods keep their object, and anything that is no plain object with functions stays the same", () => {
  class Horn {
    sound = "toot";
    blow() {
      return this.sound;
    }
  }
  const counter = {
    count: 0,
    next() {
      return ++this.count;
    },
  };
  const bound = ownCallbacks(counter) as typeof counter;
  expect([bound.next(), bound.next(), counter.count]).toEqual([1, 2, 2]);
  const same = [new Horn(), { speed: 1 }, [() => 1], "text", null, undefined, new AbortController().signal];
  for (const value of same) expect(ownCallbacks(value)).toBe(value);
});
