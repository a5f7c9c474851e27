import { expect, test } from "bun:test";
import { createLog } from "../../core/log.ts";
import { BrainProcess } from "../../plugins/brain-local/brain-process.ts";
import { RawClient } from "../kit/raw-client.ts";

const OPTIONS = {
  port: 0,
  voice: "rms",
  silenceMs: 500,
  sessionMinutes: 60,
  dialect: "ga",
  speed: 4,
  logLevel: "warn",
} as const;
const LOG = createLog({ write: () => {} });
const MAIN = `${import.meta.dir}/../../plugins/brain-local/main.ts`;

/** True while a process runs; a zombie counts as gone. */
async function alive(pid: number): Promise<boolean> {
  const stat = await Bun.file(`/proc/${pid}/stat`)
    .text()
    .catch(() => "");
  return stat !== "" && !/\) Z /.test(stat);
}

async function gone(pid: number): Promise<void> {
  while (await alive(pid)) await Bun.sleep(5);
}

test("the brain's process listens before its models are loaded and ends when told to", async () => {
  const brain = new BrainProcess(OPTIONS, LOG);
  const { url, hearing } = await brain.listening;
  expect(typeof hearing.available).toBe("boolean");
  const client = await RawClient.connect(`${url}?model=x`);
  await client.until("session.created");
  brain.kill();
  expect((await client.closed).code).toBe(1006);
  expect(await brain.ended).toBe("SIGKILL");
});

test("the brain's process goes when its parent dies, whatever killed it", async () => {
  const script = `
    const child = Bun.spawn({ cmd: [process.execPath, ${JSON.stringify(MAIN)}, "--child", "--port", "0"],
      stdin: "pipe", stdout: "pipe" });
    for await (const bytes of child.stdout) { console.log(child.pid); break; }
    setInterval(() => {}, 1000);`;
  const parent = Bun.spawn({ cmd: [process.execPath, "-e", script], stdout: "pipe", stdin: "ignore" });
  let pid = 0;
  for await (const bytes of parent.stdout) {
    pid = Number(new TextDecoder().decode(bytes));
    break;
  }
  expect(await alive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await gone(pid);
});

test("a signal to the whole group of processes leaves the brain to the runtime, which ends it last", async () => {
  const brain = Bun.spawn({
    cmd: [process.execPath, MAIN, "--child", "--port", "0"],
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  for await (const _ of brain.stdout) break;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    brain.kill(signal);
    await Bun.sleep(100);
    expect(await alive(brain.pid)).toBe(true);
  }
  brain.stdin.end();
  expect(await brain.exited).toBe(0);
});

test("alone it greets, explains a wrong flag, and leaves on Ctrl-C", async () => {
  const wrong = Bun.spawnSync({ cmd: [process.execPath, MAIN, "--port", "many"] });
  expect(wrong.exitCode).toBe(2);
  expect(wrong.stderr.toString()).toContain('--port: expected a number from 0 to 65535, got "many"');
  expect(Bun.spawnSync({ cmd: [process.execPath, MAIN, "--help"] }).stdout.toString()).toContain(
    "--silence-ms",
  );
  const brain = Bun.spawn({
    cmd: [process.execPath, MAIN, "--port", "0", "--dialect", "beta"],
    stdout: "pipe",
    stderr: "ignore",
  });
  for await (const bytes of brain.stdout) {
    expect(new TextDecoder().decode(bytes)).toContain("Realtime API (beta)");
    expect(new TextDecoder().decode(bytes)).toMatch(/ws:\/\/127\.0\.0\.1:\d+\/v1\/realtime\?model=/);
    break;
  }
  brain.kill("SIGINT");
  expect(await brain.exited).toBe(0);
});

test("a web page of another origin is turned away unless it is named, programs and pages of this machine are not", async () => {
  const brain = new BrainProcess({ ...OPTIONS, origins: ["https://robot.example"] }, LOG);
  try {
    const http = (await brain.listening).url.replace(/^ws/, "http");
    const status = async (origin?: string) => {
      const headers = { Upgrade: "websocket", ...(origin !== undefined && { Origin: origin }) };
      return (await fetch(http.replace("realtime", "audio/speech"), { headers })).status;
    };
    expect(await status("https://evil.example")).toBe(403);
    expect(await status("null")).toBe(403);
    expect(await status("http://localhost.evil.example")).toBe(403);
    for (const origin of [undefined, "http://localhost:5173", "http://127.0.0.1", "https://robot.example"]) {
      expect(await status(origin)).toBe(404);
    }
    const evil = new WebSocket(http.replace(/^http/, "ws"), { headers: { Origin: "https://evil.example" } });
    const { promise, resolve } = Promise.withResolvers<string>();
    evil.onopen = () => resolve("open");
    evil.onclose = () => resolve("closed");
    expect(await promise).toBe("closed");
  } finally {
    brain.kill();
    await brain.ended;
  }
});

test("a spoken sentence comes back as a tool call, heard, understood and answered offline", async () => {
  const brain = new BrainProcess(OPTIONS, LOG);
  try {
    const { url, hearing } = await brain.listening;
    expect(hearing.hint ?? "it hears").toBe("it hears");
    const speech = await fetch(url.replace(/^ws/, "http").replace(/realtime$/, "audio/speech"), {
      method: "POST",
      body: JSON.stringify({ input: "move forward fifty centimetres", voice: "slt", response_format: "pcm" }),
    });
    const pcm = new Int16Array(await speech.arrayBuffer());
    const client = await RawClient.connect(`${url}?model=x`);
    const tool = {
      type: "function",
      name: "move",
      description: 'Drives. Examples: "move forward {distance_m}".',
      parameters: {
        type: "object",
        properties: { distance_m: { type: "number", minimum: -3, maximum: 3 } },
        required: ["distance_m"],
      },
    };
    const audio = { input: { transcription: { model: "x" } } };
    const session = { type: "realtime", tools: [tool], audio };
    await client.ask({ type: "session.update", session }, "session.updated");
    for (const part of [new Int16Array(12_000), pcm, new Int16Array(24_000)]) client.append(part);
    const { response } = await client.until("response.done");
    const heard = client.all("conversation.item.input_audio_transcription.completed")[0];
    expect(heard?.transcript).toBe("move forward fifty centimeters");
    const answer = response as { output: Record<string, string>[] };
    const call = answer.output.find(({ type }) => type === "function_call");
    expect(call?.name).toBe("move");
    expect(JSON.parse(call?.arguments ?? "{}")).toEqual({ distance_m: 0.5 });
    const output = { type: "function_call_output", call_id: call?.call_id, output: "Drove 50 cm." };
    await client.ask({ type: "conversation.item.create", item: output }, "conversation.item.done");
    await client.ask({ type: "response.create" }, "response.done");
    expect(client.all("response.output_audio.delta").length).toBeGreaterThan(3);
    expect(client.all("response.output_audio_transcript.done").at(-1)?.transcript).toContain("50 cm");
    await client.close();
  } finally {
    brain.kill();
    await brain.ended;
  }
});
