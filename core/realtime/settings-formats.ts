const SECRET_PARAMETER = /key|token|secret|password/i;

/** True for what is no URL, too: that is another check's to tell. */
export function holdsNoSecret(text: string): boolean {
  const url = URL.parse(text);
  if (!url) return true;
  const secret = [...url.searchParams.keys()].some((name) => SECRET_PARAMETER.test(name));
  return !secret && url.username === "" && url.password === "";
}

/** Words for settings that are wrong in ways which JSON Schema does not know; they never repeat the text. */
export const FAULTS = {
  serverUrl: "expected a ws:// or wss:// URL",
  secretInUrl: "expected a URL without a password or key: secrets come from the environment",
  tokenUrl: "expected an http:// or https:// URL",
  variable: "expected the name of an environment variable",
} as const;

/** Format in `session-schema.json` → what is wrong with a text, if anything. */
export const FORMAT_FAULTS: Readonly<Record<string, (text: string) => string | undefined>> = {
  "realtime-url": (text) =>
    hasProtocol(text, "ws") ? (holdsNoSecret(text) ? undefined : FAULTS.secretInUrl) : FAULTS.serverUrl,
  "token-url": (text) => (hasProtocol(text, "http") ? undefined : FAULTS.tokenUrl),
  variable: (text) => (VARIABLE.test(text) ? undefined : FAULTS.variable),
};

/** Names that every shell takes. */
export const VARIABLE = /^[A-Za-z_]\w*$/;

/** The protocol itself or its form over TLS. */
function hasProtocol(text: string, name: "ws" | "http"): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === `${name}:` || protocol === `${name}s:`;
}
