import { z } from "zod";
import type { Hearing } from "./contracts.ts";
import { newId } from "./ids.ts";
import { refusalOf } from "./refusal.ts";

/** A part of a message, as the wire shows it; audio bytes are kept apart. */
export type Part =
  | { type: "input_text"; text: string }
  | { type: "input_audio"; transcript: string | null; audio?: string }
  | { type: "input_image"; image_url: string; detail?: string }
  | { type: "output_text"; text: string }
  | { type: "output_audio"; transcript?: string; audio?: string };

type Common = { id: string; object: "realtime.item"; status: "in_progress" | "completed" | "incomplete" };

/** An item of the conversation, as the wire shows it. */
export type Item =
  | (Common & { type: "message"; role: "user" | "assistant" | "system"; content: Part[] })
  | (Common & { type: "function_call"; call_id: string; name: string; arguments: string })
  | (Common & { type: "function_call_output"; call_id: string; output: string });

/** An item with what the wire does not show. */
export interface ItemRecord {
  item: Item;
  /** PCM16 24 kHz mono: what the user said, or what was sent of an answer. Arrays are shared: read only. */
  audio: Int16Array[];
  /** What the recogniser made of a spoken user item. Never rejects; null when there was nothing to hear. */
  heard: Promise<Hearing | null> | null;
  /** What the mind remembers of an assistant message whose transcript a truncation removed. */
  remembered?: string;
}

const id = z.string().min(1).max(32);
const status = z.enum(["in_progress", "completed", "incomplete"]).nullish();
const object = z.literal("realtime.item").nullish();
const common = { id: id.nullish(), object, status };

const inputText = z.strictObject({ type: z.literal("input_text"), text: z.string() });
const inputAudio = z.strictObject({
  type: z.literal("input_audio"),
  audio: z.string().nullish(),
  transcript: z.string().nullish(),
});
const inputImage = z.strictObject({
  type: z.literal("input_image"),
  image_url: z.string().regex(/^data:image\/(png|jpeg);base64,/, "expected a data URI of a PNG or JPEG"),
  detail: z.enum(["auto", "low", "high"]).nullish(),
});
const outputText = z.strictObject({ type: z.literal("output_text"), text: z.string() });

const message = z.discriminatedUnion("role", [
  z.strictObject({
    ...common,
    type: z.literal("message"),
    role: z.literal("user"),
    content: z.array(z.discriminatedUnion("type", [inputText, inputAudio, inputImage])),
  }),
  z.strictObject({
    ...common,
    type: z.literal("message"),
    role: z.literal("assistant"),
    content: z.array(outputText),
  }),
  z.strictObject({
    ...common,
    type: z.literal("message"),
    role: z.literal("system"),
    content: z.array(inputText),
  }),
]);

const functionCall = z.strictObject({
  ...common,
  type: z.literal("function_call"),
  call_id: id.nullish(),
  name: z.string().min(1),
  arguments: z.string(),
});

const functionCallOutput = z.strictObject({
  ...common,
  type: z.literal("function_call_output"),
  call_id: id,
  output: z.string(),
});

const newItem = z.discriminatedUnion("type", [message, functionCall, functionCallOutput]);

/** What a client may put into the conversation, checked; ids are made where it gave none. */
export function parseItem(value: unknown, root = "item"): { item: Item; audio: string | null } {
  const parsed = newItem.safeParse(value, { reportInput: true });
  if (!parsed.success) throw refusalOf(parsed.error, root);
  const given = parsed.data;
  const common: Common = {
    id: given.id ?? newId("item"),
    object: "realtime.item",
    status: given.status === "incomplete" ? "incomplete" : "completed",
  };
  if (given.type === "function_call") {
    const { name, arguments: args } = given;
    const item: Item = {
      ...common,
      type: "function_call",
      call_id: given.call_id ?? newId("call"),
      name,
      arguments: args,
    };
    return { item, audio: null };
  }
  if (given.type === "function_call_output") {
    const item: Item = {
      ...common,
      type: "function_call_output",
      call_id: given.call_id,
      output: given.output,
    };
    return { item, audio: null };
  }
  let audio: string | null = null;
  const content = given.content.map((part): Part => {
    if (part.type === "input_audio") {
      audio = part.audio ?? null;
      return { type: "input_audio", transcript: part.transcript ?? null };
    }
    if (part.type === "input_image") {
      const { type, image_url } = part;
      return part.detail ? { type, image_url, detail: part.detail } : { type, image_url };
    }
    return part;
  });
  return { item: { ...common, type: "message", role: given.role, content }, audio };
}
