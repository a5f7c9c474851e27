import { afterEach, expect, test } from "bun:test";
import { type BrainScriptOptions, scriptBrain, type ScriptedBrain } from "../kit/scripted-brain.ts";
import { RawClient, type ServerFrame } from "../kit/raw-client.ts";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(options: BrainScriptOptions = {}): Promise<{ brain: ScriptedBrain; client: RawClient }> {
  const brain = await scriptBrain(options);
  open.push(brain);
  return { brain, client: await join(brain) };
}

async function join(brain: ScriptedBrain): Promise<RawClient> {
  const client = await RawClient.connect(`${brain.url}?model=test`);
  open.push(client);
  await client.until("session.created");
  return client;
}

function say(text: string): Record<string, unknown> {
  const content = [{ type: "input_text", text }];
  return { type: "conversation.item.create", item: { type: "message", role: "user", content } };
}

function errorOf(event: ServerFrame): { code: string; message: string; param: unknown; event_id: unknown } {
  return event.error as { code: string; message: string; param: unknown; event_id: unknown };
}

function responseOf(event: ServerFrame): Record<string, unknown> & { output: Record<string, unknown>[] } {
  return event.response as Record<string, unknown> & { output: Record<string, unknown>[] };
}

test("a session opens with its id and the time it expires, and no two events share an id", async () => {
  const { client } = await start();
  await client.ask(say("hello"), "conversation.item.done");
  await client.ask({ type: "response.create" }, "response.done");
  const session = client.events[0]?.session as Record<string, unknown>;
  expect(client.events[0]?.type).toBe("session.created");
  expect(session.id).toStartWith("sess_");
  expect(session.expires_at as number).toBeGreaterThan(Date.now() / 1000);
  expect(session.model).toBe("test");
  const ids = client.events.map((event) => event.event_id);
  expect(ids.every((id) => typeof id === "string" && id.startsWith("event_"))).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});

test("every response that was created is done once, with everything it opened closed before", async () => {
  const { client } = await start({
    answers: [{ say: "One moment. I look.", calls: [{ name: "look", arguments: { direction: "up" } }] }],
  });
  await client.ask({ type: "response.create" }, "response.done");
  expect(client.types().filter((type) => type === "response.created")).toHaveLength(1);
  expect(client.types().filter((type) => type === "response.done")).toHaveLength(1);
  expectClosed(client);
});

test("a cancelled response closes what it opened and says nothing afterwards", async () => {
  const { client } = await start({ answers: ["A long story. ".repeat(40)], speed: 1 });
  client.send({ type: "response.create" });
  await client.until("response.output_audio.delta");
  const done = await client.ask({ type: "response.cancel" }, "response.done");
  expect(responseOf(done).status).toBe("cancelled");
  expect(responseOf(done).status_details).toEqual({ type: "cancelled", reason: "client_cancelled" });
  expect(responseOf(done).output[0]?.status).toBe("incomplete");
  expectClosed(client);
  await Bun.sleep(150);
  await client.settled();
  expect(client.events.at(-2)?.type).toBe("response.done");
});

/** Everything that was added is done, and it is done before the response is. */
function expectClosed(client: RawClient): void {
  const done = client.types().lastIndexOf("response.done");
  for (const [opened, closed] of [
    ["response.output_item.added", "response.output_item.done"],
    ["response.content_part.added", "response.content_part.done"],
    ["conversation.item.added", "conversation.item.done"],
  ] as const) {
    expect(client.all(closed)).toHaveLength(client.all(opened).length);
    expect(client.types().lastIndexOf(closed)).toBeLessThan(done);
  }
}

test("deltas add up to what the done events and the item say, and only retrieve carries audio", async () => {
  const args = { name: "a name that is longer than one delta", sides: 20 };
  const { client } = await start({
    answers: [{ say: "Here I go. Watch me!", calls: [{ name: "roll", arguments: args }] }],
  });
  const done = await client.ask({ type: "response.create" }, "response.done");
  const joined = (type: string) =>
    client
      .all(type)
      .map((event) => event.delta)
      .join("");
  const [message, call] = responseOf(done).output;
  const transcript = client.all("response.output_audio_transcript.done")[0]?.transcript;
  expect(transcript).toBe("Here I go. Watch me!");
  expect(joined("response.output_audio_transcript.delta")).toBe(transcript as string);
  expect(message?.content).toEqual([{ type: "output_audio", transcript }]);
  expect(JSON.parse(joined("response.function_call_arguments.delta"))).toEqual(args);
  expect(client.all("response.function_call_arguments.delta").length).toBeGreaterThan(1);
  const argsDone = client.all("response.function_call_arguments.done")[0];
  expect(argsDone).toMatchObject({
    name: "roll",
    arguments: joined("response.function_call_arguments.delta"),
  });
  expect(call).toMatchObject({ arguments: argsDone?.arguments, call_id: argsDone?.call_id });
  for (const event of client.events) {
    if (event.type.endsWith(".done")) expect(JSON.stringify(event)).not.toContain('"audio":"');
  }
  const audio = client.all("response.output_audio.delta").map((event) => event.delta as string);
  const bytes = Buffer.concat(audio.map((delta) => Buffer.from(delta, "base64")));
  const retrieve = { type: "conversation.item.retrieve", item_id: message?.id };
  const retrieved = (await client.ask(retrieve, "conversation.item.retrieved")).item as {
    content: { audio: string }[];
  };
  expect(Buffer.from(retrieved.content[0]?.audio ?? "", "base64").equals(bytes)).toBe(true);
  expect(bytes.length).toBeGreaterThan(10_000);
});

