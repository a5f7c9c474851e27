import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav } from "../../core/audio/wav.ts";
import { resample } from "../../core/audio/resample.ts";
import { JitterBuffer } from "../../plugins/gateway-webrtc/jitter-buffer.ts";
import { Times } from "../../plugins/gateway-webrtc/performance-record.ts";
import { babble } from "../../test/e2e/speech.ts";
import { GatewayProcess } from "../../test/e2e/gateway-process.ts";
import { scriptBrain } from "../../test/kit/scripted-brain.ts";
import { LineProgram, processCpuMs } from "../fixtures/line-program.ts";
import { residentMb } from "../fixtures/memory.ts";
import { MeasuredPage, beginnings, endAfter, sounds } from "../fixtures/webrtc-page.ts";
import type { CaseOptions, Goal, Measures, Part, Row } from "../part.ts";
import { nsPerTurn, percentile } from "../stopwatch.ts";

const RATE_HZ = 24_000;
/** What a server waits after the last sound before an utterance is over, where nobody says otherwise. */
const SILENCE_MS = 500;
const MANY = 40;
const MANY_S = 10;
const BURSTS = 12;
const WARM_MS = 20_000;

/** A WAV for Chromium's fake microphone: `speechMs` of speech, then `pauseMs` of silence. */
async function withMicrophone<T>(
  speechMs: number,
  pauseMs: number,
  run: (file: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "myna-webrtc-"));
  try {
    const pcm = new Int16Array(((speechMs + pauseMs) * RATE_HZ) / 1000);
    pcm.set(babble(speechMs));
    const file = join(folder, "microphone.wav");
    writeFileSync(file, encodeWav(resample(pcm, RATE_HZ, 48_000), 48_000));
    return await run(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A voice that does not pause, so that its silence is the robot's. */
const STEADY = {
  names: () => ["steady"],
  synthesize: async () =>
    Int16Array.from({ length: 8 * RATE_HZ }, (_, i) => 9000 * Math.sin((2 * Math.PI * 300 * i) / RATE_HZ)),
};

/** Mouth to ear: the server says what it hears, so that both ends are in the page. */
function echo(): Promise<Measures> {
  return withMicrophone(200, 800, async (file) => {
    await using server = new LineProgram("realtime-echo.ts");
    const url = await server.line();
    await using gateway = await GatewayProcess.start([
      `plugins.talk.url="${url}"`,
      "plugins.talk.barge_in=false",
    ]);
    await using page = await MeasuredPage.start(gateway.url, file);
    // The codec is compiled while it runs: its first seconds cost three times as much.
    await Bun.sleep(WARM_MS);
    const cpuFromMs = processCpuMs(gateway.pid);
    const fromMs = performance.now();
    await Bun.sleep(BURSTS * 1000);
    const cpu = (100 * (processCpuMs(gateway.pid) - cpuFromMs)) / (performance.now() - fromMs);
    const { concealed, played, bufferMs } = await page.concealed();
    return {
      ...(await mouthToEar(page)),
      offer_ms: page.offerMs,
      connected_ms: page.connectedMs,
      cpu_percent: cpu,
      concealed_percent: (100 * concealed) / played,
      page_buffer_ms: bufferMs,
    };
  });
}

/** The same without a gateway: packets come back as they came, and what is left is Chromium's. */
function mirror(): Promise<Measures> {
  return withMicrophone(200, 800, async (file) => {
    await using server = new LineProgram("webrtc-mirror.ts");
    await using page = await MeasuredPage.start(await server.line(), file);
    await Bun.sleep(WARM_MS + BURSTS * 1000);
    return { ...(await mouthToEar(page)), page_buffer_ms: (await page.concealed()).bufferMs };
  });
}

async function mouthToEar(page: MeasuredPage): Promise<Measures> {
  const { said, heard } = await page.record();
  const ears = beginnings(heard, 300);
  const delays = beginnings(said, 300).flatMap((at) => {
    const ear = ears.find((one) => one >= at && one < at + 700);
    return ear === undefined ? [] : [ear - at];
  });
  return { mouth_to_ear_ms: percentile(delays, 50), bursts: delays.length };
}

/** Every utterance interrupts the answer to the one before. */
function interrupted(): Promise<Measures> {
  return withMicrophone(900, 3600, async (file) => {
    const brain = await scriptBrain({
      voice: STEADY,
      answers: ["so"],
      hears: Array.from({ length: 99 }, () => "go on"),
    });
    try {
      await using gateway = await GatewayProcess.start([`plugins.talk.url="${brain.url}"`]);
      await using page = await MeasuredPage.start(gateway.url, file);
      await Bun.sleep(6 * 4500 + 3000);
      const { said, heard } = await page.record();
      const silenceMs: number[] = [];
      const answerMs: number[] = [];
      for (const at of beginnings(said, 1000)) {
        if (sounds(heard, at)) {
          const silent = endAfter(heard, at, 120);
          if (silent !== null) silenceMs.push(silent - at);
        }
        const end = endAfter(said, at, 500);
        const answer = end === null ? undefined : beginnings(heard, 60).find((one) => one > end);
        if (end !== null && answer !== undefined) answerMs.push(answer - end);
      }
      return {
        barge_in_ms: percentile(silenceMs, 50),
        barge_in_max_ms: Math.max(...silenceMs),
        first_audio_ms: percentile(answerMs, 50) - SILENCE_MS,
        turns: answerMs.length,
      };
    } finally {
      await brain.close();
    }
  });
}

/** Forty callers at once, each speaking and hearing all the time. */
async function many(): Promise<Measures> {
  await using server = new LineProgram("realtime-echo.ts");
  const url = await server.line();
  await using gateway = new LineProgram("webrtc-gateway.ts", url);
  const address = await gateway.line();
  await callers(address, 2, 1);
  await fetch(new URL("collect", address));
  const emptyMb = residentMb(gateway.pid);
  await using crowd = new LineProgram("webrtc-callers.ts", address, String(MANY), String(MANY_S));
  await crowd.line();
  const cpuFromMs = gateway.cpuMs();
  const fromMs = performance.now();
  await Bun.sleep((MANY_S - 1) * 1000);
  const cpu = (100 * (gateway.cpuMs() - cpuFromMs)) / (performance.now() - fromMs);
  const fullMb = residentMb(gateway.pid);
  const result = JSON.parse(await crowd.line()) as Measures;
  return {
    cpu_percent_each: cpu / MANY,
    mb_each: (fullMb - emptyMb) / MANY,
    concealed_percent: (5 * (result["concealed_ms"] ?? NaN)) / (result["received"] ?? NaN),
    lost_packets: result["lost"] ?? NaN,
    offer_ms: result["offer_ms"] ?? NaN,
  };
}

/**
 * Connects and hangs up a thousand times (`--long`: two thousand), and looks after every hundred. What is left behind is the slope of
 * the straight line through what was seen after the first two hundred: one look differs from the next by some 4 MB.
 */
async function connects({ long }: CaseOptions): Promise<Measures> {
  const total = long ? 2000 : 1000;
  await using server = new LineProgram("realtime-echo.ts");
  await using gateway = new LineProgram("webrtc-gateway.ts", await server.line());
  const address = await gateway.line();
  const batch = 20;
  const seen: { calls: number; mb: number }[] = [];
  for (let calls = batch; calls <= total; calls += batch) {
    await callers(address, batch, 0.1);
    if (calls % 100 === 0 && calls >= 200) seen.push({ calls, mb: await settledMb(gateway, address) });
  }
  const middle = (pick: (one: (typeof seen)[number]) => number) =>
    seen.reduce((sum, one) => sum + pick(one), 0) / seen.length;
  const [calls, mb] = [middle((one) => one.calls), middle((one) => one.mb)];
  const slope =
    middle((one) => (one.calls - calls) * (one.mb - mb)) / middle((one) => (one.calls - calls) ** 2);
  return { kb_each: slope * 1024, least_mb: Math.min(...seen.map((one) => one.mb)), end_mb: seen.at(-1)!.mb };
}

async function settledMb(gateway: LineProgram, address: string): Promise<number> {
  await Bun.sleep(300);
  await fetch(new URL("collect", address));
  return residentMb(gateway.pid);
}

async function callers(address: string, count: number, seconds: number): Promise<void> {
  await using program = new LineProgram("webrtc-callers.ts", address, String(count), String(seconds));
  await program.line();
  await program.line();
}

/** What the older client had limits for. */
function operations(): Measures {
  const jitter = new JitterBuffer({ minMs: 20, maxMs: 120 }, { packet: () => {}, lost: () => {} });
  const payload = new Uint8Array(80);
  let sequence = 0;
  // Every tenth packet overtakes the one before.
  const turn = (): void => {
    const swapped = sequence % 10 === 0 ? 1 : sequence % 10 === 1 ? -1 : 0;
    const at = (sequence++ + swapped) & 0xffff;
    jitter.push(at, at * 960, payload, sequence * 20);
    jitter.tick(sequence * 20);
  };
  const { ns: jitterNs = NaN } = nsPerTurn((turns) => {
    for (let i = 0; i < turns; i++) turn();
    return jitter.counters.received;
  });
  const figures = [new Times(), new Times()];
  for (let i = 0; i < 1000; i++) for (const times of figures) times.add((i * 7919) % 500);
  const { ns: metricsNs = NaN } = nsPerTurn((turns) => {
    let sum = 0;
    for (let i = 0; i < turns; i++)
      for (const times of figures) sum += (times.percentile(50) ?? 0) + (times.percentile(95) ?? 0);
    return sum;
  });
  return { jitter_us: jitterNs / 1000, metrics_us: metricsNs / 1000 };
}

function row(
  name: string,
  title: string,
  unit: string,
  ours: string,
  metric: string,
  most: number | undefined,
  limit?: number | string,
): Row {
  const goals: Goal[] = most === undefined ? [] : [{ kind: "at_most", most }];
  return {
    name,
    title,
    unit,
    ours,
    metric,
    peers: [],
    across: "median",
    goals,
    ...(limit !== undefined && { limit }),
  };
}

/** The limits: for the way there and back what Chromium takes by itself, for an interruption the frame of 20 ms that has to be whole. */
export const part: Part = {
  rounds: 1,
  limitS: 400,
  rows: [
    row("webrtc_offer", "offer to answer, warm, as the page sees it", "ms", "echo", "offer_ms", 20),
    row(
      "webrtc_mouth_to_ear",
      "page's microphone to page's ear through a server that echoes",
      "ms",
      "echo",
      "mouth_to_ear_ms",
      70,
      "mirror",
    ),
    row(
      "webrtc_page_buffer",
      "of which sound waits in the page's own jitter buffer",
      "ms",
      "echo",
      "page_buffer_ms",
      undefined,
      "mirror",
    ),
    row(
      "webrtc_cpu",
      "CPU of the gateway with one page that talks all the time, of a core",
      "%",
      "echo",
      "cpu_percent",
      2.5,
    ),
    row(
      "webrtc_concealed",
      "samples a real page had to make up",
      "%",
      "echo",
      "concealed_percent",
      undefined,
    ),
    row(
      "webrtc_first_audio",
      "end of speech as the server's VAD (500 ms) has it to the first sound of the answer",
      "ms",
      "interrupted",
      "first_audio_ms",
      300,
    ),
    row(
      "webrtc_barge_in",
      "first sample of speech to silence at the page, median",
      "ms",
      "interrupted",
      "barge_in_ms",
      80,
      20,
    ),
    row("webrtc_barge_in_max", "the same, slowest", "ms", "interrupted", "barge_in_max_ms", 120, 20),
    row(
      "webrtc_many_cpu",
      "CPU for each of 40 sessions at once, of a core",
      "%",
      "many",
      "cpu_percent_each",
      2.5,
    ),
    row(
      "webrtc_many_concealed",
      "sound a page would have to make up with 40 sessions at once (60 ms in hand)",
      "%",
      "many",
      "concealed_percent",
      0,
    ),
    row("webrtc_many_memory", "memory for each of 40 sessions", "MB", "many", "mb_each", 3),
    row(
      "webrtc_jitter_operation",
      "a packet through the jitter buffer, one in ten out of order",
      "µs",
      "operations",
      "jitter_us",
      1000,
    ),
    row(
      "webrtc_metrics",
      "both percentiles of both times, as getPerformanceMetrics() tells them",
      "µs",
      "operations",
      "metrics_us",
      10_000,
    ),
    row("webrtc_leak", "memory left behind by a call that is over", "kB", "connects", "kb_each", 10),
  ],
  cases: { echo, mirror, interrupted, many, connects, operations },
};
