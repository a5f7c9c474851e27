/** Words below twenty by value. */
const ONES = (
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
  "seventeen eighteen nineteen"
).split(" ");
/** Words of the tens by value / 10. */
const TENS = ["", "", ..."twenty thirty forty fifty sixty seventy eighty ninety".split(" ")];
const VALUES = new Map([
  ...ONES.map((word, value): [string, number] => [word, value]),
  ...TENS.map((word, ten): [string, number] => [word, 10 * ten]),
]);
VALUES.delete("");
VALUES.set("oh", 0);

/** A value read from words: where the words after it begin. */
export interface Reading<Value = number> {
  value: Value;
  next: number;
}

/** A number in words, as a person reads it aloud: 38 is "thirty eight", 0.5 "zero point five", -2 "minus two". */
export function numberWords(value: number): string {
  if (value < 0) return `minus ${numberWords(-value)}`;
  const [whole = "0", fraction] = (Math.round(value * 1e6) / 1e6).toString().split(".");
  if (!/^\d+$/.test(whole) || (fraction !== undefined && !/^\d+$/.test(fraction))) return String(value);
  const words = integerWords(Number(whole));
  return fraction === undefined
    ? words
    : `${words} point ${Array.from(fraction, (digit) => ONES[Number(digit)]).join(" ")}`;
}

function integerWords(value: number): string {
  if (value < 20) return ONES[value]!;
  if (value < 100) return joined(TENS[Math.floor(value / 10)]!, value % 10);
  if (value < 1000) return joined(`${ONES[Math.floor(value / 100)]} hundred`, value % 100);
  if (value < 1e6) return joined(`${integerWords(Math.floor(value / 1000))} thousand`, value % 1000);
  if (value < 1e12) return joined(`${integerWords(Math.floor(value / 1e6))} million`, value % 1e6);
  return Array.from(String(value), (digit) => ONES[Number(digit)] ?? digit).join(" ");
}

function joined(words: string, rest: number): string {
  return rest === 0 ? words : `${words} ${integerWords(rest)}`;
}

/**
 * The longest number that begins at `words[at]`: "minus two hundred and five point five", "three quarters", "one and a
 * half", "a half", "2.5". Null when there is none.
 */
export function readNumber(words: readonly string[], at: number): Reading | null {
  const negative = words[at] === "minus" || words[at] === "negative";
  const found = readPositive(words, negative ? at + 1 : at);
  return found && negative ? { value: -found.value, next: found.next } : found;
}

function readPositive(words: readonly string[], at: number): Reading | null {
  const whole = readDigits(words, at) ?? readInteger(words, at);
  const fraction = readFraction(words, at);
  if (fraction && fraction.next > (whole?.next ?? at)) return fraction;
  if (!whole) return null;
  if (words[whole.next] === "point") {
    const decimals = readDecimals(words, whole.next + 1);
    if (decimals) return { value: whole.value + decimals.value, next: decimals.next };
  }
  if (words[whole.next] === "and") {
    const rest = readFraction(words, whole.next + 1);
    if (rest) return { value: whole.value + rest.value, next: rest.next };
  }
  return whole;
}

function readDigits(words: readonly string[], at: number): Reading | null {
  const word = words[at];
  return word !== undefined && /^[+-]?\d+(\.\d+)?$/.test(word) ? { value: Number(word), next: at + 1 } : null;
}

/** "a half", "half", "a quarter", "three quarters", "a third", "two thirds". */
function readFraction(words: readonly string[], at: number): Reading | null {
  const article = words[at] === "a" || words[at] === "one";
  const start = article ? at + 1 : at;
  if (words[start] === "half") return { value: 0.5, next: start + 1 };
  if (words[start] === "quarter") return { value: 0.25, next: start + 1 };
  if (words[start] === "third") return { value: 1 / 3, next: start + 1 };
  const count = VALUES.get(words[at] ?? "");
  if (count === undefined) return null;
  if (words[at + 1] === "quarters") return { value: count / 4, next: at + 2 };
  if (words[at + 1] === "thirds") return { value: count / 3, next: at + 2 };
  return null;
}

function readDecimals(words: readonly string[], at: number): Reading | null {
  let digits = "";
  let next = at;
  for (; next < words.length; next++) {
    const value = VALUES.get(words[next]!);
    const text = value === undefined ? (/^\d+$/.exec(words[next]!)?.[0] ?? "") : String(value);
    if (text === "") break;
    digits += text;
  }
  return digits === "" ? null : { value: Number(`0.${digits}`), next };
}

/** Whole numbers below a million; "a hundred" and "one hundred and twenty" included. */
function readInteger(words: readonly string[], at: number): Reading | null {
  let total = 0;
  let part = 0;
  let next = at;
  let found = false;
  /** What may follow: after "twenty" only 1 to 9, after "hundred" anything below 100. */
  let room = 100;
  while (next < words.length) {
    const word = words[next]!;
    const value = VALUES.get(word);
    if (value !== undefined && value < room && !(found && value === 0)) {
      part += value;
      room = value >= 20 && value % 10 === 0 ? 10 : 0;
      found = true;
      next++;
    } else if (word === "hundred" && found && part > 0 && part < 100 && part % 100 === part) {
      part *= 100;
      room = 100;
      next++;
    } else if (word === "a" && !found && (words[next + 1] === "hundred" || words[next + 1] === "thousand")) {
      part = 1;
      room = 0;
      found = true;
      next++;
    } else if (word === "thousand" && found && total === 0 && part > 0) {
      total = 1000 * part;
      part = 0;
      room = 100;
      next++;
    } else if (word === "and" && found && room === 100 && (VALUES.get(words[next + 1] ?? "") ?? 100) < 100) {
      next++;
    } else {
      break;
    }
  }
  return found ? { value: total + part, next } : null;
}