test("a text answer streams text and no audio", async () => {
  const { client } = await start({ answers: ["Just words on a screen."] });
  const create = { type: "response.create", response: { output_modalities: ["text"] } };
  const done = await client.ask(create, "response.done");
  const text = client
    .all("response.output_text.delta")
    .map((event) => event.delta)
    .join("");
  expect(text).toBe("Just words on a screen.");
  expect(client.all("response.output_text.done")[0]?.text).toBe(text);
  expect(responseOf(done).output[0]?.content).toEqual([{ type: "output_text", text }]);
  expect(client.types().some((type) => type.includes("audio"))).toBe(false);
});

test("indexes count from zero and the items are a chain without gaps", async () => {
  const call = { name: "look", arguments: {} };
  const { brain, client } = await start({ answers: [{ say: "So.", calls: [call, call] }, "Done."] });
  await client.ask(say("look twice"), "conversation.item.done");
  await client.ask({ type: "response.create" }, "response.done");
  await client.ask({ type: "response.create" }, "response.done");
  const added = client.all("response.output_item.added").map((event) => event.output_index);
  expect(added).toEqual([0, 1, 2, 0]);
  for (const event of client.all("response.content_part.added")) expect(event.content_index).toBe(0);
  let last: unknown = null;
  for (const event of client.all("conversation.item.added")) {
    expect(event.previous_item_id ?? null).toBe(last as string | null);
    last = (event.item as { id: string }).id;
  }
  const items = client.all("conversation.item.added").map((event) => (event.item as { id: string }).id);
  expect(brain.sessions[0]?.items.map((item) => item.id)).toEqual(items);
  for (const id of items) {
    const at = (type: string) =>
      client.events.findIndex((event) => event.type === type && (event.item as { id: string }).id === id);
    expect(at("conversation.item.added")).toBeLessThan(at("conversation.item.done"));
  }
});

test("items go where previous_item_id says, and an unknown one is refused without inserting", async () => {
  const { brain, client } = await start();
  const at = (id: string, previous_item_id: string | null) => ({
    ...say(id),
    item: { ...(say(id).item as object), id },
    previous_item_id,
  });
  await client.ask(at("b", null), "conversation.item.done");
  const first = await client.ask(at("a", "root"), "conversation.item.added");
  expect(first.previous_item_id).toBeNull();
  const second = await client.ask(at("ab", "a"), "conversation.item.added");
  expect(second.previous_item_id).toBe("a");
  const refused = await client.ask({ ...at("x", "nobody"), event_id: "e7" }, "error");
  expect(errorOf(refused)).toMatchObject({
    code: "invalid_value",
    param: "previous_item_id",
    event_id: "e7",
  });
  expect(errorOf(await client.ask(at("a", null), "error")).param).toBe("item.id");
  expect(brain.sessions[0]?.items.map((item) => item.id)).toEqual(["a", "ab", "b"]);
});

test("appends are silent, everything else is answered or refused with the client's event_id", async () => {
  const { client } = await start();
  client.append(new Int16Array(4800));
  await client.settled();
  expect(client.types()).toEqual(["session.created", "input_audio_buffer.cleared"]);
  const asked: [Record<string, unknown>, string][] = [
    [{ type: "session.update", session: { type: "realtime" } }, "session.updated"],
    [say("hi"), "conversation.item.added"],
    [{ type: "input_audio_buffer.clear" }, "input_audio_buffer.cleared"],
    [{ type: "response.create" }, "response.created"],
  ];
  for (const [event, answer] of asked) await client.ask(event, answer);
  await client.until("response.done");
  const wrong: [Record<string, unknown>, string][] = [
    [{ type: "conversation.item.retrieve", item_id: "no" }, "item_retrieve_invalid_item_id"],
    [{ type: "conversation.item.delete", item_id: "no" }, "item_delete_invalid_item_id"],
    [{ type: "input_audio_buffer.append", audio: "?" }, "invalid_value"],
    [{ type: "input_audio_buffer.append", audio: "AAAA" }, "invalid_value"],
    [{ type: "input_audio_buffer.append" }, "missing_required_parameter"],
    [{ type: "input_audio_buffer.clear", now: true }, "unknown_parameter"],
    [{ type: "be.nice" }, "invalid_value"],
    [{ kind: "nothing" }, "missing_required_parameter"],
    [{ type: "conversation.item.create", item: { type: "message", role: "king" } }, "invalid_value"],
    [
      { type: "conversation.item.create", item: { type: "function_call_output", call_id: "c".repeat(33) } },
      "string_above_max_length",
    ],
  ];
  for (const [at, [event, code]] of wrong.entries()) {
    const refused = errorOf(await client.ask({ ...event, event_id: `e${at}` }, "error"));
    expect([refused.code, refused.event_id]).toEqual([code, `e${at}`]);
  }
});

