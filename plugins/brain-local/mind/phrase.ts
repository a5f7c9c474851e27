/** A way to say something: parts in order. */
export type Phrase = Part[];

export type Part =
  | { kind: "word"; word: string }
  /** A spoken value of a parameter; `sign` -1 where the words say the opposite of what is positive. */
  | { kind: "slot"; name: string; sign: 1 | -1 }
  /** No words: the parameter has this value. */
  | { kind: "set"; name: string; value: unknown }
  /** No words: a value that the tool needs was not said. */
  | { kind: "missing"; name: string }
  | { kind: "any"; choices: Phrase[] };

/**
 * Reads the notation of phrases: words, `{parameter}`, `{-parameter}` (said with the opposite sign),
 * `{parameter=value}`, `[optional]`, `(one|another)`. Throws a SyntaxError for a bracket without its pair.
 */
export function parsePhrase(text: string): Phrase {
  const tokens = text.match(/\{[^{}]*\}|[()[\]|]|[^\s()[\]|{}]+/g) ?? [];
  let at = 0;

  function sequence(): Phrase {
    const parts: Phrase = [];
    for (let token = tokens[at]; token !== undefined && !/^[)\]|]$/.test(token); token = tokens[at]) {
      at++;
      if (token === "(" || token === "[") parts.push(group(token));
      else if (token.startsWith("{")) parts.push(argument(token.slice(1, -1).trim()));
      else parts.push({ kind: "word", word: token });
    }
    return parts;
  }

  function group(open: "(" | "["): Part {
    const choices = [sequence()];
    while (tokens[at] === "|") {
      at++;
      choices.push(sequence());
    }
    if (tokens[at] !== (open === "(" ? ")" : "]"))
      throw new SyntaxError(`"${open}" is not closed in "${text}"`);
    at++;
    if (open === "[") choices.push([]);
    return { kind: "any", choices };
  }

  const phrase = sequence();
  if (at < tokens.length) throw new SyntaxError(`"${tokens[at]}" has no beginning in "${text}"`);
  return phrase;
}

function argument(text: string): Part {
  const [name = "", value] = text.split("=", 2);
  if (value !== undefined) return { kind: "set", name, value: literal(value) };
  return name.startsWith("-")
    ? { kind: "slot", name: name.slice(1), sign: -1 }
    : { kind: "slot", name, sign: 1 };
}

function literal(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** Parts that stand for others, inside groups too; a function answers null to leave a part as it is. */
export function replaceParts(phrase: Phrase, replace: (part: Part) => Phrase | null): Phrase {
  return phrase.flatMap((part) => {
    const replaced = replace(part);
    if (replaced) return replaced;
    if (part.kind !== "any") return [part];
    return [{ kind: "any", choices: part.choices.map((choice) => replaceParts(choice, replace)) } as const];
  });
}

/** All words of a phrase, each once. */
export function wordsOf(phrase: Phrase): Set<string> {
  const words = new Set<string>();
  replaceParts(phrase, (part) => {
    if (part.kind === "word") words.add(part.word);
    return null;
  });
  return words;
}

/** What a match found out. */
export interface Match {
  /** Index of the first word that is not part of it. */
  next: number;
  values: Record<string, unknown>;
  /** Parameters that the tool needs and that were not said. */
  missing: string[];
}

/** Values that may stand at a place of the sentence, with the index after each, best first. */
export type SlotReader = (
  name: string,
  words: readonly string[],
  at: number,
) => { value: unknown; next: number }[];

/** Every way in which `phrase` fits `words` from `at` on. */
export function* matchPhrase(
  phrase: Phrase,
  words: readonly string[],
  at: number,
  read: SlotReader,
  index = 0,
): Generator<Match> {
  const part = phrase[index];
  if (!part) {
    yield { next: at, values: {}, missing: [] };
    return;
  }
  for (const head of matchPart(part, words, at, read)) {
    for (const tail of matchPhrase(phrase, words, head.next, read, index + 1)) {
      yield {
        next: tail.next,
        values: { ...head.values, ...tail.values },
        missing: [...head.missing, ...tail.missing],
      };
    }
  }
}

function* matchPart(part: Part, words: readonly string[], at: number, read: SlotReader): Generator<Match> {
  switch (part.kind) {
    case "word":
      if (words[at] === part.word) yield { next: at + 1, values: {}, missing: [] };
      return;
    case "set":
      yield { next: at, values: { [part.name]: part.value }, missing: [] };
      return;
    case "missing":
      yield { next: at, values: {}, missing: [part.name] };
      return;
    case "slot":
      for (const { value, next } of read(part.name, words, at)) {
        const signed = part.sign === -1 && typeof value === "number" ? -value : value;
        yield { next, values: { [part.name]: signed }, missing: [] };
      }
      return;
    case "any":
      for (const choice of part.choices) yield* matchPhrase(choice, words, at, read);
  }
}
