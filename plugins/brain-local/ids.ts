/** Random characters that an id made by {@link newId} carries behind its prefix. */
const LENGTH = 20;
const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** A fresh id such as `item_5Kq…`: at most 32 characters, the limit of item and call ids in the Realtime API. */
export function newId(prefix: "sess" | "conv" | "item" | "call" | "resp" | "event" | "ek"): string {
  let id = `${prefix}_`;
  for (const byte of crypto.getRandomValues(new Uint8Array(LENGTH))) id += LETTERS[byte % LETTERS.length];
  return id;
}
