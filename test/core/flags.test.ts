import { expect, test } from "bun:test";
import { FLAGS, helpText, parseFlags } from "../../core/flags.ts";

test("--say and --wav keep the order of the command line", () => {
  const flags = parseFlags(["--say", "hello", "--wav", "a.wav", "--say=bye", "--exit"]);
  expect(flags.utterances).toEqual([
    { kind: "say", value: "hello" },
    { kind: "wav", value: "a.wav" },
    { kind: "say", value: "bye" },
  ]);
  expect(flags.exit).toBe(true);
  expect(flags.profile).toBe("desktop-sim");
});

test("the last --profile wins, so that a package script can be overridden", () => {
  expect(parseFlags(["--profile", "desktop-sim", "--profile", "./mine.toml"]).profile).toBe("./mine.toml");
});

test("an unknown flag, a flag without its value and a bare word are named", () => {
  expect(() => parseFlags(["--sya", "x"])).toThrow("--sya");
  expect(() => parseFlags(["--say"])).toThrow("--say");
  expect(() => parseFlags(["forward"])).toThrow('what is "forward"?');
});

test("a log level that does not exist is answered with those there are", () => {
  expect(() => parseFlags(["--log-level", "loud"])).toThrow(
    "--log-level: expected debug, info, warn or error",
  );
  expect(parseFlags(["--log-level", "error"]).logLevel).toBe("error");
});

test("--help explains every flag and names the profiles", () => {
  const text = helpText(["desktop-sim"]);
  for (const name of Object.keys(FLAGS)) expect(text).toContain(`--${name}`);
  expect(text).toContain("desktop-sim");
});
