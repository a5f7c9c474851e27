import type { PluginContext } from "myna";
import type { Exposition } from "./exposition.ts";

const LAG_PERIOD_MS = 200;
const LAG_BUCKETS_S = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1];

/** CPU, memory and start time under the names that Prometheus' own clients use, and the lag of the event loop. */
export function measureProcess(ctx: PluginContext, metrics: Exposition): void {
  metrics.collectedCounter("process_cpu_seconds_total", "CPU time of the process.", () => {
    const { user, system } = process.cpuUsage();
    return [[{}, (user + system) / 1e6]];
  });
  metrics.gauge("process_resident_memory_bytes", "Memory of the process in RAM.", () => [
    [{}, process.memoryUsage.rss()],
  ]);
  metrics.gauge("process_start_time_seconds", "Start of the process, Unix time.", () => [
    [{}, Number((performance.timeOrigin / 1000).toFixed(3))],
  ]);
  const lag = metrics.histogram(
    "myna_event_loop_lag_seconds",
    "How late a timer of the main thread ran.",
    LAG_BUCKETS_S,
  );
  let lastMs = performance.now();
  ctx.every(LAG_PERIOD_MS, () => {
    const nowMs = performance.now();
    lag.observe(Math.max(0, nowMs - lastMs - LAG_PERIOD_MS) / 1000);
    lastMs = nowMs;
  });
}
