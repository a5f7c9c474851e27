import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { decodeWav, resample } from "myna";
import type { SpokenTool } from "../../plugins/brain-local/contracts.ts";
import { Interpreter } from "../../plugins/brain-local/mind/interpret.ts";
import { PocketsphinxRecognizer } from "../../plugins/brain-local/speech/recognizer-pocketsphinx.ts";
import { difference, rivalGrammar } from "../../plugins/brain-local/speech/rivals.ts";
import { speechAvailable } from "../../plugins/brain-local/speech/sphinx-library.ts";
import { FliteVoice } from "../../plugins/brain-local/speech/voice-flite.ts";
import { LAMP_TOOL, robotTools } from "../fixtures/robot-tools.ts";

const flite = new FliteVoice();
let tools: SpokenTool[];
let recognizer: PocketsphinxRecognizer;

beforeAll(async () => {
  const { hint } = speechAvailable();
  if (hint !== undefined) throw new Error(hint);
  tools = await robotTools();
  recognizer = new PocketsphinxRecognizer();
});
afterAll(() => recognizer?.close());

/** The sound of a sentence between two silences, as the server hands it over. */
async function speak(sentence: string, voice = "slt"): Promise<Int16Array> {
  return surrounded(await flite.synthesize(sentence, voice));
}

function surrounded(speech: Int16Array): Int16Array {
  const pcm = new Int16Array(7200 + speech.length + 9600);
  pcm.set(speech, 7200);
  return pcm;
}

function hear(pcm: Int16Array): { text: string; accepted: boolean; confidence: number; partials: string[] } {
  const partials: string[] = [];
  recognizer.start();
  for (let at = 0; at < pcm.length; at += 480) {
    const partial = recognizer.write(pcm.subarray(at, at + 480));
    if (partial !== null) partials.push(partial);
  }
  return { ...recognizer.finish(), partials };
}

describe("spoken sentences become the calls that were meant", () => {
  test.each([
    ["move forward fifty centimetres", "slt"],
    ["turn left ninety degrees", "slt"],
    ["go back a little", "rms"],
    ["how far is the wall", "slt"],
    ["take a picture", "awb"],
    ["play a sound", "slt"],
    ["look up", "rms"],
    ["stop", "slt"],
    ["what did I just ask you", "slt"],
    ["come a bit closer and take a picture", "slt"],
    ["roll a dice with six sides", "rms"],
    ["please turn right forty five degrees", "kal16"],
  ])("%s (%s)", async (sentence, voice) => {
    recognizer.setTools(tools);
    const heard = hear(await speak(sentence, voice));
    const interpreter = new Interpreter(tools);
    expect({ ...heard, meaning: interpreter.interpret(heard.text) }).toMatchObject({
      accepted: true,
      meaning: interpreter.interpret(sentence),
    });
  });
});

describe("what is not in the grammar is not accepted", () => {
  test.each([
    "my grandmother bakes wonderful bread",
    "the movers went forward with the plan",
    "the left wing won the election",
    "my sister lives in a big house",
    "what is the weather going to be like tomorrow",
  ])("%s", async (sentence) => {
    recognizer.setTools(tools);
    expect(hear(await speak(sentence)).accepted).toBe(false);
  });

  test("silence, noise and a tone", () => {
    recognizer.setTools(tools);
    let seed = 3;
    const noise = Int16Array.from({ length: 24_000 }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
      return (seed / 0x40000000 - 1) * 6000;
    });
    const tone = Int16Array.from(
      { length: 24_000 },
      (_, at) => 9000 * Math.sin((2 * Math.PI * 440 * at) / 24_000),
    );
    for (const pcm of [new Int16Array(24_000), noise, tone, new Int16Array(0)]) {
      expect(hear(pcm).accepted).toBe(false);
    }
  });
});

test("words appear while they are spoken", async () => {
  recognizer.setTools(tools);
  const { partials, text } = hear(await speak("turn left ninety degrees"));
  expect(partials.length).toBeGreaterThan(2);
  expect(partials.some((partial) => partial.startsWith("turn left") && partial !== text)).toBe(true);
});

