import type { FunctionCall, ResponseStatus, ServerFault } from "./events.ts";

/** True for an object of JSON that is not a list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text, or "" for anything else. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The finite number, or undefined for anything else. */
export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** An error object of the server; a text or nothing at all are taken as well. */
export function readFault(value: unknown): ServerFault {
  if (!isRecord(value)) {
    return { code: "", kind: "", message: textOf(value) || "the server gave no reason", eventId: undefined };
  }
  return {
    code: textOf(value["code"]),
    kind: textOf(value["type"]),
    message: textOf(value["message"]) || textOf(value["code"]) || "the server gave no reason",
    eventId: textOf(value["event_id"]) || undefined,
  };
}

/** An unknown status counts as "incomplete": nothing of it is acted upon. */
export function readStatus(value: unknown): ResponseStatus {
  return value === "completed" || value === "cancelled" || value === "failed" ? value : "incomplete";
}

/** The call in an item; undefined for other items. `completed` needs the item's own word for it. */
export function readCall(item: unknown): FunctionCall | undefined {
  if (!isRecord(item) || item["type"] !== "function_call") return undefined;
  const callId = textOf(item["call_id"]);
  const name = textOf(item["name"]);
  if (callId === "" || name === "") return undefined;
  const completed = item["status"] === "completed";
  return { callId, name, argumentsJson: textOf(item["arguments"]), completed };
}

/** The calls in a response's output; those without a status of their own have the response's. */
export function readCalls(output: unknown, status: ResponseStatus): FunctionCall[] {
  if (!Array.isArray(output)) return [];
  return output.flatMap((item: unknown) => {
    const call = readCall(item);
    if (!call) return [];
    const silent = isRecord(item) && typeof item["status"] !== "string";
    return [silent ? { ...call, completed: status === "completed" } : call];
  });
}
