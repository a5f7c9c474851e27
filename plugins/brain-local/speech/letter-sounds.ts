/** Spellings and their sounds in ARPAbet, longest first within a length; what is not here is read letter by letter. */
const SOUNDS: Record<string, string> = {
  ...{
    tion: "SH AH N",
    sion: "ZH AH N",
    ough: "OW",
    eigh: "EY",
    augh: "AO",
    tch: "CH",
    sch: "S K",
    igh: "AY",
  },
  ...{ dge: "JH", ear: "IH R", air: "EH R", ure: "Y UH R", ous: "AH S", ing: "IH NG", que: "K" },
  ...{
    ch: "CH",
    sh: "SH",
    th: "TH",
    ph: "F",
    wh: "W",
    ck: "K",
    ng: "NG",
    qu: "K W",
    kn: "N",
    wr: "R",
    gh: "G",
  },
  ...{
    ee: "IY",
    ea: "IY",
    oo: "UW",
    ou: "AW",
    ow: "OW",
    oi: "OY",
    oy: "OY",
    ai: "EY",
    ay: "EY",
    ei: "IY",
    ey: "IY",
  },
  ...{
    au: "AO",
    aw: "AO",
    oa: "OW",
    ie: "IY",
    ue: "UW",
    ew: "UW",
    ui: "UW",
    eu: "Y UW",
    ar: "AA R",
    er: "ER",
  },
  ...{ ir: "ER", or: "AO R", ur: "ER", ce: "S EH", ci: "S IH", cy: "S IY", ge: "JH EH", gi: "JH IH" },
  ...{
    bb: "B",
    cc: "K",
    dd: "D",
    ff: "F",
    gg: "G",
    ll: "L",
    mm: "M",
    nn: "N",
    pp: "P",
    rr: "R",
    ss: "S",
    tt: "T",
    zz: "Z",
  },
  ...{
    a: "AE",
    b: "B",
    c: "K",
    d: "D",
    e: "EH",
    f: "F",
    g: "G",
    h: "HH",
    i: "IH",
    j: "JH",
    k: "K",
    l: "L",
    m: "M",
  },
  ...{
    n: "N",
    o: "AA",
    p: "P",
    q: "K",
    r: "R",
    s: "S",
    t: "T",
    u: "AH",
    v: "V",
    w: "W",
    x: "K S",
    y: "Y",
    z: "Z",
  },
};
/** Names of the letters, for words without a vowel ("tts"). */
const NAMES: Record<string, string> = {
  ...{
    a: "EY",
    b: "B IY",
    c: "S IY",
    d: "D IY",
    e: "IY",
    f: "EH F",
    g: "JH IY",
    h: "EY CH",
    i: "AY",
    j: "JH EY",
  },
  ...{
    k: "K EY",
    l: "EH L",
    m: "EH M",
    n: "EH N",
    o: "OW",
    p: "P IY",
    q: "K Y UW",
    r: "AA R",
    s: "EH S",
    t: "T IY",
  },
  ...{ u: "Y UW", v: "V IY", w: "D AH B AH L Y UW", x: "EH K S", y: "W AY", z: "Z IY" },
};
const LONG_VOWELS: Record<string, string> = { a: "EY", e: "IY", i: "AY", o: "OW", u: "UW" };
const LONGEST = 4;

/**
 * A guess at how an English word that no dictionary has is said, in ARPAbet: names, brands, made-up words. Right often
 * enough for a grammar, where a word only has to differ from its neighbours.
 */
export function letterSounds(word: string): string {
  const letters = word.toLowerCase().replace(/[^a-z]/g, "");
  if (letters === "") return "SIL";
  if (!/[aeiouy]/.test(letters)) return Array.from(letters, (letter) => NAMES[letter]).join(" ");
  const sounds: string[] = [];
  for (let at = 0; at < letters.length;) {
    const rest = letters.slice(at);
    const magic = /^([aeiou])([bcdfgklmnprstvz])e(s?)$/.exec(rest);
    if (magic) {
      const consonant = magic[2] === "c" ? "S" : magic[2] === "g" ? "JH" : SOUNDS[magic[2]!]!;
      sounds.push(LONG_VOWELS[magic[1]!]!, consonant, ...(magic[3] ? ["S"] : []));
      break;
    }
    if (rest === "e" && sounds.length > 1) break;
    if (rest === "y" && at > 0) {
      sounds.push(sounds.length > 1 ? "IY" : "AY");
      break;
    }
    if (rest === "o" || rest === "a") {
      sounds.push(rest === "o" ? "OW" : "AH");
      break;
    }
    let length = Math.min(LONGEST, rest.length);
    while (length > 1 && !(rest.slice(0, length) in SOUNDS)) length--;
    sounds.push(SOUNDS[rest.slice(0, length)]!);
    at += length;
  }
  return sounds.join(" ");
}
