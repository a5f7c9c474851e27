import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav, MynaError } from "myna";
import { Utterer } from "../../plugins/console-terminal/utterer.ts";

const BASE = mkdtempSync(join(tmpdir(), "myna-utterer-"));
afterAll(() => rmSync(BASE, { recursive: true }));

type Context = ConstructorParameters<typeof Utterer>[0];

/** A robot that writes down what reaches it. */
function robot(options: { deaf?: string; speech?: boolean; microphone?: "live" | "dead" } = {}) {
  const reached: string[] = [];
  const hints: string[] = [];
  const { deaf, speech = true, microphone = "live" } = options;
  const services: Record<string, unknown> = {
    brain: { hearing: () => (deaf === undefined ? { available: true } : { available: false, hint: deaf }) },
    ...(speech && {
      speech: {
        synthesize: (text: string, voice?: string) => {
          reached.push(`synthesize ${text} ${voice}`);
          return Promise.resolve(new Int16Array(text.length));
        },
      },
    }),
  };
  const ctx = {
    has: (name: string) => name in services,
    use: (name: string) => services[name],
    session: { sendText: (text: string) => void reached.push(`text ${text}`) },
    audio: {
      async feed(pcm: Int16Array, signal: AbortSignal) {
        reached.push(`feed ${pcm.length}`);
        if (microphone === "dead") await new Promise(() => {});
        await Bun.sleep(1);
        reached.push(`${signal.aborted ? "dropped" : "fed"} ${pcm.length}`);
      },
    },
    after: (_: number, run: () => void) => {
      const timer = setTimeout(run, microphone === "dead" ? 1 : 10_000);
      return () => clearTimeout(timer);
    },
  } as unknown as Context;
  return { reached, hints, utterer: new Utterer(ctx, "rms", (hint) => hints.push(hint)) };
}

function file(name: string, content: Uint8Array | string): string {
  const path = join(BASE, name);
  writeFileSync(path, content);
  return path;
}

test("a sentence is spoken in the user's voice into the microphone, one after the other", async () => {
  const { reached, utterer } = robot();
  await Promise.all([
    utterer.utter({ kind: "say", value: "hello" }),
    utterer.utter({ kind: "say", value: "go" }),
  ]);
  expect(reached).toEqual([
    "synthesize hello rms",
    "feed 5",
    "fed 5",
    "synthesize go rms",
    "feed 2",
    "fed 2",
  ]);
});

test("a robot without ears is written to, and says why once", async () => {
  const { reached, hints, utterer } = robot({ deaf: "no recogniser: apt-get install pocketsphinx" });
  await utterer.utter({ kind: "say", value: "hello" });
  await utterer.utter({ kind: "say", value: "again" });
  expect(reached).toEqual(["text hello", "text again"]);
  expect(hints).toEqual([
    "no recogniser: apt-get install pocketsphinx; what you type goes to the robot in writing",
  ]);
});

test("a robot without a voice for the user is written to", async () => {
  const { reached, hints, utterer } = robot({ speech: false });
  await utterer.utter({ kind: "say", value: "hello" });
  expect(reached).toEqual(["text hello"]);
  expect(hints).toHaveLength(1);
});

test("a WAV reaches the microphone at 24 kHz, mono", async () => {
  const { reached, utterer } = robot();
  const path = file("tone.wav", encodeWav(new Int16Array(800).fill(1000), 8000));
  await utterer.utter({ kind: "wav", value: path });
  const samples = Number(/^fed (\d+)$/.exec(reached.at(-1) ?? "")?.[1]);
  expect(Math.abs(samples - 2400)).toBeLessThan(100);
});

for (const [title, make, code, message] of [
  ["is not there", () => join(BASE, "none.wav"), "CONFIG_NOT_FOUND", "no such file"],
  ["is a folder", () => BASE, "CONFIG_INVALID", "cannot be read"],
  ["is empty", () => file("empty.wav", ""), "AUDIO_FORMAT", "empty"],
  ["is a text", () => file("text.wav", "hello, I am text"), "AUDIO_FORMAT", "WAV"],
  [
    "has no sound",
    () => file("silent.wav", encodeWav(new Int16Array(0), 8000)),
    "AUDIO_FORMAT",
    "no samples",
  ],
] as const) {
  test(`a file that ${title} is refused, and the next utterance is heard`, async () => {
    const { reached, utterer } = robot();
    const refused = utterer.utter({ kind: "wav", value: make() });
    const next = utterer.utter({ kind: "say", value: "hello" });
    const error = await refused.then(
      () => undefined,
      (thrown: Error & { code: string }) => thrown,
    );
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(message);
    await next;
    expect(reached.at(-1)).toBe("fed 5");
  });
}