test("a second response is refused while one runs, and so is a cancellation when none does", async () => {
  const { client } = await start({ answers: ["I take my time. ".repeat(20)], speed: 1 });
  const idle = errorOf(await client.ask({ type: "response.cancel", event_id: "c0" }, "error"));
  expect([idle.code, idle.event_id]).toEqual(["response_cancel_not_active", "c0"]);
  await client.ask({ type: "response.create" }, "response.output_audio.delta");
  const second = errorOf(await client.ask({ type: "response.create", event_id: "c1" }, "error"));
  expect([second.code, second.event_id]).toEqual(["conversation_already_has_active_response", "c1"]);
  await client.ask({ type: "response.cancel" }, "response.done");
});

test("a scripted brain names no event when it refuses a second response", async () => {
  const { client } = await start({ answers: ["Slowly. ".repeat(20)], speed: 1, anonymousErrors: true });
  await client.ask({ type: "response.create" }, "response.created");
  const second = errorOf(await client.ask({ type: "response.create", event_id: "c1" }, "error"));
  expect([second.code, second.event_id]).toEqual(["conversation_already_has_active_response", null]);
});

test("a commit of less than 100 ms is refused", async () => {
  const { client } = await start();
  client.append(new Int16Array(24 * 99));
  const refused = errorOf(await client.ask({ type: "input_audio_buffer.commit", event_id: "e" }, "error"));
  expect([refused.code, refused.event_id]).toEqual(["input_audio_buffer_commit_empty", "e"]);
  expect(refused.message).toContain("99.00ms");
  client.append(new Int16Array(24));
  await client.ask({ type: "input_audio_buffer.commit" }, "input_audio_buffer.committed");
});

test("truncation cuts audio that was sent, removes its transcript, and is refused for anything else", async () => {
  const { brain, client } = await start({ answers: ["Nine little words are said here in one go."] });
  const user = (await client.ask(say("talk"), "conversation.item.done")).item as { id: string };
  const done = await client.ask({ type: "response.create" }, "response.done");
  const id = responseOf(done).output[0]?.id as string;
  const cut = (item_id: string, audio_end_ms: number) => ({
    type: "conversation.item.truncate",
    item_id,
    content_index: 0,
    audio_end_ms,
  });
  const lengthMs = "Nine little words are said here in one go.".length * 60;
  expect(errorOf(await client.ask(cut(id, lengthMs + 1), "error"))).toMatchObject({
    code: "invalid_value",
    message: `Audio content of ${lengthMs}ms is already shorter than ${lengthMs + 1}ms.`,
  });
  expect(errorOf(await client.ask(cut(user.id, 10), "error")).code).toBe("unsupported_content_type");
  expect(errorOf(await client.ask(cut("nobody", 10), "error")).code).toBe("item_truncate_invalid_item_id");
  const truncated = await client.ask(cut(id, 1000), "conversation.item.truncated");
  expect(truncated).toMatchObject({ item_id: id, content_index: 0, audio_end_ms: 1000 });
  const retrieve = { type: "conversation.item.retrieve", item_id: id };
  const item = (await client.ask(retrieve, "conversation.item.retrieved")).item as {
    content: { transcript?: string; audio: string }[];
  };
  expect(item.content[0]).not.toHaveProperty("transcript");
  expect(Buffer.from(item.content[0]?.audio ?? "", "base64").length).toBe(48_000);
  expect(errorOf(await client.ask(cut(id, 1001), "error")).message).toContain("1000ms is already shorter");
  await client.ask({ type: "response.create" }, "response.done");
  expect(brain.asked.at(-1)).toEqual([
    { kind: "user", text: "talk", accepted: true, spoken: false },
    { kind: "assistant", text: "Nine little words are" },
  ]);
});

test("an answer in text cannot be truncated", async () => {
  const { client } = await start({ answers: ["Words."] });
  const create = { type: "response.create", response: { output_modalities: ["text"] } };
  const id = responseOf(await client.ask(create, "response.done")).output[0]?.id;
  const cut = { type: "conversation.item.truncate", item_id: id, content_index: 0, audio_end_ms: 0 };
  expect(errorOf(await client.ask(cut, "error")).code).toBe("unsupported_content_type");
});

