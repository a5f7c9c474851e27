import { expect, test } from "bun:test";
import { VirtualClock } from "../../plugins/brain-local/clock.ts";
import type { Hearing, Recognizer } from "../../plugins/brain-local/contracts.ts";
import { Ear, StableWords } from "../../plugins/brain-local/ear.ts";
import { CommandMind } from "../../plugins/brain-local/mind/mind.ts";
import { newId } from "../../plugins/brain-local/ids.ts";
import { SampleStore } from "../../plugins/brain-local/sample-store.ts";
import { sentencesOf, wordGroups } from "../../plugins/brain-local/sentences.ts";
import { CachedVoice } from "../../plugins/brain-local/voice-cache.ts";

test("ids fit the limit of 32 characters and do not repeat", () => {
  const ids = Array.from({ length: 2000 }, () => newId("event"));
  expect(new Set(ids).size).toBe(2000);
  expect(Math.max(...ids.map((id) => id.length))).toBeLessThanOrEqual(32);
});

test("sentences are cut where a voice would breathe, numbers stay whole", () => {
  expect(sentencesOf("I moved 0.5 m. Then  I stopped! Why? An obstacle… at 1.5 m.")).toEqual([
    "I moved 0.5 m.",
    "Then I stopped!",
    "Why?",
    "An obstacle…",
    "at 1.5 m.",
  ]);
  expect(sentencesOf("  ")).toEqual([]);
});

test("word groups concatenate to the text", () => {
  for (const text of ["", "one", "one two three four five", "  odd  spacing \n here ", "é ñ 漢字 😀 x"]) {
    for (const words of [1, 3]) expect(wordGroups(text, words).join("")).toBe(text);
  }
});

test("stable words never take back what was told, whatever the recogniser changes its mind to", () => {
  const stable = new StableWords();
  const told = ["turn", "turn left", "turn left night", "turn left ninety degrees"].map((text) =>
    stable.partial(text),
  );
  expect(told).toEqual(["", "turn", " left", " ninety"]);
  expect(stable.partial("tern lest ninety degrees please")).toBe("");
  expect(stable.final("turn left ninety degrees")).toBe(" degrees");
  expect(new StableWords().final("stop")).toBe("stop");
});

test("a store keeps positions while old samples are forgotten", () => {
  const store = new SampleStore();
  const all: number[] = [];
  for (let block = 0; block < 200; block++) {
    const pcm = Int16Array.from({ length: 700 + block }, (_, at) => (block * 131 + at) % 30_000);
    store.append(pcm);
    all.push(...pcm);
    store.forget(all.length - 900);
    expect(store.end).toBe(all.length);
    const from = all.length - 900 + (block % 7);
    expect([...store.view(Math.max(from, 0), all.length)]).toEqual(all.slice(Math.max(from, 0)));
  }
});

test("the voice keeps what it said last within its limit, and asks once for the same sentence", async () => {
  const asked: string[] = [];
  const voice = new CachedVoice(
    {
      names: () => ["v"],
      async synthesize(text) {
        asked.push(text);
        if (text === "broken") throw new Error("no voice");
        return new Int16Array(500);
      },
    },
    3000,
  );
  await Promise.all([voice.synthesize("a"), voice.synthesize("a")]);
  for (const text of ["b", "c", "a"]) await voice.synthesize(text);
  expect(asked).toEqual(["a", "b", "c"]);
  await voice.synthesize("d");
  await voice.synthesize("a");
  expect(asked).toEqual(["a", "b", "c", "d"]);
  await voice.synthesize("b");
  expect(asked.at(-1)).toBe("b");
  await voice.synthesize("a", "other");
  expect(asked.at(-1)).toBe("a");
  for (let i = 0; i < 2; i++) await expect(voice.synthesize("broken")).rejects.toThrow("no voice");
  expect(asked.filter((text) => text === "broken")).toHaveLength(2);
});

test("time on a virtual clock passes in order and only when told to", async () => {
  const clock = new VirtualClock(0);
  const ran: string[] = [];
  clock.after(20, () => ran.push(`b at ${clock.nowMs()}`));
  clock.after(10, () => {
    ran.push(`a at ${clock.nowMs()}`);
    clock.after(5, () => ran.push(`then at ${clock.nowMs()}`));
  });
  const cancel = clock.after(12, () => ran.push("cancelled"));
  cancel();
  await clock.advance(15);
  expect(ran).toEqual(["a at 10", "then at 15"]);
  await clock.advance(100);
  expect(ran.at(-1)).toBe("b at 20");
  expect(clock.nowMs()).toBe(115);
});

test("a recogniser that throws in the middle spoils that utterance only", async () => {
  let broken = true;
  const recognizer: Recognizer = {
    setTools() {
      throw new Error("no such grammar");
    },
    start() {},
    write() {
      if (broken) throw new Error("bad audio");
      return null;
    },
    finish: (): Hearing => ({ text: "fine", accepted: true, confidence: 1 }),
    close() {},
  };
  const faults: string[] = [];
  const ear = new Ear(Promise.resolve(recognizer), (message) => faults.push(message));
  ear.setTools([]);
  ear.start(() => {});
  ear.write(new Int16Array(480));
  await expect(ear.finish()).rejects.toThrow("bad audio");
  broken = false;
  ear.start(() => {});
  ear.write(new Int16Array(480));
  expect(await ear.finish()).toMatchObject({ text: "fine" });
  expect(faults).toEqual(["The tools were not learnt: Error: no such grammar"]);
  ear.close();
});

const STOP_TOOL = { name: "stop", description: "Stops.", parameters: { type: "object", properties: {} } };
const STOP = { kind: "user", text: "stop", accepted: true, spoken: true } as const;

test("a command that was answered already, perhaps by another server, is not obeyed twice", () => {
  const mind = new CommandMind();
  const session = { tools: [STOP_TOOL], instructions: "" };
  expect(mind.think([STOP], session).calls).toHaveLength(1);
  const note = { kind: "system", text: "The conversation above goes on." } as const;
  expect(mind.think([STOP, note], session).calls).toHaveLength(1);
  expect(mind.think([STOP, { kind: "assistant", text: "Stopped." }, note], session).calls).toBeUndefined();
});

test("a sentence that the instructions ask for is said, and nothing is done", () => {
  const mind = new CommandMind();
  const instructions =
    'You are a robot.\n\nSay this in the language of the conversation, and nothing else: "I am back." Call no tool.';
  expect(mind.think([STOP], { tools: [STOP_TOOL], instructions })).toEqual({ say: "I am back." });
});
