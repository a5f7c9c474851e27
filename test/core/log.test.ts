import { expect, test } from "bun:test";
import { MynaError } from "../../core/errors.ts";
import { createLog, describeError } from "../../core/log.ts";
import type { LogLevel } from "../../core/log.ts";

function capture(level: LogLevel, format: "pretty" | "json" = "json") {
  const lines: string[] = [];
  return { lines, log: createLog({ level, format, write: (line) => void lines.push(line) }) };
}

test("a key never reaches a log line, wherever it stands", () => {
  const { lines, log } = capture("debug");
  const key = "sk-proj-abcDEF123456789";
  log.info(`connecting with ${key}`, {
    api_key: key,
    headers: { authorization: `Bearer ${key}` },
    url: `wss://x/?k=${key}`,
  });
  log.error("refused", { error: new Error(`401 for ${key}`, { cause: new Error(`ek_${key}`) }) });
  expect(lines).toHaveLength(2);
  expect(lines.join("\n")).not.toContain("abcDEF123456789");
  expect(lines[0]).toContain("[secret]");
});

test("spoken words show at debug level and are masked at info level", () => {
  const { lines, log } = capture("debug");
  log.info("heard", { text: "my secret plan", call: { arguments: { name: "bob" } } });
  log.debug("heard", { text: "my open plan" });
  expect(lines[0]).not.toContain("secret plan");
  expect(lines[0]).not.toContain("bob");
  expect(lines[1]).toContain("my open plan");
});

test("lines below the level are not written, and children carry their name", () => {
  const { lines, log } = capture("warn");
  log.info("unheard");
  log.child("mic").child("device").warn("gone");
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: "warn", name: "mic.device", message: "gone" },
  ]);
});

test("a terminal gets a readable line, a collector one JSON object", () => {
  const pretty = capture("info", "pretty");
  pretty.log.info("ready", { ms: 12 });
  expect(pretty.lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO  myna: ready ms=12$/);
  const json = capture("info");
  json.log.info("ready", { ms: 12 });
  expect(JSON.parse(json.lines[0]!)).toMatchObject({ level: "info", message: "ready", ms: 12 });
});

test("an error is described by its code, message and causes", () => {
  const error = new MynaError("DEVICE_BUSY", "card 1 is busy", { cause: new Error("EBUSY") });
  expect(describeError(error)).toMatch(/^DEVICE_BUSY: card 1 is busy \(caused by EBUSY/);
});
