import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");

/** A gateway in a process of its own, as a container runs it, on a free port of loopback. */
export class GatewayProcess implements AsyncDisposable {
  /** Ends in "/". */
  readonly url: string;
  readonly #process: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #log: { text: string };

  private constructor(
    process: Bun.Subprocess<"ignore", "ignore", "pipe">,
    url: string,
    log: { text: string },
  ) {
    this.#process = process;
    this.url = url;
    this.#log = log;
  }

  /** Resolves when it is ready. `set` are lines for `--set`. */
  static async start(set: string[], env: Record<string, string> = {}): Promise<GatewayProcess> {
    const flags = ["plugins.web.port=0", ...set].flatMap((line) => ["--set", line]);
    const child = Bun.spawn([process.execPath, "core/main.ts", "--profile", "gateway", ...flags], {
      cwd: ROOT,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      env: { ...process.env, OPENAI_API_KEY: "sk-test-key", MYNA_WEB_TOKEN: "", ...env },
    });
    const log = { text: "" };
    const url = Promise.withResolvers<string>();
    void (async () => {
      for await (const part of child.stderr.pipeThrough(new TextDecoderStream())) {
        log.text += part;
        const found = /"url":"(https?:[^"]+)"/.exec(log.text)?.[1];
        if (found) url.resolve(found);
      }
      url.reject(new Error(`the gateway ended: ${log.text}`));
    })();
    const gateway = new GatewayProcess(child, await url.promise, log);
    while ((await gateway.status("ready").catch(() => 0)) !== 200) await Bun.sleep(10);
    return gateway;
  }

  /** What it wrote to its log so far. */
  get log(): string {
    return this.#log.text;
  }

  async status(path: string): Promise<number> {
    const response = await fetch(new URL(path, this.url));
    await response.arrayBuffer();
    return response.status;
  }

  /** Asks for a call with a conversation of its own. */
  offer(sdp: string): Promise<Response> {
    return fetch(new URL("talk/offer", this.url), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ sdp, mode: "own" }),
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  terminate(): void {
    this.#process.kill("SIGTERM");
  }

  get exited(): Promise<number> {
    return this.#process.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }
}
