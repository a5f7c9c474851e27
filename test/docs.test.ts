import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRORS } from "../core/errors.ts";
import { FLAGS } from "../core/flags.ts";
import { listProfiles } from "../core/profile-source.ts";
import { RETAINED_TOPICS } from "../core/topics.ts";
import { cells, configKeys, readmeTable } from "../docs/config-table.ts";
import { sessionSchema, writeReference } from "../docs/generate.ts";
import { pluginDefinition, pluginNames } from "../docs/plugin-list.ts";
import { readTopics } from "../docs/topic-source.ts";
import { ROOT, read } from "./source-tree.ts";

const RUN_DOCS = "docs/reference is not what the code says: run `bun run docs` and commit the result";

/** First cells of all table rows of a reference page, without backticks and flag values. */
function rowNames(page: string): string[] {
  const rows = read(`docs/reference/${page}`)
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  return rows.map((row) => (cells(row)[0] ?? "").replaceAll("`", "").split(" ")[0] ?? "");
}

describe("the reference pages", () => {
  test("every error code has its row and every row its code", () => {
    expect(rowNames("errors.md"), RUN_DOCS).toEqual(Object.keys(ERRORS));
  });

  test("every topic has its row and every row its topic", () => {
    const declared = [...read("core/topics.ts").matchAll(/^ {2}"([a-z_]+\.[a-z_]+)":/gm)].map(
      (one) => one[1],
    );
    expect(rowNames("topics.md"), RUN_DOCS).toEqual(declared as string[]);
    expect(declared).toContainEqual("turn.latency");
    for (const topic of RETAINED_TOPICS) expect(declared).toContainEqual(topic);
  });

  test("every topic says what it means", () => {
    const silent = readTopics(read("core/topics.ts")).filter((topic) => topic.meaning.length < 10);
    expect(
      silent.map((topic) => topic.name),
      "give these topics a doc comment in core/topics.ts",
    ).toEqual([]);
  });

  test("every flag has its row and every row its flag", () => {
    expect(rowNames("cli.md"), RUN_DOCS).toEqual(Object.keys(FLAGS).map((name) => `--${name}`));
  });

  test("every profile has its row", () => {
    const rows = rowNames("profiles.md");
    for (const profile of listProfiles(join(ROOT, "profiles"))) expect(rows, RUN_DOCS).toContain(profile);
  });

  test("every key of every plugin has its row", async () => {
    const sections = read("docs/reference/plugins.md").split("\n## ").slice(1);
    expect(sections.map((section) => /^\[([a-z0-9-]+)\]/.exec(section)?.[1] ?? "")).toEqual(pluginNames());
    for (const [index, name] of pluginNames().entries()) {
      const { config } = await pluginDefinition(name);
      for (const { key } of configKeys(config)) expect(sections[index], RUN_DOCS).toContain(`\`${key}\``);
    }
  });

  test("are what `bun run docs` writes", async () => {
    const folder = mkdtempSync(join(tmpdir(), "myna-docs-"));
    try {
      for (const name of await writeReference(folder)) {
        expect(read(`docs/reference/${name}`), RUN_DOCS).toBe(readFileSync(join(folder, name), "utf8"));
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("the client on its own checks its options by the rules of the [session] table", () => {
  const written = JSON.parse(read("core/realtime/session-schema.json")) as unknown;
  expect(
    written,
    "core/realtime/session-schema.json is not what core/realtime/config.ts says: run `bun run docs` and commit the result",
  ).toEqual(sessionSchema());
});

describe("the README of a plugin", () => {
  for (const name of pluginNames()) {
    test(`of ${name} has a row for each of its keys, and no other`, async () => {
      const { config } = await pluginDefinition(name);
      const keys = configKeys(config);
      const rows = readmeTable(read(`plugins/${name}/README.md`));
      const wanted = keys
        .map((row) => `| \`${row.key}\` | ${row.type} | \`${row.default}\` | … |`)
        .join("\n");
      const advice = `plugins/${name}/README.md needs a table "| key | type | default | meaning |" with these rows:\n${wanted}`;
      expect([...rows.keys()].sort(), advice).toEqual(keys.map((row) => row.key).sort());
      const bare = (text: string) => text.replace(/[`"\s]/g, "");
      for (const row of keys) {
        const told = rows.get(row.key);
        expect(told?.meaning, `${advice}\nand each needs its meaning`).not.toBe("");
        // A list or a table may be told in words.
        if (/^["\d-]|^(true|false)$/.test(row.default))
          expect(bare(told?.default ?? ""), `default of \`${row.key}\`: ${advice}`).toBe(bare(row.default));
      }
    });
  }
});

describe("links between documents", () => {
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    ...new Bun.Glob("docs/**/*.md").scanSync(ROOT),
  ];
  for (const page of pages.sort()) {
    test(`of ${page} lead to files that exist`, async () => {
      const targets = [...read(page).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
      const local = targets.filter((target) => !/^[a-z]+:/.test(target));
      const dead: string[] = [];
      for (const target of local) {
        const path = join(ROOT, page, "..", target);
        const there = target.endsWith("/")
          ? [...new Bun.Glob("*").scanSync(path)].length > 0
          : await Bun.file(path).exists();
        if (!there) dead.push(target);
      }
      expect(dead, `mend the links of ${page}`).toEqual([]);
    });
  }
});
