import { describe, expect, test } from "bun:test";
import { numberWords, readNumber } from "../../plugins/brain-local/mind/numbers.ts";
import { type QuantityKind, readQuantities } from "../../plugins/brain-local/mind/quantity.ts";
import { sentenceWords } from "../../plugins/brain-local/mind/words.ts";

/** The one quantity that all words of the text make. */
function quantity(kind: QuantityKind, text: string): number | undefined {
  const words = sentenceWords(text);
  return readQuantities(kind, words, 0).find((reading) => reading.next === words.length)?.value;
}

test("every whole number up to ten thousand is read back from its words", () => {
  for (let value = 0; value <= 10_000; value++) {
    const words = numberWords(value).split(" ");
    expect(readNumber(words, 0)).toEqual({ value, next: words.length });
  }
});

test("decimals and negative numbers are read back from their words", () => {
  for (let hundredths = -1000; hundredths <= 1000; hundredths++) {
    const value = hundredths / 100;
    const words = numberWords(value).split(" ");
    expect(readNumber(words, 0)?.value).toBeCloseTo(value, 9);
    expect(readNumber(words, 0)?.next).toBe(words.length);
  }
});

test.each([
  ["one hundred and twenty", 120],
  ["a hundred", 100],
  ["a thousand and one", 1001],
  ["two hundred five", 205],
  ["one and a half", 1.5],
  ["three quarters", 0.75],
  ["a quarter", 0.25],
  ["half", 0.5],
  ["two and three quarters", 2.75],
  ["minus four", -4],
  ["zero point oh five", 0.05],
])("%s is %p", (text, value) => {
  const words = text.split(" ");
  expect(readNumber(words, 0)).toEqual({ value, next: words.length });
});

test.each(["", "and", "point five", "meters", "hundred", "the two"])(
  '"%s" does not begin with a number',
  (text) => {
    expect(readNumber(text.split(" "), 0)).toBeNull();
  },
);

test("a number ends where the next one begins", () => {
  expect(readNumber("twenty five".split(" "), 0)).toEqual({ value: 25, next: 2 });
  expect(readNumber("five twenty".split(" "), 0)).toEqual({ value: 5, next: 1 });
  expect(readNumber("twenty eleven".split(" "), 0)).toEqual({ value: 20, next: 1 });
  expect(readNumber("two and take a picture".split(" "), 0)).toEqual({ value: 2, next: 1 });
});

describe("lengths come out in meters", () => {
  test.each([
    ["fifty centimetres", 0.5],
    ["fifty centimeters", 0.5],
    ["by fifty centimeters", 0.5],
    ["50 cm", 0.5],
    ["50cm", 0.5],
    ["0.5 m", 0.5],
    ["½ m", 0.5],
    ["1½ metres", 1.5],
    ["1,5 m", 1.5],
    ["1/4 m", 0.25],
    ["half a meter", 0.5],
    ["a half meter", 0.5],
    ["half a metre", 0.5],
    ["a quarter of a meter", 0.25],
    ["three quarters of a meter", 0.75],
    ["a meter", 1],
    ["a meter and a half", 1.5],
    ["one and a half meters", 1.5],
    ["two point five meters", 2.5],
    ["one hundred and twenty centimeters", 1.2],
    ["300 mm", 0.3],
    ["three feet", 0.9144],
    ["a foot", 0.3048],
    ["ten inches", 0.254],
    ["a little", 0.2],
    ["a little bit", 0.2],
    ["a bit", 0.2],
  ])("%s is %p m", (text, meters) => expect(quantity("length", text)).toBeCloseTo(meters, 6));
});

describe("angles come out in degrees", () => {
  test.each([
    ["ninety degrees", 90],
    ["90°", 90],
    ["90 deg", 90],
    ["ninety", 90],
    ["a quarter turn", 90],
    ["half a turn", 180],
    ["a half turn", 180],
    ["a full circle", 360],
    ["a full turn", 360],
    ["three quarters of a turn", 270],
    ["all the way around", 360],
    ["one hundred and eighty degrees", 180],
    ["a little", 15],
  ])("%s is %p degrees", (text, degrees) => expect(quantity("angle", text)).toBeCloseTo(degrees, 6));
});

describe("durations and speeds come out in seconds and meters per second", () => {
  test.each([
    ["duration", "ten seconds", 10],
    ["duration", "10 s", 10],
    ["duration", "one and a half minutes", 90],
    ["duration", "half a minute", 30],
    ["duration", "500 ms", 0.5],
    ["speed", "zero point two meters per second", 0.2],
    ["speed", "0.2 m/s", 0.2],
    ["speed", "twenty centimeters per second", 0.2],
    ["percent", "80 %", 80],
    ["count", "six", 6],
  ] as const)("%s: %s is %p", (kind, text, value) => expect(quantity(kind, text)).toBeCloseTo(value, 6));
});

test("a number without a unit is no length: fifty of what would be a guess", () => {
  expect(quantity("length", "fifty")).toBeUndefined();
});
