import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import { startTestRobot } from "myna/testing";
import type { TestRobot } from "myna/testing";
import { Exposition } from "../../plugins/metrics-prometheus/exposition.ts";

const plugins = { metrics: { use: "metrics-prometheus", port: 0 } };

function url(robot: TestRobot, path: string): string {
  const metrics = robot.health().plugins.find((plugin) => plugin.id === "metrics");
  return new URL(path, String(metrics?.inspect["url"])).href;
}

async function scrape(robot: TestRobot): Promise<string[]> {
  const response = await fetch(url(robot, "/metrics"));
  expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  return (await response.text()).split("\n");
}

const finished = {
  call_id: "c1",
  arguments: { words: "my secret plan" },
  result: { heard: "my secret plan" },
};

describe("metrics of a robot", () => {
  test("count what the topics tell", async () => {
    await using robot = await startTestRobot({ plugins });
    robot.publish("tool.finished", { ...finished, name: "move", ok: true, duration_ms: 1500 });
    robot.publish("tool.finished", {
      ...finished,
      name: "move",
      ok: false,
      code: "TOOL_TIMEOUT",
      duration_ms: 30_000,
    });
    robot.publish("motion.stopped", {
      motion_id: 1,
      kind: "move",
      ended: "obstacle",
      moved_m: -0.5,
      turned_deg: 0,
    });
    robot.publish("turn.latency", {
      turn: 1,
      speech_end_to_commit_ms: 420,
      commit_to_first_delta_ms: 150,
      first_delta_to_first_sample_ms: null,
      total_ms: 600,
    });
    robot.publish("assistant.interrupted", { item_id: "i1", played_ms: 100 });
    const lines = await scrape(robot);
    expect(lines).toContain('myna_tool_calls_total{tool="move",outcome="ok"} 1');
    expect(lines).toContain('myna_tool_calls_total{tool="move",outcome="TOOL_TIMEOUT"} 1');
    expect(lines).toContain('myna_tool_duration_seconds_bucket{tool="move",le="1"} 0');
    expect(lines).toContain('myna_tool_duration_seconds_bucket{tool="move",le="2.5"} 1');
    expect(lines).toContain('myna_tool_duration_seconds_bucket{tool="move",le="+Inf"} 2');
    expect(lines).toContain('myna_tool_duration_seconds_sum{tool="move"} 31.5');
    expect(lines).toContain('myna_motions_total{kind="move",ended="obstacle"} 1');
    expect(lines).toContain("myna_driven_meters_total 0.5");
    expect(lines).toContain('myna_turn_latency_seconds_sum{step="total"} 0.6');
    expect(lines.join()).not.toContain("first_delta_to_first_sample");
    expect(lines).toContain("myna_interruptions_total 1");
    expect(lines).toContain('myna_events_total{topic="turn.latency"} 1');
  });

  test("tell how long the robot went on after somebody had begun to speak over it, and not after a typed stop", async () => {
    await using robot = await startTestRobot({ plugins });
    const cut = (): void => robot.publish("assistant.interrupted", { item_id: "i1", played_ms: 100 });
    cut();
    robot.publish("user.speech_started", { source: "local", speech_at_ms: performance.now() - 400 });
    robot.publish("user.speech_started", { source: "server", speech_at_ms: performance.now() });
    cut();
    // The second of two items that one interruption cuts.
    cut();
    robot.publish("user.speech_stopped", { source: "local", speech_at_ms: performance.now() });
    robot.publish("user.speech_started", { source: "server", speech_at_ms: performance.now() });
    robot.publish("user.speech_stopped", { source: "server", speech_at_ms: performance.now() });
    cut();
    const lines = await scrape(robot);
    expect(lines).toContain('myna_barge_in_seconds_count{source="local"} 1');
    expect(lines).toContain('myna_barge_in_seconds_bucket{source="local",le="0.3"} 0');
    expect(lines.join()).not.toContain('myna_barge_in_seconds_count{source="server"}');
    expect(lines).toContain("myna_interruptions_total 4");
  });

  test("tell what the conversation consumes and costs", async () => {
    await using robot = await startTestRobot({ plugins });
    const none = { text: 0, audio: 0, image: 0 };
    const answer = {
      kind: "response",
      id: "r1",
      model: "gpt-realtime-2.1",
      input: { text: 55, audio: 13, image: 0 },
      cached: { ...none, text: 64 },
      output: { ...none, audio: 91 },
      seconds: 0,
      usd: 0.5,
      estimated: false,
    } as const;
    robot.publish("usage.updated", answer);
    robot.publish("usage.updated", { ...answer, id: "r2", usd: 0.25 });
    robot.publish("usage.updated", { ...answer, id: "r3", model: "my model", usd: null });
    robot.publish("usage.updated", {
      ...answer,
      kind: "transcription",
      id: "i1",
      model: "gpt-live-transcribe",
      input: none,
      cached: none,
      output: none,
      seconds: 2.5,
    });
    robot.publish("cost.updated", {
      day: "2026-11-21",
      session_usd: 0.75,
      day_usd: 1.5,
      unpriced: 1,
      estimated: false,
    });
    robot.publish("budget.degraded", { step: "sleep", scope: "day" });
    robot.publish("context.measured", {
      instructions_tokens: 120,
      tools_tokens: 900,
      tools: 7,
      limit_tokens: 16_384,
    });
    robot.publish("rate_limits.updated", { limits: [{ name: "tokens", remaining: 39_000 }] });
    robot.publish("response.delayed", { wait_ms: 100, limit: "tokens" });
    robot.publish("session.hung_up", { reason: "idle" });
    const lines = await scrape(robot);
    const model = 'model="gpt-realtime-2.1"';
    expect(lines).toContain(`myna_tokens_total{${model},direction="input",kind="text"} 110`);
    expect(lines).toContain(`myna_tokens_total{${model},direction="cached",kind="text"} 128`);
    expect(lines).toContain(`myna_tokens_total{${model},direction="output",kind="audio"} 182`);
    expect(lines.join()).not.toContain(`${model},direction="output",kind="text"`);
    expect(lines).toContain(`myna_cost_dollars_total{${model}} 0.75`);
    expect(lines).toContain('myna_unpriced_total{model="other"} 1');
    expect(lines).toContain('myna_transcribed_seconds_total{model="gpt-live-transcribe"} 2.5');
    expect(lines).toContain("myna_cost_day_dollars 1.5");
    expect(lines).toContain('myna_budget_step{step="sleep"} 1');
    expect(lines).toContain('myna_budget_step{step="none"} 0');
    expect(lines).toContain('myna_context_tokens{part="tools"} 900');
    expect(lines).toContain('myna_rate_limit_remaining{limit="tokens"} 39000');
    expect(lines).toContain('myna_responses_delayed_total{limit="tokens"} 1');
    expect(lines).toContain('myna_hang_ups_total{reason="idle"} 1');
  });

  test("show the process, the plugins and the numbers of the health report", async () => {
    await using robot = await startTestRobot({ plugins: { ...plugins, board: { use: "board-sim" } } });
    const lines = await scrape(robot);
    expect(lines).toContain('myna_plugin_up{plugin="board",driver="board-sim"} 1');
    expect(lines).toContain('myna_plugin_value{plugin="board",value="x_m"} 0');
    expect(lines).toContain("myna_session_ready 0");
    const value = (name: string) => Number(lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1]);
    expect(value("process_resident_memory_bytes")).toBeGreaterThan(1e7);
    expect(value("process_cpu_seconds_total")).toBeGreaterThan(0);
    expect(Math.abs(value("process_start_time_seconds") - Date.now() / 1000)).toBeLessThan(3600);
    expect(lines.some((line) => line.startsWith('myna_core_value{part="tools",value="calls"} '))).toBe(true);
    expect(
      lines.some((line) => line.startsWith('myna_core_value{part="audio",value="played_frames"} ')),
    ).toBe(true);
    for (const stage of ["capture_wait", "playback_period", "speech_late"])
      for (const series of [
        `bucket{stage="${stage}",le="0.02"}`,
        `count{stage="${stage}"}`,
        `sum{stage="${stage}"}`,
      ])
        expect(lines.some((line) => line.startsWith(`myna_audio_seconds_${series} `))).toBe(true);
    expect(lines.some((line) => line.includes("histograms."))).toBe(false);
  });

  test("see a busy event loop", async () => {
    await using robot = await startTestRobot({ plugins });
    const busy = () => Bun.sleepSync(300);
    busy();
    const late = (lines: string[]) => {
      const count = (le: string) =>
        Number(
          lines
            .find((line) => line.startsWith(`myna_event_loop_lag_seconds_bucket{le="${le}"}`))
            ?.split(" ")[1],
        );
      return count("+Inf") - count("0.05");
    };
    for (let i = 0; i < 50 && !(late(await scrape(robot)) >= 1); i++) await Bun.sleep(20);
    expect(late(await scrape(robot))).toBeGreaterThanOrEqual(1);
  });

  test("never carry what was said, nor names that came from outside", async () => {
    await using robot = await startTestRobot({ plugins });
    robot.publish("user.transcript", { item_id: "i1", text: "my secret plan", final: true });
    robot.publish("tool.finished", {
      ...finished,
      name: "my_secret_plan",
      ok: false,
      code: "TOOL_UNKNOWN",
      duration_ms: 1,
    });
    robot.publish("session.error", {
      code: 'bad"key sk-12345678\n',
      message: "my secret plan",
      fatal: false,
    });
    const text = (await scrape(robot)).join("\n");
    expect(text).not.toMatch(/secret|sk-1234/);
    expect(text).toContain('myna_tool_calls_total{tool="unknown",outcome="TOOL_UNKNOWN"} 1');
    expect(text).toContain('myna_session_errors_total{code="other"} 1');
  });

  test("are consistent: each family has its help and type once, and no series comes twice", async () => {
    await using robot = await startTestRobot({ plugins: { ...plugins, board: { use: "board-sim" } } });
    robot.publish("tool.finished", { ...finished, name: "move", ok: true, duration_ms: 15 });
    const lines = (await scrape(robot)).filter((line) => line !== "");
    const series = lines.filter((line) => !line.startsWith("#")).map((line) => line.replace(/ [^ ]+$/, ""));
    expect(new Set(series).size).toBe(series.length);
    const types = lines.filter((line) => line.startsWith("# TYPE ")).map((line) => line.split(" ")[2]);
    expect(new Set(types).size).toBe(types.length);
    for (const name of series) {
      const family = name.replace(/\{.*$/, "").replace(/_(bucket|sum|count)$/, "");
      expect(types).toContain(family);
    }
  });
});

