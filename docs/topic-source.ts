/** A topic as its declaration tells it. */
export interface TopicEntry {
  name: string;
  /** Doc comment, in one line. */
  meaning: string;
  /** TypeScript type of the event, in one line. */
  event: string;
}

/** Reads the `Topics` interface out of core/topics.ts: the one place where a topic is described. */
export function readTopics(source: string): TopicEntry[] {
  const start = source.indexOf("export interface Topics {");
  const body = source.slice(start, source.indexOf("\n}", start));
  const topics: TopicEntry[] = [];
  const declaration = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^ {2}"([a-z_.]+)":/gm;
  for (let match = declaration.exec(body); match; match = declaration.exec(body)) {
    topics.push({
      name: match[2] ?? "",
      meaning: oneLine((match[1] ?? "").replace(/^\s*\* ?/gm, "")),
      event: oneLine(typeAt(body, declaration.lastIndex).replace(/\/\*\*.*?\*\//g, "")),
    });
  }
  return topics;
}

/** The type that begins at `at`, to the semicolon outside all braces. */
function typeAt(body: string, at: number): string {
  let depth = 0;
  for (let i = at; i < body.length; i++) {
    if (body[i] === "{") depth++;
    if (body[i] === "}") depth--;
    if (body[i] === ";" && depth === 0) return body.slice(at, i);
  }
  return body.slice(at);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").replace("; }", " }").trim();
}
