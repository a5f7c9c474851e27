/**
 * The tests of the session, once more over WebRTC: a robot with the transport of the plugin, a gateway, and behind it the
 * very server of the test.
 */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { LINK_FILES, WEBRTC_MARK, WEBSOCKET_ONLY } from "../core/realtime-wires.ts";

const ROOT = join(import.meta.dir, "../..");

/** Titles of the tests of links in a file; a title that is made of parts has `*` for each. */
async function titles(file: string): Promise<string[]> {
  const text = await Bun.file(join(ROOT, file)).text();
  return [...text.matchAll(/\blinkTest\(\s*(["`])(.+?)\1,/g)].map(([, , title]) =>
    (title ?? "").replace(/\$\{[^}]*\}/g, "*"),
  );
}

test.each(Object.keys(LINK_FILES))(
  "all that is true of the %s over a WebSocket is true over WebRTC",
  async (name) => {
    const file = LINK_FILES[name] ?? "";
    const child = Bun.spawn({
      // A few at a time: sound comes at the pace it is heard, and most of a test is waiting for it.
      cmd: [
        process.execPath,
        "test",
        ...["--timeout", "120000"],
        ...["--max-concurrency", "2"],
        ...["-t", WEBRTC_MARK.replace(/[()]/g, "\\$&")],
        `./${file}`,
      ],
      cwd: ROOT,
      // A call is some 30 ms of computing, and its sound as much a second: on a busy machine several of them take their time.
      env: {
        ...process.env,
        MYNA_TEST_WIRE: "webrtc",
        MYNA_TEST_DIALECT: "auto",
        MYNA_TEST_WAIT_MS: "60000",
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [out, err, exitCode] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    const failed = `${out}${err}`
      .split("\n")
      .filter((line) => /^\(fail\)|^# Unhandled|^\w*Error: /.test(line));
    if (exitCode !== 0) process.stderr.write(out + err);
    expect({ failed, exitCode }).toEqual({ failed: [], exitCode: 0 });
    const expected = (await titles(file)).filter((title) => !(title in WEBSOCKET_ONLY));
    expect(expected.length).toBeGreaterThan(0);
    // A title in parts stands for several tests.
    const several = expected.some((title) => title.includes("*"));
    const passed = Number(/(\d+) pass/.exec(err + out)?.[1]);
    if (several) expect(passed).toBeGreaterThanOrEqual(expected.length - 1);
    else expect(passed).toBe(expected.length);
  },
  600_000,
);

test("what WebRTC has no part in is a test that exists, with the reason why", async () => {
  const all = (await Promise.all(Object.values(LINK_FILES).map(titles))).flat();
  const known = (title: string) =>
    all.some((one) => new RegExp(`^${one.split("*").map(RegExp.escape).join(".+")}$`).test(title));
  expect(Object.keys(WEBSOCKET_ONLY).filter((title) => !known(title))).toEqual([]);
  for (const reason of Object.values(WEBSOCKET_ONLY)) expect(reason.length).toBeGreaterThan(20);
});
