import { expect, test } from "bun:test";
import { createLog } from "../../core/log.ts";
import { tellLink } from "../../core/realtime/link-news.ts";

test("a server's address is told without the secrets in it", () => {
  const told: unknown[] = [];
  const written: string[] = [];
  const log = createLog({ format: "json", write: (line) => void written.push(line) });
  const tell = tellLink(log, (_, event) => void told.push(event));
  const url = "wss://bob:hunter2@host/openai/realtime?api-version=1&api-key=swordfish";
  tell({ state: "ready", url, attempt: 1 });
  expect(told).toMatchObject([{ url: "wss://[secret]@host/openai/realtime?api-version=1&api-key=[secret]" }]);
  expect(JSON.stringify([told, written])).not.toMatch(/hunter2|swordfish/);
});