describe("the health page", () => {
  test("answers 503 while the link is down and 200 when all is well", async () => {
    await using robot = await startTestRobot({ plugins });
    const ill = await fetch(url(robot, "/healthz"));
    expect(ill.status).toBe(503);
    expect(await ill.json()).toMatchObject({ ok: false, plugins: [{ id: "metrics", state: "ready" }] });
    robot.publish("session.state_changed", { state: "ready", url: "ws://127.0.0.1:1", attempt: 1 });
    const well = await fetch(url(robot, "/healthz"));
    expect(well.status).toBe(200);
    expect(await well.json()).toMatchObject({ ok: true, session: { state: "ready" } });
    robot.publish("session.state_changed", { state: "idle", url: "ws://127.0.0.1:1", attempt: 1 });
    expect((await fetch(url(robot, "/healthz"))).status).toBe(503);
    robot.publish("session.hung_up", { reason: "idle" });
    expect((await fetch(url(robot, "/healthz"))).status).toBe(200);
  });

  test("is all there is beside the metrics, and read only", async () => {
    await using robot = await startTestRobot({ plugins });
    expect((await fetch(url(robot, "/"))).status).toBe(404);
    expect((await fetch(url(robot, "/metrics"), { method: "POST" })).status).toBe(405);
  });
});

