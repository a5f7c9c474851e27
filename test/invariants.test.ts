import { expect, test } from "bun:test";
import { evidence, PAGE, rows } from "./invariants.ts";

const INVARIANTS = Array.from({ length: 21 }, (_, at) => `C${at + 1}`);
/** What is shown without a server, with the reason. */
const BELOW_THE_LINK: Record<string, string> = {
  C9: "it is about samples that the loudspeaker's device takes, whatever brought them",
};

test("every test that names an invariant has its row, and every row its test", async () => {
  const page = await Bun.file(PAGE).text();
  const lines = page.split("\n").filter((line) => /^\| C\d+ /.test(line));
  // The formatter pads the columns.
  const table = lines.map((line) => line.replace(/ +\|/g, " |"));
  expect(table).toEqual(rows(await evidence()));
});

test.each(INVARIANTS)("%s has its line, and a test in both dialects over both wires", async (invariant) => {
  expect(await Bun.file(PAGE).text()).toMatch(new RegExp(`^- \\*\\*${invariant}\\*\\* \\S`, "m"));
  const tests = (await evidence()).filter((one) => one.invariant === invariant);
  expect(tests.length).toBeGreaterThan(0);
  if (invariant in BELOW_THE_LINK) return;
  expect(tests.some(({ dialects }) => dialects === "GA, beta")).toBe(true);
  expect(tests.some(({ wires }) => wires === "WebSocket, WebRTC")).toBe(true);
});
