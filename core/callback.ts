import { AsyncLocalStorage } from "node:async_hooks";

type Callable = (...args: unknown[]) => unknown;

/**
 * A function, and the functions of a plain object, bound to the module world of the present caller: what a plugin hands to
 * another one's service runs as its own code, and what such a call answers does as well. Anything else is answered as it is.
 */
export function ownCallbacks(value: unknown): unknown {
  if (typeof value === "function") return boundBy(AsyncLocalStorage.snapshot() as Within, value as Callable);
  if (!hasFunctions(value)) return value;
  return bindMembers(value, AsyncLocalStorage.snapshot() as Within);
}

type Within = <T>(body: () => T) => T;

function boundBy(within: Within, call: Callable): Callable {
  return function (this: unknown, ...args: unknown[]) {
    return within(() => {
      const result = Reflect.apply(call, this, args);
      return hasFunctions(result) ? bindMembers(result, within) : result;
    });
  };
}

function bindMembers(value: Record<string, unknown>, within: Within): Record<string, unknown> {
  const bound = { ...value };
  for (const [key, member] of Object.entries(value))
    if (typeof member === "function") bound[key] = boundBy(within, member.bind(value) as Callable);
  return bound;
}

function hasFunctions(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return false;
  for (const key in value) if (typeof (value as Record<string, unknown>)[key] === "function") return true;
  return false;
}
