import { generate } from "lean-qr";

const QUIET_MODULES = 2;

/** What a person needs to log in, with a QR code for a telephone: address, token, and the certificate's fingerprint. */
export function tokenPicture(url: string, token: string, fingerprint: string): string {
  return [
    "",
    qrCode(loginUrl(url, token)),
    `  Log in at ${url}login with the token  ${token}`,
    "  It holds until the robot is switched off. Whoever has it moves the robot.",
    ...(fingerprint ? [`  The browser will ask about the certificate; its SHA-256 is ${fingerprint}`] : []),
    "",
    "",
  ].join("\n");
}

/** The address that the QR code leads to. */
export function loginUrl(url: string, token: string): string {
  return `${url}login?token=${encodeURIComponent(token)}`;
}

/** Two modules in each character, black on white whatever the terminal's colours are. */
export function qrCode(text: string): string {
  const code = generate(text);
  const rows: string[] = [];
  for (let y = -QUIET_MODULES; y < code.size + QUIET_MODULES; y += 2) {
    let row = "";
    for (let x = -QUIET_MODULES; x < code.size + QUIET_MODULES; x++) {
      const [upper, lower] = [code.get(x, y), code.get(x, y + 1)];
      row += upper ? (lower ? "█" : "▀") : lower ? "▄" : " ";
    }
    rows.push(`  \x1b[30;107m${row}\x1b[0m`);
  }
  return rows.join("\n");
}
