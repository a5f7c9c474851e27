/** Secrets that are remembered; minted tokens come and go, so the oldest give way. */
const KEPT = 100;
/** Anything shorter would blot out ordinary words. */
const SHORTEST = 6;
const secrets = new Set<string>();

/** From now on the text is masked in logs, errors and topics, wherever a server or a program repeats it. */
export function hideSecret(secret: string): void {
  if (secret.length < SHORTEST) return;
  secrets.delete(secret);
  secrets.add(secret);
  for (const oldest of secrets) {
    if (secrets.size <= KEPT) return;
    secrets.delete(oldest);
  }
}

/** The text without the secrets that were handed to {@link hideSecret}. */
export function withoutSecrets(text: string): string {
  let masked = text;
  for (const secret of secrets) if (masked.includes(secret)) masked = masked.replaceAll(secret, "[secret]");
  return masked;
}