test("a deleted item is gone from the conversation", async () => {
  const { brain, client } = await start();
  const { id } = (await client.ask(say("secret"), "conversation.item.done")).item as { id: string };
  const deleted = await client.ask(
    { type: "conversation.item.delete", item_id: id },
    "conversation.item.deleted",
  );
  expect(deleted.item_id).toBe(id);
  await client.ask({ type: "response.create" }, "response.done");
  expect(brain.asked[0]).toEqual([]);
});

test("frames that are no events are refused and the socket stays open", async () => {
  const { client } = await start();
  for (const frame of ["{", "[]", "7", "null", "", new Uint8Array([1, 2, 3])]) {
    client.sendRaw(frame);
    expect(errorOf(await client.until("error")).code).toBe("invalid_event");
  }
  await client.ask(say("still here"), "conversation.item.done");
  await client.ping();
});

test("an append of 11 MiB is taken, a longer one refused, and a frame of 17 MiB closes that socket only", async () => {
  const { brain, client } = await start();
  const other = await join(brain);
  client.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(11 * 2 ** 20).toString("base64") });
  await client.settled();
  expect(client.types()).not.toContain("error");
  client.send({ type: "input_audio_buffer.append", audio: "A".repeat(15 * 2 ** 20 + 4) });
  expect(errorOf(await client.until("error")).code).toBe("string_above_max_length");
  client.sendRaw("x".repeat(17 * 2 ** 20));
  expect((await client.closed).code).toBe(1009);
  await other.settled();
});

test("an out-of-band response leaves no trace and may run beside the main one", async () => {
  const { brain, client } = await start({ answers: ["Long and slow it goes. ".repeat(20)], speed: 1 });
  const { id } = (await client.ask(say("one"), "conversation.item.done")).item as { id: string };
  await client.ask({ type: "response.create" }, "response.output_audio.delta");
  const before = brain.sessions[0]?.items.length;
  const aside = {
    conversation: "none",
    output_modalities: ["text"],
    instructions: "sum up",
    metadata: { topic: "summary" },
    input: [{ type: "item_reference", id }, say("two").item],
  };
  const done = responseOf(await client.ask({ type: "response.create", response: aside }, "response.done"));
  expect(done).toMatchObject({ conversation_id: null, metadata: { topic: "summary" }, status: "completed" });
  expect(brain.sessions[0]?.items.length).toBe(before as number);
  const own = done.output[0]?.id;
  const traces = client.events.filter((event) => (event.item as { id?: string } | undefined)?.id === own);
  expect(traces.map((event) => event.type)).toEqual([
    "response.output_item.added",
    "response.output_item.done",
  ]);
  expect(brain.asked.at(-1)?.map((entry) => (entry.kind === "user" ? entry.text : "?"))).toEqual([
    "one",
    "two",
  ]);
  const main = responseOf(await client.ask({ type: "response.cancel" }, "response.done"));
  expect(main).toMatchObject({ status: "cancelled", metadata: null });
});

test("after a tool's result the mind is asked again with call and result", async () => {
  const { brain, client } = await start({
    answers: [{ calls: [{ name: "measure", arguments: {} }] }, "Forty centimetres."],
  });
  await client.ask(say("how far"), "conversation.item.done");
  const done = responseOf(await client.ask({ type: "response.create" }, "response.done"));
  const call_id = done.output[0]?.call_id as string;
  const output = { type: "function_call_output", call_id, output: '{"distance_m":0.4}' };
  await client.ask({ type: "conversation.item.create", item: output }, "conversation.item.done");
  await client.ask({ type: "response.create" }, "response.done");
  expect(brain.asked[1]?.slice(1)).toEqual([
    { kind: "call", callId: call_id, name: "measure", arguments: "{}" },
    { kind: "result", callId: call_id, output: '{"distance_m":0.4}' },
  ]);
});

test("a response has a usage count and stops at its token limit", async () => {
  const { client } = await start({ answers: ["Many words that take a good while to be said aloud."] });
  const whole = responseOf(await client.ask({ type: "response.create" }, "response.done"));
  const usage = whole.usage as { total_tokens: number; output_token_details: { audio_tokens: number } };
  expect(usage.output_token_details.audio_tokens).toBe(62);
  expect(usage.total_tokens).toBeGreaterThan(62);
  const limited = { type: "response.create", response: { max_output_tokens: 20 } };
  const cut = responseOf(await client.ask(limited, "response.done"));
  expect(cut.status_details).toEqual({ type: "incomplete", reason: "max_output_tokens" });
  expect(cut.output[0]?.status).toBe("incomplete");
});
