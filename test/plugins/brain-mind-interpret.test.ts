import { beforeAll, describe, expect, test } from "bun:test";
import type { SpokenTool } from "../../plugins/brain-local/contracts.ts";
import { Interpreter, type Meaning } from "../../plugins/brain-local/mind/interpret.ts";
import { LAMP_TOOL, robotTools } from "../fixtures/robot-tools.ts";

let robot: Interpreter;
beforeAll(async () => {
  robot = new Interpreter(await robotTools());
});

function tool(
  name: string,
  properties: SpokenTool["parameters"]["properties"],
  examples: string[],
): SpokenTool {
  const list = examples.map((example) => `"${example}"`).join("; ");
  const description = `Does it.${examples.length > 0 ? ` Examples: ${list}.` : ""}`;
  const required = Object.keys(properties ?? {});
  return { name, description, parameters: { type: "object", properties: properties ?? {}, required } };
}

function call(name: string, args: Record<string, unknown> = {}): Meaning {
  return { kind: "calls", calls: [{ name, arguments: args }] };
}

describe("sentences become calls in the units of the tool", () => {
  test.each([
    ["move forward fifty centimetres", "move", { distance_m: 0.5 }],
    ["Move forward 50 cm, please.", "move", { distance_m: 0.5 }],
    ["go 0.5m forward", "move", { distance_m: 0.5 }],
    ["could you drive ahead two and a half meters", "move", { distance_m: 2.5 }],
    ["go back a little", "move", { distance_m: -0.2 }],
    ["move backwards half a metre", "move", { distance_m: -0.5 }],
    ["reverse ten centimeters", "move", { distance_m: -0.1 }],
    ["go forward", "move", { distance_m: 0.3 }],
    ["go back", "move", { distance_m: -0.3 }],
    ["turn left ninety degrees", "turn", { angle_deg: 90 }],
    ["turn right 90°", "turn", { angle_deg: -90 }],
    ["turn ninety degrees to the right", "turn", { angle_deg: -90 }],
    ["turn right", "turn", { angle_deg: -90 }],
    ["turn left a quarter turn", "turn", { angle_deg: 90 }],
    ["turn around", "turn", { angle_deg: 180 }],
    ["turn left a little", "turn", { angle_deg: 20 }],
    ["look up", "look", { direction: "up" }],
    ["look to the left", "look", { direction: "left" }],
    ["look straight ahead", "look", { direction: "ahead" }],
    ["how far is the wall", "measure_distance", {}],
    ["How far away is the wall?", "measure_distance", {}],
    ["take a picture", "take_snapshot", {}],
    ["take a pic", "take_snapshot", {}],
    ["what can you see", "take_snapshot", {}],
    ["play a sound", "play_sound", {}],
    ["play the horn", "play_sound", { name: "horn" }],
    ["stop", "stop", {}],
    ["hey robot, stop moving!", "stop", {}],
    ["stop right now", "stop", {}],
    ["turn right now", "turn", { angle_deg: -90 }],
    ["take a picture right now", "take_snapshot", {}],
    ["roll the dice", "roll_dice", {}],
    ["roll a dice with 12 sides", "roll_dice", { sides: 12 }],
  ])("%s", (text, name, args) => expect(robot.interpret(text)).toEqual(call(name, args)));
});

test("commands joined by and, then or a comma become calls in their order", () => {
  const names = (text: string) => {
    const meaning = robot.interpret(text);
    return meaning.kind === "calls" ? meaning.calls.map((one) => one.name) : meaning.kind;
  };
  expect(names("come a bit closer and take a picture")).toEqual(["come_closer", "take_snapshot"]);
  expect(names("turn around, go forward one and a half meters, then stop")).toEqual(["turn", "move", "stop"]);
  expect(names("Look up. Take a picture.")).toEqual(["look", "take_snapshot"]);
  expect(names("turn right one hundred and twenty degrees and then look down")).toEqual(["turn", "look"]);
  expect(names("look up and dance")).toBe("unknown");
});

test("a sentence that is not understood to its last word means nothing", async () => {
  const files = ["others-tuning", "others-held-out", "others-fresh"];
  for (const file of files) {
    const text = await Bun.file(new URL(`../fixtures/sentences/${file}.txt`, import.meta.url)).text();
    for (const line of text.trim().split("\n"))
      expect([line, robot.interpret(line).kind]).toEqual([line, "unknown"]);
  }
  for (const text of [
    "",
    "   ",
    "!?",
    "forward",
    "turn",
    "move fifty",
    "don't move back",
    "never turn left",
    "the turn left",
  ]) {
    expect([text, robot.interpret(text).kind]).toEqual([text, "unknown"]);
  }
});

