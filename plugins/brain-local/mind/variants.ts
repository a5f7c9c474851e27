/** Sentences of one meaning: an example that matches `from` is said in the ways of `to`, itself among them. */
interface Variant {
  /** Over the example as text, with single blanks; groups are used as $1 in `to`. */
  from: RegExp;
  to: readonly string[];
}

const VARIANTS: readonly Variant[] = [
  {
    from: /^(?:move|go|drive) (?:forward|ahead) \{(\w+)\}$/,
    to: [
      "(move|go|drive|roll) [straight] (forward|forwards|ahead) {$1}",
      "(move|go|drive|come) {$1} (forward|ahead|straight ahead)",
      "come (closer|forward) {$1}",
      "come {$1} (closer|nearer)",
    ],
  },
  {
    from: /^(?:move|go|drive) back \{(\w+)\}$/,
    to: [
      "(move|go|drive|roll) [straight] (back|backward|backwards) {-$1}",
      "(move|go|drive) {-$1} (back|backward|backwards)",
      "(back up|back off|reverse) {-$1}",
    ],
  },
  {
    from: /^(?:turn|rotate) (?:to the )?left \{(\w+)\}$/,
    to: [
      "(turn|rotate) [to the|to your] left {$1}",
      "(turn|rotate) {$1} [to the|to your] left",
      "(turn|rotate) counterclockwise {$1}",
      "turn around {$1=180}",
      "(turn|spin) (all the way around|in a circle) {$1=360}",
    ],
  },
  {
    from: /^(?:turn|rotate) (?:to the )?right \{(\w+)\}$/,
    to: [
      "(turn|rotate) [to the|to your] right {-$1}",
      "(turn|rotate) {-$1} [to the|to your] right",
      "(turn|rotate) clockwise {-$1}",
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
    from: /^(?:take (?:a|the) (?:picture|photo)|what (?:do|can) you see)$/,
    to: [
      "take [me] (a|the|another) (picture|photo|photograph) [of that|of this|of it]",
      "what (do|can) you see [there]",
      "what is in front of you",
    ],
  },
  {
    from: /^(?:how far (?:away )?is (?:the wall|it)|what is the distance|measure the distance)$/,
    to: [
      "how far [away] is (the|that) (wall|obstacle)",
      "how far [away] is it [to the wall]",
      "how far away are you [from the wall]",
      "what is the distance [to the wall]",
      "measure the distance [to the wall]",
    ],
  },
  {
    from: /^(?:play (?:a|the) sound|make a (?:sound|noise))$/,
    to: ["play (a|the|some|another) sound", "make (a|some) (sound|noise)"],
  },
  { from: /^look (?:straight )?ahead$/, to: ["look [straight] ahead"] },
  { from: /^look (?:to the )?(left|right)$/, to: ["look [to the|to your] $1"] },
  { from: /^look (?:to the )?\{(\w+)\}$/, to: ["look [to the|to your|straight] {$1}"] },
];

/** Words that say the opposite of a parameter's positive direction. */
const NEGATIVE_WORDS = /\b(?:back|reverse|right|clockwise|down|lower|less)\b/;

/** True when an example is about the negative direction of its number. */
export function saysNegative(example: string): boolean {
  return NEGATIVE_WORDS.test(example.replace(/\{[^{}]*\}/g, " "));
}

/** The ways to say an example, in the notation of phrases; a word after which others mean the same is a choice of them. */
export function variantsOf(example: string): string[] {
  const plain = example.replace(/\{-/g, "{");
  for (const { from, to } of VARIANTS) {
    const match = from.exec(plain);
    if (match) return to.map((text) => text.replaceAll("$1", match[1] ?? ""));
  }
  return [
    example.replace(/(?<![[(|]\s?)\b(?:a|the)\b(?= (?!bit|little|lot|few|half|quarter)[a-z])/g, "(a|the)"),
  ];
}
