import { beforeAll, describe, expect, test } from "bun:test";
import type { Remembered, SpokenTool, Thought } from "../../plugins/brain-local/contracts.ts";
import { CommandMind } from "../../plugins/brain-local/mind/mind.ts";
import { robotTools } from "../fixtures/robot-tools.ts";

let tools: SpokenTool[];
beforeAll(async () => {
  tools = await robotTools();
});

function user(text: string, accepted = true): Remembered {
  return { kind: "user", text, accepted, spoken: true };
}

function think(...conversation: Remembered[]): Thought {
  return new CommandMind().think(conversation, { tools, instructions: "" });
}

function results(...outputs: string[]): Remembered[] {
  return outputs.flatMap((output, index): Remembered[] => [
    { kind: "call", callId: `c${index}`, name: "any", arguments: "{}" },
    { kind: "result", callId: `c${index}`, output },
  ]);
}

test("a command becomes a call; before what takes time the robot says that it has heard", () => {
  expect(think(user("move forward fifty centimeters"))).toEqual({
    say: "Okay.",
    calls: [{ name: "move", arguments: { distance_m: 0.5 } }],
  });
  expect(think(user("how far is the wall"))).toEqual({
    calls: [{ name: "measure_distance", arguments: {} }],
  });
});

test("several commands are done one after the other, and told together", () => {
  const asked = user("come a bit closer and take a picture");
  expect(think(asked).calls?.map((call) => call.name)).toEqual(["come_closer"]);
  const [call, came] = results('{"summary":"I came closer."}');
  expect(think(asked, call!, came!)).toEqual({ calls: [{ name: "take_snapshot", arguments: {} }] });
  const both = results('{"summary":"I came closer."}', '{"summary":"I took a picture."}');
  expect(think(asked, ...both)).toEqual({ say: "I came closer. I took a picture." });
});

test("a command that another server began is not obeyed a second time", () => {
  const asked = user("move forward two meters");
  const okay: Remembered = { kind: "assistant", text: "Okay." };
  const anchor = (text: string): Remembered => ({ kind: "system", text });
  const running = anchor(
    'The conversation goes on. Still running: move({"distance_m":2}); its result follows.',
  );
  expect(think(asked, okay, running)).toEqual({ say: "I am still at it." });
  const note = anchor(
    'The tool move, called with {"distance_m":2} before the interruption, has returned: {"ended":"link_lost","summary":"I stopped after half a meter."}',
  );
  expect(think(asked, okay, running, note)).toEqual({ say: "I stopped after half a meter." });
  const line = anchor(
    'The tool move was called with {"distance_m":2} and returned: {"summary":"I am there."}',
  );
  expect(think(asked, okay, line)).toEqual({ say: "I am there." });
  expect(think(asked, okay, running, user("turn left"), note).calls?.[0]?.name).toBe("turn");
});

test("after a command that failed the others are left", () => {
  const failed = results('{"error":"DEVICE_FAILED","message":"the wheels are stuck"}');
  const thought = think(user("come a bit closer and take a picture"), ...failed);
  expect(thought).toEqual({ say: "I could not do that: the wheels are stuck." });
});

test("a sentence that was not trusted and holds a stop does nothing after it", () => {
  const asked = {
    kind: "user",
    text: "stop and move forward one meter",
    accepted: false,
    spoken: true,
  } as const;
  expect(think(asked)).toEqual({ calls: [{ name: "stop", arguments: {} }] });
  const [call, result] = results('{"summary":"I am standing still."}');
  expect(think(asked, call!, result!).calls).toBeUndefined();
});

describe("after the calls it says what was done, from what the tools returned", () => {
  test.each([
    [
      '{"moved_m":0.38,"summary":"I moved 38 cm and stopped at an obstacle."}',
      "I moved 38 cm and stopped at an obstacle.",
    ],
    ['"rolled a 5 with 6 sides"', "Rolled a 5 with 6 sides."],
    ["plain text", "Plain text."],
    ['{"distance_m":0.38}', "Distance 38 cm."],
    ['{"distance_m":1.25,"angle_deg":-30,"charging":false}', "Distance 1.25 m, angle -30°, not charging."],
    ['{"error":"DEVICE_FAILED","message":"The sensor is gone"}', "I could not do that: the sensor is gone."],
    ["{}", "Done."],
    ["", "Done."],
    ["true", "Done."],
  ])("%s", (output, said) => expect(think(user("do it"), ...results(output))).toEqual({ say: said }));

  test("several results are said in order, the same one once, a picture by its caption", () => {
    const thought = think(
      user("do it"),
      ...results(
        '{"summary":"I turned left."}',
        '{"summary":"I took a picture."}',
        '{"summary":"I turned left."}',
      ),
      { kind: "image", caption: "a red ball" },
    );
    expect(thought).toEqual({ say: "I turned left. I took a picture. A red ball." });
  });
});

test("what was not understood or not accepted calls nothing and hears what can be said", () => {
  for (const entry of [
    user("the soup needs salt"),
    user("turn left ninety degrees", false),
    user("", false),
  ]) {
    const thought = think(entry);
    expect(thought.calls).toBeUndefined();
    expect(thought.say).toContain("You can say:");
  }
});

test("a direction or a number in doubt is asked about and moves nothing", () => {
  const entry = { kind: "user", text: "go back one meter", accepted: false, spoken: true } as const;
  expect(think({ ...entry, doubt: ["back", "forward"] })).toEqual({
    say: "Did you say back or forward? Please say the whole sentence again.",
  });
});

test("stop is honoured however badly it was heard", () => {
  for (const entry of [
    user("stop", false),
    user("turn left stop moving", false),
    user("oh no stop it robot"),
  ]) {
    expect(think(entry)).toEqual({ calls: [{ name: "stop", arguments: {} }] });
  }
  expect(think(user("do not stop")).calls).toBeUndefined();
});

test("it remembers the last sentence that it was sure of", () => {
  const conversation: Remembered[] = [
    user("look up"),
    ...results('{"summary":"I am looking up."}'),
    { kind: "assistant", text: "I am looking up." },
    user("noise", false),
    { kind: "assistant", text: "I did not understand that." },
  ];
  expect(think(...conversation, user("what did i just ask you"))).toEqual({ say: "You said: Look up." });
  expect(think(user("what did i just ask you"))).toEqual({ say: "You have not asked me anything yet." });
});

test("it greets, is thanked, tells its name and what it can do", () => {
  for (const text of [
    "hello",
    "thank you",
    "what is your name",
    "how are you",
    "goodbye",
    "never mind",
    "yes",
  ]) {
    const thought = think(user(text));
    expect(thought.calls).toBeUndefined();
    expect(thought.say).toBeTruthy();
    expect(thought.say).not.toContain("understand");
  }
  expect(think(user("what can you do")).say).toContain("roll a dice");
  expect(think().say).toBeTruthy();
});

test("a refusal is said and does nothing", () => {
  const thought = think(user("move forward ten meters"));
  expect(thought).toEqual({ say: "I did nothing: the distance can be at most 3 meters, not 10 meters." });
});

test("each warning about a tool is given once", () => {
  const warnings: string[] = [];
  const mind = new CommandMind((message) => warnings.push(message));
  const broken: SpokenTool = {
    name: "hop",
    description: 'Hops. Examples: "hop [high".',
    parameters: { type: "object" },
  };
  for (const extra of [0, 1, 2]) {
    const list = [broken, ...tools.slice(0, extra)];
    mind.think([user("hello")], { tools: list, instructions: "" });
  }
  expect(new Set(warnings).size).toBe(warnings.length);
  expect(warnings[0]).toContain("hop [high");
});
