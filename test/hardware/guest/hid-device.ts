import { Uhid } from "./uhid.ts";

/**
 * A HID device in a process of its own: `bun hid-device.ts NAME VENDOR PRODUCT DESCRIPTOR [REPEAT_MS]` (numbers and bytes in hex).
 * A line of stdin is an input report in hex, which is given again every REPEAT_MS where there is one; the end of stdin unplugs
 * it. Output reports come as lines of hex on stdout.
 */
const [name, vendor, product, descriptor, repeatMs] = process.argv.slice(2) as [
  ...[string, string, string, string],
  string | undefined,
];
const device = new Uhid({
  name,
  vendor: Number.parseInt(vendor, 16),
  product: Number.parseInt(product, 16),
  descriptor: Buffer.from(descriptor, "hex"),
  output: (report) => void process.stdout.write(`${Buffer.from(report).toString("hex")}\n`),
  get: (number) => Uint8Array.of(number, ...new Uint8Array(40)),
  set: () => {},
});
device.listen();
let last: Uint8Array | undefined;
if (repeatMs !== undefined) setInterval(() => last && device.input(last), Number(repeatMs));
let rest = "";
for await (const bytes of Bun.stdin.stream()) {
  const lines = (rest + new TextDecoder().decode(bytes)).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    if (line === "") continue;
    last = Buffer.from(line, "hex");
    device.input(last);
  }
}
device.close();
process.exit(0);