test("a port in use leaves the plugin retrying with a message that names it, and the robot runs", async () => {
  using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("other") });
  await using robot = await startTestRobot({
    plugins: { metrics: { use: "metrics-prometheus", port: other.port ?? 0 }, board: { use: "board-sim" } },
    tolerant: true,
  });
  const [metrics, board] = robot.health().plugins;
  expect(metrics).toMatchObject({ state: "retrying" });
  expect(metrics?.message).toContain(
    `[plugins.metrics] port: another program listens on 127.0.0.1:${other.port}`,
  );
  expect(robot.events("plugin.state_changed")).toContainEqual(
    expect.objectContaining({ id: "metrics", code: "PORT_IN_USE" }),
  );
  expect(board).toMatchObject({ state: "ready" });
});

test("a port in use is no fault where any will do", async () => {
  using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("other") });
  const metrics = { use: "metrics-prometheus", port: other.port ?? 0, any_port: true };
  await using robot = await startTestRobot({ plugins: { metrics } });
  expect(await (await fetch(url(robot, "/metrics"))).text()).toContain("myna_uptime_seconds");
});

test("pages of other sites whose name was bound to this address learn nothing", async () => {
  const metrics = { use: "metrics-prometheus", port: 0, names: ["robot.example"] };
  await using robot = await startTestRobot({ plugins: { metrics } });
  const by = async (host: string) => (await fetch(url(robot, "/metrics"), { headers: { host } })).status;
  for (const host of ["evil.example", "evil.example:9464", "localhost.evil.example", "a@localhost", "[evil]"])
    expect([host, await by(host)]).toEqual([host, 421]);
  for (const host of ["localhost:9464", "127.0.0.1", "[::1]:9464", "robot.example:9464", hostname()])
    expect([host, await by(host)]).toEqual([host, 200]);
});

