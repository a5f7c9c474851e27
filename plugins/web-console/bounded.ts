/** Longest JSON of a value that pages are told. */
const CHARS = 2000;

/** The value, where it is not too much to tell; else the beginning of its JSON as `beginning`. */
export function bounded(value: unknown): unknown {
  const json = JSON.stringify(value);
  if (json === undefined) return null;
  return json.length <= CHARS ? value : { beginning: `${json.slice(0, CHARS)}…` };
}
