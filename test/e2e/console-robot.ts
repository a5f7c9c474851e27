import type { Page } from "playwright-core";
import { RobotProcess } from "./run-robot.ts";

/** A simulated robot in a process of its own, with its page at `url`. */
export class ConsoleRobot implements AsyncDisposable {
  readonly run: RobotProcess;
  readonly url: string;

  private constructor(run: RobotProcess, url: string) {
    this.run = run;
    this.url = url;
  }

  /** Resolves when its link is up. `port` 0 takes any free one. */
  static async start(options: { port?: number; args?: string[] } = {}): Promise<ConsoleRobot> {
    const port = options.port ?? freePort();
    const run = new RobotProcess([
      ...[
        "--profile",
        "desktop-sim",
        "--set",
        `plugins.web.port=${port}`,
        "--set",
        "plugins.web.any_port=false",
      ],
      // The motion process stops the wheels of a robot that is not heard of: a loaded test machine is no such fault.
      ...["--set", "plugins.drive.alive_ms=2000", "--set", `budget.state_file=""`, ...(options.args ?? [])],
    ]);
    await run.waitFor("session.state_changed", ({ state }) => state === "ready");
    await run.waitFor("runtime.ready");
    return new ConsoleRobot(run, `http://127.0.0.1:${port}/`);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.run.process.kill("SIGTERM");
    await this.run.process.exited;
  }
}

/** A port that was free a moment ago. */
function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  void server.stop(true);
  if (port === undefined) throw new Error("there is no free port");
  return port;
}

/** Where the page says the robot is, metres along the room. */
export async function shownX(page: Page): Promise<number> {
  return Number.parseFloat((await page.getByTestId("x").textContent()) ?? "");
}

/** Types a sentence as a person would. */
export async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel("Say it in writing").fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

/** Waits for a text somewhere on the page. */
export async function shows(page: Page, text: string | RegExp, limitMs = 15_000): Promise<void> {
  await page.getByText(text).first().waitFor({ timeout: limitMs });
}

/** Resolves when `condition` answers true; rejects after the limit, saying what was waited for. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  limitMs = 15_000,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await Bun.sleep(30);
  }
}
