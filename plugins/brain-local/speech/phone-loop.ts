import { type Segment, SphinxDecoder } from "./sphinx-decoder.ts";

/** The phones of the model (CMU ARPAbet). */
const PHONES =
  "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split(
    " ",
  );

/**
 * A decoder that hears any sequence of phones and no words: what the sound is like when nothing is expected of it. A
 * sentence is measured against it.
 */
export function createPhoneLoop(): SphinxDecoder {
  const decoder = new SphinxDecoder();
  const words = PHONES.map((phone) => phone.toLowerCase());
  for (const [index, word] of words.entries()) decoder.addWord(word, PHONES[index]!);
  decoder.setGrammar(
    "phones",
    `#JSGF V1.0;\ngrammar phones;\n<phone> = ${words.join(" | ")};\npublic <phones> = <phone>+;\n`,
  );
  decoder.select("phones");
  return decoder;
}

/** The phone of a segment of the phone loop; null for silence and noise. */
export function phoneOf(segment: Segment): string | null {
  const phone = segment.word.toUpperCase();
  return PHONES.includes(phone) ? phone : null;
}
