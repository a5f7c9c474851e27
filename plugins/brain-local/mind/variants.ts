/** Sentences of one meaning: an example that matches `from` is also said in the ways of `to`. */
interface Variant {
  /** Over the example as text, with single blanks; groups are used as $1 in `to`. */
  from: RegExp;
  to: readonly string[];
}

const VARIANTS: readonly Variant[] = [
  {
    from: /^(?:move|go|drive) (?:forward|ahead) \{(\w+)\}$/,
    to: [
      "(move|go|drive|roll) [straight] (forward|ahead) [{$1}]",
      "(move|go|drive|come) {$1} (forward|ahead|straight ahead)",
      "come (closer|forward) [{$1}]",
      "come {$1} (closer|nearer)",
    ],
  },
  {
    from: /^(?:move|go|drive) back \{(\w+)\}$/,
    to: [
      "(move|go|drive|roll) [straight] back [{-$1}]",
      "(move|go|drive) {-$1} back",
      "(back up|back off|reverse) [{-$1}]",
    ],
  },
  {
    from: /^(?:turn|rotate) left \{(\w+)\}$/,
    to: [
      "(turn|rotate) [to the|to your] left [{$1}]",
      "(turn|rotate) {$1} [to the|to your] left",
      "(turn|rotate) counterclockwise [{$1}]",
      "turn around {$1=180}",
      "(turn|spin) (all the way around|in a circle) {$1=360}",
    ],
  },
  {
    from: /^(?:turn|rotate) right \{(\w+)\}$/,
    to: [
      "(turn|rotate) [to the|to your] right [{-$1}]",
      "(turn|rotate) {-$1} [to the|to your] right",
      "(turn|rotate) clockwise [{-$1}]",
    ],
  },
  {
    from: /^(?:stop|halt)(?: moving| now)?$/,
    to: [
      "stop [moving|driving|it|right there|that]",
      "halt",
      "freeze",
      "stand still",
      "do not move",
      "stop stop [stop]",
    ],
  },
  {
    from: /^take (?:a|the) (?:picture|photo)$/,
    to: [
      "take [me] (a|the|another) (picture|photo|photograph) [of that|of this|of it]",
      "what (do|can) you see [there]",
      "what is in front of you",
    ],
  },
  {
    from: /^how far (?:away )?is (?:the wall|it)$/,
    to: [
      "how far [away] is (the|that) (wall|obstacle)",
      "how far [away] is it [to the wall]",
      "how far away are you [from the wall]",
      "what is the distance [to the wall]",
      "measure the distance [to the wall]",
    ],
  },
  {
    from: /^play (?:a|the) sound$/,
    to: ["play (a|the|some|another) sound", "make (a|some) (sound|noise)"],
  },
  { from: /^look (?:straight )?ahead$/, to: ["look [straight] ahead", "look (forward|straight)"] },
  { from: /^look (left|right)$/, to: ["look [to the|to your] $1"] },
];

/** Words that say the opposite of a parameter's positive direction. */
const NEGATIVE_WORDS = /\b(?:back|reverse|right|clockwise|down|lower|less)\b/;

/** True when an example is about the negative direction of its number. */
export function saysNegative(example: string): boolean {
  return NEGATIVE_WORDS.test(example.replace(/\{[^{}]*\}/g, " "));
}

/** An example as a phrase in notation, and others of the same meaning. Without a sign, `{x}` after a negative word is `{-x}`. */
export function variantsOf(example: string): string[] {
  const found = [example];
  for (const { from, to } of VARIANTS) {
    const match = from.exec(example.replace(/\{-/g, "{"));
    if (match) found.push(...to.map((text) => text.replaceAll("$1", match[1] ?? "")));
  }
  return found;
}
