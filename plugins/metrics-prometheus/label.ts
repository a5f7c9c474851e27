/** Names that come over the network become label values only in this form. */
const IDENTIFIER = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** The text where it is a plain identifier, else "other": what was said must not get into a label. */
export function identifier(text: string): string {
  return IDENTIFIER.test(text) ? text : "other";
}
