import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { YAML } from "bun";
import { startTestRobot } from "myna/testing";
import type { TestRobot } from "myna/testing";
import { LOCKED, VIEWER, startDoor } from "./plugins/web-door-kit.ts";

const DEPLOY = join(import.meta.dir, "../deploy");
const RULES = join(DEPLOY, "prometheus/rules.yml");
const folder = mkdtempSync(join(tmpdir(), "myna-operations-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs promtool of Debian's package `prometheus`, and answers what it says. */
async function promtool(args: string[], input = ""): Promise<{ exitCode: number; said: string }> {
  const program = Bun.which("promtool");
  if (!program) throw new Error("there is no promtool: run ./setup --dev, or apt-get install prometheus");
  const run = Bun.spawn([program, ...args], { stdin: new Blob([input]), stdout: "pipe", stderr: "pipe" });
  const said = (await new Response(run.stdout).text()) + (await new Response(run.stderr).text());
  return { exitCode: await run.exited, said };
}

async function metricsOf(robot: TestRobot, path = "/metrics"): Promise<string> {
  const { inspect } = robot.health().plugins.find(({ id }) => id === "metrics")!;
  return await (await fetch(new URL(path, String(inspect["url"])))).text();
}

/** A robot on which every topic that is counted has been seen, so that all metrics have series. */
async function seenAll(): Promise<TestRobot> {
  const plugins = { metrics: { use: "metrics-prometheus", port: 0 } };
  const robot = await startTestRobot({ plugins, audio: true });
  publishAll(robot);
  return robot;
}

function publishAll(robot: TestRobot): void {
  const ids = { call_id: "c", name: "move", arguments: {} };
  robot.publish("tool.finished", { ...ids, ok: true, result: "", duration_ms: 20 });
  robot.publish("turn.latency", {
    turn: 1,
    speech_end_to_commit_ms: 400,
    commit_to_first_delta_ms: 100,
    first_delta_to_first_sample_ms: 30,
    total_ms: 530,
  });
  const tokens = { text: 1, audio: 1, image: 0 };
  robot.publish("usage.updated", {
    ...{
      kind: "response",
      id: "r",
      model: "gpt-realtime-2.1",
      input: tokens,
      cached: tokens,
      output: tokens,
    },
    ...{ seconds: 0, usd: 0.5, estimated: false },
  });
  robot.publish("session.error", { code: "x", message: "", fatal: false });
  robot.publish("budget.warned", { scope: "day", spent_usd: 1, cap_usd: 2 });
  robot.publish("session.hung_up", { reason: "idle" });
  robot.publish("response.delayed", { wait_ms: 1, limit: "tokens" });
  robot.publish("rate_limits.updated", { limits: [{ name: "tokens", remaining: 1 }] });
  robot.publish("motion.stopped", {
    motion_id: 1,
    kind: "move",
    ended: "completed",
    moved_m: 1,
    turned_deg: 0,
  });
  robot.publish("talk.calls_changed", { open: 2, most: 8 });
  for (const figure of ["offer", "latency", "first_audio", "barge_in"] as const)
    robot.publish("talk.measured", { figure, ms: 80 });
}

test("promtool has nothing to object to in the metrics of a robot", async () => {
  await using robot = await seenAll();
  const text = await metricsOf(robot);
  expect(text).toContain('myna_talk_seconds_bucket{figure="barge_in",le="0.08"} 1');
  expect(await promtool(["check", "metrics"], text)).toEqual({ exitCode: 0, said: "" });
});

test("the older names are well-formed, and only their units are objected to", async () => {
  await using robot = await seenAll();
  const text = await metricsOf(robot, "/metrics/older");
  expect(text).toContain('voice_first_audio_ms_bucket{le="80"} 1');
  expect(text).toContain("voice_first_audio_ms_sum 80\n");
  expect(text).toContain("voice_first_audio_ms_count 1\n");
  const { said } = await promtool(["check", "metrics"], text);
  const objections = said.split("\n").filter((line) => line !== "" && !/unit/.test(line));
  expect(objections).toEqual([]);
});

/** Every expression of a dashboard or of rules. */
function expressions(node: unknown): string[] {
  if (Array.isArray(node)) return node.flatMap(expressions);
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    (key === "expr" || key === "query") && typeof value === "string" ? [value] : expressions(value),
  );
}

const dashboard = JSON.parse(readFileSync(join(DEPLOY, "grafana/myna.json"), "utf8")) as {
  panels: { id: number; title: string; type: string; gridPos: Record<"x" | "y" | "w" | "h", number> }[];
  templating: { list: { name: string }[] };
};

describe.each([
  ["the dashboard", expressions(dashboard)],
  ["the alert rules", expressions(YAML.parse(readFileSync(RULES, "utf8")))],
])("%s", (_, queries) => {
  test("asks for metrics, labels and values that there are", async () => {
    await using robot = await seenAll();
    const text = await metricsOf(robot);
    const families = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name));
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, name]) => name));
    // Those that Prometheus itself adds.
    for (const label of ["job", "instance"]) labels.add(label);
    expect(queries.length).toBeGreaterThan(10);
    for (const query of queries) {
      const names = [...query.matchAll(/\b(?:myna|process)_\w+/g)].map(([name]) => name);
      expect(names.length + (query.includes("up{") ? 1 : 0), query).toBeGreaterThan(0);
      for (const name of names)
        expect(families.has(name) || families.has(name.replace(/_(bucket|sum|count)$/, "")), name).toBe(true);
      for (const [, label] of query.matchAll(/[{,]\s*(\w+)\s*(?:=|!=|=~|!~)"/g))
        expect([...labels], query).toContain(label);
      for (const [, value] of query.matchAll(/(?:step|figure)="(\w+)"/g))
        expect(text).toContain(`="${value}"`);
      for (const [, list = ""] of query.matchAll(/\b(?:by|on) \(([^)]*)\)/g))
        for (const label of list.split(", ")) expect([...labels], query).toContain(label);
    }
  });
});

