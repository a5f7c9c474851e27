import { X509Certificate, createPrivateKey, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { isIP } from "node:net";
import { MynaError } from "myna";

/** Browsers of Apple refuse certificates that hold longer. */
const VALID_DAYS = 825;
const RENEW_DAYS = 30;
const DAY_MS = 24 * 3600 * 1000;

/** What TLS needs, as PEM, and what people compare. */
export interface Certificate {
  cert: string;
  key: string;
  /** SHA-256, colons between the bytes. */
  fingerprint: string;
  /** Made by the door itself: browsers ask whether to trust it. */
  own: boolean;
  /** Until it runs out, from now; below 0 where it has. */
  daysLeft(): number;
}

/** A certificate that somebody gave. `tls_cert` and `tls_key` are named in what it throws. */
export function givenCertificate(certFile: string, keyFile: string): Certificate {
  return parsed(read(certFile, "tls_cert"), read(keyFile, "tls_key"), false, "tls_cert, tls_key");
}

/** The one in the folder, made anew where there is none or it soon runs out. */
export async function ownCertificate(folder: string, names: readonly string[]): Promise<Certificate> {
  const certFile = join(folder, "web-cert.pem");
  const keyFile = join(folder, "web-key.pem");
  if (existsSync(certFile) && existsSync(keyFile)) {
    const present = parsed(
      read(certFile, "state_folder"),
      read(keyFile, "state_folder"),
      true,
      `state_folder: ${certFile} (delete it and it is made anew)`,
    );
    if (present.daysLeft() > RENEW_DAYS) return present;
  }
  const made = await make([...new Set([...names, ...ownNames()])]);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    store(keyFile, made.key);
    store(certFile, made.cert);
  } catch (cause) {
    throw new MynaError("CONFIG_INVALID", `state_folder: the certificate cannot be kept in ${folder}`, {
      cause,
    });
  }
  return parsed(made.cert, made.key, true, "state_folder");
}

/** Addresses and names that this computer goes by. */
export function ownNames(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map(({ address }) => address)
    .filter((address) => !address.startsWith("fe80"));
  return [hostname(), `${hostname()}.local`, "localhost", ...addresses];
}

async function make(names: string[]): Promise<{ cert: string; key: string }> {
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Positive: the first bit is 0 (RFC 5280 §4.1.2.2).
    serialNumber: `01${randomBytes(15).toString("hex")}`,
    name: [{ CN: [hostname() || "myna"] }],
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + VALID_DAYS * DAY_MS),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? "dns" : "ip", value })),
      ),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return { cert: certificate.toString("pem"), key: x509.PemConverter.encode(key, "PRIVATE KEY") };
}

function store(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}

function read(file: string, key: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new MynaError("CONFIG_NOT_FOUND", `${key}: ${file} cannot be read`, { cause });
  }
}

function parsed(cert: string, key: string, own: boolean, where: string): Certificate {
  let certificate: X509Certificate;
  let belongs: boolean;
  try {
    certificate = new X509Certificate(cert);
    belongs = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new MynaError("CONFIG_INVALID", `${where}: not a certificate and a key in PEM`, { cause });
  }
  if (!belongs) throw new MynaError("CONFIG_INVALID", `${where}: the key is another certificate's`);
  const endMs = certificate.validToDate.getTime();
  const daysLeft = () => Math.floor((endMs - Date.now()) / DAY_MS);
  return { cert, key, own, fingerprint: certificate.fingerprint256, daysLeft };
}
