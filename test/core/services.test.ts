import { expect, test } from "bun:test";
import { ServiceRegistry } from "../../core/service-registry.ts";
import type { Run } from "../../core/service-registry.ts";
import type { Sounds } from "../../core/services.ts";

const direct: Run = (body) => body();

function sounds(name: string): Sounds {
  return { names: () => [name], play: async () => ({ durationMs: 1 }) };
}

test("a handle finds the provider of the moment, so that a reload goes unnoticed", () => {
  const registry = new ServiceRegistry();
  const handle = registry.handle("sounds");
  const withdraw = registry.provide("sounds", sounds("old"), "a", direct);
  expect(handle.names()).toEqual(["old"]);
  withdraw();
  registry.provide("sounds", sounds("new"), "a", direct);
  expect(handle.names()).toEqual(["new"]);
});

test("a call without a provider says which service is missing", () => {
  const handle = new ServiceRegistry().handle("sounds");
  expect(() => handle.names()).toThrow(
    expect.objectContaining({ code: "SERVICE_UNAVAILABLE", message: expect.stringContaining('"sounds"') }),
  );
});

test("a second provider is refused and the first stays", () => {
  const registry = new ServiceRegistry();
  registry.provide("sounds", sounds("first"), "a", direct);
  expect(() => registry.provide("sounds", sounds("second"), "b", direct)).toThrow(
    expect.objectContaining({ code: "SERVICE_TAKEN" }),
  );
  expect(registry.handle("sounds").names()).toEqual(["first"]);
});

test("a method runs in its provider's module world and keeps its this", () => {
  const registry = new ServiceRegistry();
  let inside = false;
  const run: Run = (body) => {
    inside = true;
    try {
      return body();
    } finally {
      inside = false;
    }
  };
  class Horn implements Sounds {
    #name = "horn";
    names() {
      expect(inside).toBe(true);
      return [this.#name];
    }
    play = async () => ({ durationMs: 1 });
  }
  registry.provide("sounds", new Horn(), "a", run);
  expect(registry.handle("sounds").names()).toEqual(["horn"]);
  expect(inside).toBe(false);
});

test("withdrawing late does not take away a successor", () => {
  const registry = new ServiceRegistry();
  const withdrawOld = registry.provide("sounds", sounds("old"), "a", direct);
  withdrawOld();
  registry.provide("sounds", sounds("new"), "b", direct);
  withdrawOld();
  expect(registry.has("sounds")).toBe(true);
});

test("a handle is not taken for a promise", async () => {
  const registry = new ServiceRegistry();
  registry.provide("sounds", sounds("horn"), "a", direct);
  const handle = await Promise.resolve(registry.handle("sounds"));
  expect(handle.names()).toEqual(["horn"]);
});