describe("the dashboard", () => {
  test("holds queries that Prometheus understands", async () => {
    const rules = expressions(dashboard)
      .filter((query) => !query.startsWith("label_values("))
      .map((query, i) => ({
        record: `panel:${i}`,
        expr: query.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*"),
      }));
    const file = join(folder, "panels.json");
    writeFileSync(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
    const { exitCode, said } = await promtool(["check", "rules", file]);
    expect(said).toContain(`${rules.length} rules found`);
    expect(exitCode).toBe(0);
  });

  test("has panels with names of their own places, that do not overlap", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });
});

describe("the alert rules", () => {
  test("are accepted by promtool, and fire on what they are for", async () => {
    expect((await promtool(["check", "rules", RULES])).exitCode).toBe(0);
    cpSync(RULES, join(folder, "rules.yml"));
    cpSync(join(import.meta.dir, "fixtures/alert-rules.test.yml"), join(folder, "test.yml"));
    const { exitCode, said } = await promtool(["test", "rules", join(folder, "test.yml")]);
    expect(said).toContain("SUCCESS");
    expect(exitCode, said).toBe(0);
  });
});

test("Prometheus reads a robot by TLS with the viewer's token, and answers what dashboard and rules ask", async () => {
  const program = Bun.which("prometheus");
  if (!program) throw new Error("there is no prometheus: run ./setup --dev, or apt-get install prometheus");
  const metrics = { use: "metrics-prometheus", door: true };
  await using web = await startDoor(
    { ...LOCKED, host: "127.1", state_folder: folder },
    { plugins: { metrics }, audio: true },
  );
  publishAll(web.robot);
  writeFileSync(join(folder, "token"), VIEWER);
  const config = {
    global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "200ms" },
    rule_files: [RULES],
    scrape_configs: [
      {
        job_name: "myna",
        scheme: "https",
        authorization: { credentials_file: join(folder, "token") },
        tls_config: { ca_file: join(folder, "web-cert.pem"), server_name: "localhost" },
        static_configs: [{ targets: [new URL(web.url).host] }],
      },
    ],
  };
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const port = freePort();
  await using prometheus = Bun.spawn(
    [
      program,
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdout: "ignore", stderr: "pipe" },
  );
  const ask = async (path: string, query = "") => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams({ query })}`);
    return (await response.json()) as {
      status: string;
      data: { result: unknown[]; groups: { rules: { health: string }[] }[] };
    };
  };
  const up = async () =>
    (await ask("query", 'up{job="myna"} == 1').catch(() => undefined))?.data.result.length;
  while (!(await up())) {
    if (prometheus.exitCode !== null) throw new Error(await new Response(prometheus.stderr).text());
    await Bun.sleep(50);
  }
  const queries = expressions(dashboard).filter((query) => !query.startsWith("label_values("));
  for (const query of queries) {
    const text = query.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*");
    expect((await ask("query", text)).status, query).toBe("success");
  }
  expect((await ask("query", 'sum(myna_talk_calls{instance=~".*"})')).data.result).toHaveLength(1);
  const rules = async () => (await ask("rules")).data.groups.flatMap((group) => group.rules);
  while ((await rules()).some(({ health }) => health === "unknown")) await Bun.sleep(50);
  expect((await rules()).every(({ health }) => health === "ok")).toBe(true);
});

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  return port!;
}
