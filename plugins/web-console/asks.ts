import { z } from "zod";
import type { Ask } from "./wire.ts";

const n = z.number().int().min(0).optional();
const unit = z.number().min(-1).max(1);
const clock = z.number().min(0).max(1e15);

/** What a page may send; anything else is refused unread. */
const ask: z.ZodType<Ask> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ping"), sent_at_ms: clock }),
  z.strictObject({ type: z.literal("text"), text: z.string().trim().min(1).max(2000), n }),
  z.strictObject({ type: z.literal("talk"), talking: z.boolean() }),
  z.strictObject({ type: z.literal("mute"), muted: z.boolean(), n }),
  z.strictObject({ type: z.literal("drive"), speed: unit, steer: unit, sent_at_ms: clock }),
  z.strictObject({ type: z.literal("halt") }),
  z.strictObject({ type: z.literal("stop"), n }),
  z.strictObject({ type: z.literal("release"), n }),
  z.strictObject({
    type: z.literal("plugin"),
    action: z.enum(["reload", "enable", "disable"]),
    id: z.string().min(1).max(100),
    n,
  }),
  z.strictObject({ type: z.literal("tap"), filter: z.string().max(100).nullable() }),
  z.strictObject({ type: z.literal("camera"), on: z.boolean() }),
]);

/** Asks of anybody: to look, and to stop. All others are an operator's. */
const FREE: ReadonlySet<Ask["type"]> = new Set(["ping", "tap", "camera", "stop"]);

/** A message of a page, or why it is none. */
export function readAsk(text: string): { ask: Ask } | { problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: "this is no JSON" };
  }
  const parsed = ask.safeParse(json);
  if (parsed.success) return { ask: parsed.data };
  const [issue] = parsed.error.issues;
  return { problem: `${issue?.path.join(".") || "message"}: ${issue?.message ?? "not understood"}` };
}

/** True where a viewer may ask it. */
export function isFree(asked: Ask): boolean {
  return FREE.has(asked.type);
}