test("a reload frees the port for the new version", async () => {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("probe") });
  const port = probe.port ?? 0;
  await probe.stop(true);
  await using robot = await startTestRobot({ plugins: { metrics: { use: "metrics-prometheus", port } } });
  const before = url(robot, "/metrics");
  await robot.reload("metrics");
  expect(url(robot, "/metrics")).toBe(before);
  expect((await scrape(robot)).length).toBeGreaterThan(20);
});

test("label values that need it are escaped", () => {
  const metrics = new Exposition();
  metrics.counter("a_total", "A.").add({ b: 'x"y\\z\nw' });
  expect(metrics.text()).toBe('# HELP a_total A.\n# TYPE a_total counter\na_total{b="x\\"y\\\\z\\nw"} 1\n');
});

test("docs/metrics.md has a row for every metric, and no row without one", async () => {
  await using robot = await startTestRobot({ plugins });
  const served = (await scrape(robot)).flatMap(
    (line) => /^# TYPE (\S+) (\S+)/.exec(line)?.slice(1, 3).join(" ") ?? [],
  );
  const page = await Bun.file(new URL("../../docs/metrics.md", import.meta.url)).text();
  const rows = [...page.matchAll(/^\| `(\w+)`\s+\| (\w+)\s+\|/gm)].map(([, name, type]) => `${name} ${type}`);
  expect(rows.toSorted()).toEqual(served.toSorted());
});

test("at the robot's web address they wait for the door, and stay while it is loaded anew", async () => {
  await using robot = await startTestRobot({
    plugins: { metrics: { use: "metrics-prometheus", door: true }, web: { use: "web-door", port: 0 } },
  });
  const at = (path: string) => fetch(new URL(path, robot.service("web").url()));
  expect(await (await at("metrics")).text()).toContain("myna_uptime_seconds");
  expect((await at("healthz")).status).toBe(503);
  await robot.reload("web");
  expect((await at("metrics/older")).status).toBe(200);
  await robot.reload("metrics");
  expect(await (await at("metrics")).text()).toContain("myna_uptime_seconds");
});

test("a name that is no metric is refused as an alias", async () => {
  const metrics = { use: "metrics-prometheus", port: 0, aliases: { old_ms: "rate(myna_x[1m])" } };
  await expect(startTestRobot({ plugins: { metrics } })).rejects.toThrow("expected a metric");
});