test("a new tool is understood from the next utterance on, words that no dictionary has included", async () => {
  const warnings: string[] = [];
  const other = new PocketsphinxRecognizer((message) => warnings.push(message));
  const blorp: SpokenTool = {
    name: "blorp",
    description: 'Blorps. Examples: "activate the zorblax".',
    parameters: { type: "object" },
  };
  const listen = (pcm: Int16Array) => {
    other.start();
    other.write(pcm);
    return other.finish();
  };
  try {
    const lamp = await speak("set the lamp to red");
    expect(listen(lamp).accepted).toBe(false);
    other.setTools([LAMP_TOOL, blorp]);
    expect(listen(lamp)).toMatchObject({ text: "set the lamp to red", accepted: true });
    expect(listen(await speak("activate the zorblax")).text).toBe("activate the zorblax");
    expect(warnings).toEqual([expect.stringContaining('"zorblax"')]);
  } finally {
    other.close();
  }
});

test("an utterance that was not finished is dropped by the next one", async () => {
  recognizer.setTools(tools);
  recognizer.start();
  recognizer.write(await speak("turn left"));
  expect(hear(await speak("take a picture")).text).toBe("take a picture");
  expect(recognizer.finish()).toEqual({ text: "", accepted: false, confidence: 0 });
});

test("the sentence is there within 150 ms of the end of the audio", async () => {
  recognizer.setTools(tools);
  recognizer.start();
  recognizer.write(await speak("come a bit closer and take a picture"));
  const startMs = performance.now();
  recognizer.finish();
  expect(performance.now() - startMs).toBeLessThan(150);
});

test("recognisers give their memory back", () => {
  const cycle = () => {
    const one = new PocketsphinxRecognizer();
    one.setTools(tools);
    one.start();
    one.write(new Int16Array(24_000));
    one.close();
    one.close();
  };
  for (let count = 0; count < 5; count++) cycle();
  Bun.gc(true);
  const before = process.memoryUsage().rss;
  for (let count = 0; count < 15; count++) cycle();
  Bun.gc(true);
  expect((process.memoryUsage().rss - before) / 1e6).toBeLessThan(60);
});

describe("a direction or a number that sounds like another is not believed", () => {
  test.each([
    ["move forward fifty centimeters", "en-us", 175],
    ["move forward fifty centimeters", "en", 175],
    ["can you go forward fifty centimeters", "en", 160],
    ["drive ahead eighty centimeters", "en", 175],
  ])(
    "%s (espeak-ng %s, %d words a minute, the first sentence heard)",
    async (sentence, voice, wordsPerMinute) => {
      expect(Bun.which("espeak-ng") ?? "the Debian package espeak-ng is missing").toContain("/espeak-ng");
      const child = Bun.spawn(["espeak-ng", "-v", voice, "-s", String(wordsPerMinute), "--stdout", sentence]);
      const { pcm } = decodeWav(new Uint8Array(await new Response(child.stdout).arrayBuffer()));
      const interpreter = new Interpreter(tools);
      const fresh = new PocketsphinxRecognizer();
      try {
        fresh.setTools(tools);
        fresh.write(surrounded(pcm));
        const { text, accepted, doubt } = fresh.finish();
        const right = Bun.deepEquals(interpreter.interpret(text), interpreter.interpret(sentence));
        if (doubt) expect(accepted).toBe(false);
        if (!right) expect({ text, accepted }).toEqual({ text, accepted: false });
      } finally {
        fresh.close();
      }
    },
  );

  test("a telephone's band and eight bits are understood, also as the first thing heard", async () => {
    const fresh = new PocketsphinxRecognizer();
    try {
      fresh.setTools(tools);
      const line = resample(
        resample(await speak("move forward fifty centimeters"), 24_000, 8000),
        8000,
        24_000,
      );
      fresh.write(line.map((sample) => (sample >> 8) << 8));
      expect(fresh.finish()).toMatchObject({ text: "move forward fifty centimeters", accepted: true });
    } finally {
      fresh.close();
    }
  });

  test("the rivals of a sentence are the opposite directions and all other numbers", () => {
    expect(rivalGrammar("take a picture")).toBeNull();
    const grammar = rivalGrammar("go back forty five centimeters") ?? "";
    expect(grammar).toContain("/1/ go back forty five centimeters\n");
    expect(grammar).toContain("/ go (forward | forwards | ahead) forty five centimeters\n");
    expect(grammar).toContain("/ go back (one | two");
    expect(grammar).toContain(" (twenty | thirty | fifty | sixty");
    expect(grammar).toContain("| forty [one | two | three | four | six |");
  });

  test("what two sentences do not share is named in words that can be asked about", () => {
    expect(difference("go back one meter", "go forward one meter")).toEqual(["back", "forward"]);
    expect(difference("turn left twenty two degrees", "turn left ninety degrees")).toEqual([
      "twenty two",
      "ninety",
    ]);
    expect(difference("turn left forty", "turn left forty four")).toEqual(["forty", "forty four"]);
  });
});
