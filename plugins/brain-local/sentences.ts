/** The sentences of a text in order, without surrounding blanks; joined by a blank they give the text again. */
export function sentencesOf(text: string): string[] {
  return text
    .replace(/\s+/g, " ")
    .trim()
    .split(/(?<=[.!?…]["')\]]?) (?=\S)/u)
    .filter((sentence) => sentence !== "");
}

/** Pieces of at most `words` words that concatenate to `text`. */
export function wordGroups(text: string, words: number): string[] {
  const tokens = text.match(/\s*\S+/g) ?? [];
  const groups: string[] = [];
  for (let at = 0; at < tokens.length; at += words) groups.push(tokens.slice(at, at + words).join(""));
  const tail = text.slice(groups.join("").length);
  if (tail !== "") groups.push(tail);
  return groups;
}