test("a value outside its range is refused with the bound, not clamped", () => {
  expect(robot.interpret("move forward ten meters")).toEqual({
    kind: "refusal",
    reason: "I did nothing: the distance can be at most 3 meters, not 10 meters.",
  });
  expect(robot.interpret("go back four meters").kind).toBe("refusal");
  expect(robot.interpret("roll a dice with one side").kind).toBe("unknown");
  expect(robot.interpret("roll a dice with one sides")).toMatchObject({
    reason: expect.stringContaining("at least 2"),
  });
  expect(robot.interpret("roll a dice with two and a half sides")).toMatchObject({
    reason: "The sides must be a whole number.",
  });
  expect(robot.interpret("look up and move forward ten meters").kind).toBe("refusal");
});

describe("a third party's tool without examples is called by its name and parameters", () => {
  const lamp = new Interpreter([
    LAMP_TOOL,
    tool("roll_dice", { sides: { type: "integer", minimum: 2 } }, []),
  ]);
  test.each([
    ["set the lamp to red", "set_lamp", { color: "red" }],
    ["set lamp to sky blue", "set_lamp", { color: "sky-blue" }],
    ["please set the lamp with color warm white", "set_lamp", { color: "warm_white" }],
    ["set the lamp to red with blinking", "set_lamp", { color: "red", blinking: true }],
    ["set the lamp red without blinking", "set_lamp", { color: "red", blinking: false }],
    ["set the lamp red blinking on", "set_lamp", { color: "red", blinking: true }],
    ["set the lamp to red for ten seconds", "set_lamp", { color: "red", duration_s: 10 }],
    ["roll a dice with twelve sides", "roll_dice", { sides: 12 }],
  ])("%s", (text, name, args) => expect(lamp.interpret(text)).toEqual(call(name, args)));

  test("a value that is missing is asked for", () => {
    expect(lamp.interpret("roll the dice").kind).toBe("refusal");
    const asks = new Interpreter([
      tool("roll_dice", { sides: { type: "integer" } }, ["roll {sides} sides", "roll"]),
    ]);
    expect(asks.interpret("roll")).toEqual({
      kind: "refusal",
      reason: "How many sides? Say it like this: roll ten sides.",
    });
  });
});

test("an example's word of direction turns the sign only where the range goes below zero", () => {
  const back = { distance_m: { type: "number", minimum: 0, maximum: 2 } };
  const oneWay = new Interpreter([tool("retreat", back, ["go back {distance_m}"])]);
  expect(oneWay.interpret("go back one meter")).toEqual(call("retreat", { distance_m: 1 }));
  const tilt = { tilt_deg: { type: "number", minimum: -30, maximum: 30 } };
  const both = new Interpreter([tool("tilt", tilt, ["tilt up {tilt_deg}", "tilt down {tilt_deg}"])]);
  expect(both.interpret("tilt down twenty degrees")).toEqual(call("tilt", { tilt_deg: -20 }));
  expect(both.interpret("tilt up twenty degrees")).toEqual(call("tilt", { tilt_deg: 20 }));
});

test("values are converted to the unit that the parameter's name ends in", () => {
  const units = new Interpreter([
    tool("lift", { height_cm: { type: "number" } }, ["lift it {height_cm}"]),
    tool("wait", { pause_ms: { type: "integer" } }, ["wait {pause_ms}"]),
  ]);
  expect(units.interpret("lift it half a meter")).toEqual(call("lift", { height_cm: 50 }));
  expect(units.interpret("wait two and a half seconds")).toEqual(call("wait", { pause_ms: 2500 }));
});

test("an amount written into an example stands for any amount", () => {
  const spin = new Interpreter([
    tool("spin", { turns: { type: "integer", maximum: 9 } }, ["spin three times"]),
  ]);
  expect(spin.interpret("spin five times")).toEqual(call("spin", { turns: 5 }));
});

test("free text can be typed", () => {
  const note = new Interpreter([tool("take_note", { text: { type: "string" } }, ["write down {text}"])]);
  expect(note.interpret("write down buy more milk")).toEqual(call("take_note", { text: "buy more milk" }));
});

test("an example with broken notation or an unknown parameter is left out with a warning that names it", () => {
  const broken = new Interpreter([
    tool("hop", {}, ["hop [once", "hop {height_m}", "hop on"]),
    tool("sing", {}, ["sing (loud"]),
  ]);
  expect(broken.interpret("hop on")).toEqual(call("hop"));
  expect(broken.warnings).toHaveLength(4);
  expect(broken.warnings[0]).toContain('"hop": the example "hop [once"');
  expect(broken.warnings[1]).toContain('no parameter "height_m"');
  expect(broken.warnings[3]).toBe('Tool "sing" cannot be called by voice.');
});