test("a WAV for a robot without ears fails with the way to get them", async () => {
  const { reached, utterer } = robot({ deaf: "apt-get install pocketsphinx" });
  const path = file("deaf.wav", encodeWav(new Int16Array(800), 8000));
  await expect(utterer.utter({ kind: "wav", value: path })).rejects.toThrow("apt-get install pocketsphinx");
  expect(reached).toEqual([]);
});

test("a microphone that takes nothing does not hold the terminal for ever", async () => {
  const { utterer } = robot({ microphone: "dead" });
  await expect(utterer.utter({ kind: "say", value: "hello" })).rejects.toThrow(
    "did not take the sound within",
  );
});

test("a stop drops what is being spoken and what waits behind it, and the next sentence is said", async () => {
  const { reached, utterer } = robot();
  const before = [
    utterer.utter({ kind: "say", value: "forward" }),
    utterer.utter({ kind: "say", value: "faster" }),
  ];
  while (!reached.includes("feed 7")) await Promise.resolve();
  utterer.drop();
  await Promise.all(before);
  await utterer.utter({ kind: "say", value: "left" });
  expect(reached.filter((what) => !what.startsWith("synthesize"))).toEqual([
    "feed 7",
    "dropped 7",
    "feed 4",
    "fed 4",
  ]);
  expect(reached.some((what) => what.includes("faster"))).toBe(false);
});

test("a stop while the voice still speaks a sentence keeps it from the microphone", async () => {
  const { reached, utterer } = robot();
  const before = utterer.utter({ kind: "say", value: "forward" });
  utterer.drop();
  await before;
  expect(reached).toEqual([]);
});

/** A robot whose voice is gone until a test gives it back, and a clock in the test's hands. */
function voiceless() {
  const reached: string[] = [];
  const hints: string[] = [];
  const clock = { nowMs: 0, back: false };
  const gone = new MynaError(
    "SERVICE_UNAVAILABLE",
    "The local brain cannot be reached; it is started again.",
  );
  const services: Record<string, unknown> = {
    brain: { hearing: () => ({ available: true }) },
    speech: {
      synthesize: (text: string) =>
        clock.back ? Promise.resolve(new Int16Array(text.length)) : Promise.reject(gone),
    },
  };
  const ctx = {
    has: (name: string) => name in services,
    use: (name: string) => services[name],
    session: { sendText: () => {} },
    audio: { feed: async (pcm: Int16Array) => void reached.push(`fed ${pcm.length}`) },
    after: (ms: number, run: () => void) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  } as unknown as Context;
  const utterer = new Utterer(
    ctx,
    "rms",
    (hint) => hints.push(hint),
    () => clock.nowMs,
  );
  return { reached, hints, clock, utterer };
}

test("a sentence typed while the voice's process hangs is said when it is there again", async () => {
  const { reached, hints, clock, utterer } = voiceless();
  const said = utterer.utter({ kind: "say", value: "drive forward" });
  while (hints.length === 0) await Bun.sleep(1);
  clock.nowMs = 4900;
  clock.back = true;
  await said;
  expect(reached).toEqual(["fed 13"]);
  expect(hints).toEqual(["the robot's voice is gone; what you typed is said when it is back soon"]);
});

for (const [text, ageMs, is] of [
  ["drive forward two meters", 5100, "not said"],
  ["can you turn around?", 5100, "not said"],
  ["fahr vor", 5100, "not said"],
  ["what about going forward?", 5100, "not said"],
  ["what time is it?", 29_000, "said"],
  ["what time is it?", 31_000, "not said"],
] as const) {
  test(`"${text}" is ${is} ${ageMs} ms late`, async () => {
    const { reached, hints, clock, utterer } = voiceless();
    const said = utterer.utter({ kind: "say", value: text }).then(
      () => "said",
      (error: Error) => error.message,
    );
    while (hints.length === 0) await Bun.sleep(1);
    clock.nowMs = ageMs;
    clock.back = true;
    expect(await said).toMatch(is === "said" ? /^said$/ : /say it again/);
    expect(reached.length).toBe(is === "said" ? 1 : 0);
  });
}

test("of sentences typed while the voice is gone the last is kept, and a stop drops it", async () => {
  const { reached, hints, clock, utterer } = voiceless();
  const first = utterer.utter({ kind: "say", value: "one" });
  while (hints.length === 0) await Bun.sleep(1);
  const second = utterer.utter({ kind: "say", value: "second" });
  await expect(first).rejects.toThrow("you said something else");
  clock.back = true;
  await second;
  expect(reached).toEqual(["fed 6"]);
  clock.back = false;
  const third = utterer.utter({ kind: "say", value: "third" });
  while (hints.length < 3) await Bun.sleep(1);
  utterer.drop();
  await third;
  clock.back = true;
  await Bun.sleep(400);
  expect(reached).toEqual(["fed 6"]);
});
