import { chromium } from "playwright-core";
import type { Browser as Chromium, BrowserContext, Page } from "playwright-core";

/** Debian's package `chromium`, of which `./setup --dev` sees to it. */
const PROGRAM = "chromium";

/** Without the network flags Chromium looks for Google's hosts at every start. */
const FLAGS = [
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // WebGL by the processor: a test machine has no graphics card.
  "--use-gl=angle",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  // Sound without a click first, and WebRTC with a server on this machine.
  "--autoplay-policy=no-user-gesture-required",
  "--allow-loopback-in-peer-connection",
  "--use-fake-device-for-media-stream",
];

export interface BrowserOptions {
  /** WAV file (PCM16, 48 kHz is safest) that the page's microphone hears, once, from the moment it opens it; else beeps. */
  microphone?: string;
  /** Starts the WAV over at its end. */
  loop?: boolean;
  /** False asks nobody and gives no microphone to the page. Default true. */
  allowMicrophone?: boolean;
  /** Size of the page; default 1280 × 800. */
  width?: number;
  height?: number;
  /** A touch screen, as a telephone has. */
  touch?: boolean;
  /** More of Chromium's own switches. */
  flags?: readonly string[];
}

/** A headless Chromium. `await using browser = await Browser.start(…)` ends it with its folder. */
export class Browser implements AsyncDisposable {
  /** What pages threw or complained of (a violated policy, a file not found); a test expects it to be empty. */
  readonly complaints: string[] = [];
  readonly #chromium: Chromium;
  readonly #context: BrowserContext;

  private constructor(browser: Chromium, context: BrowserContext) {
    this.#chromium = browser;
    this.#context = context;
  }

  static async start(options: BrowserOptions = {}): Promise<Browser> {
    const executablePath = Bun.which(PROGRAM);
    if (!executablePath)
      throw new Error(`there is no ${PROGRAM}: run ./setup --dev, or apt-get install ${PROGRAM}`);
    const { microphone, loop = false, allowMicrophone = true, width = 1280, height = 800 } = options;
    const wav = microphone && `--use-file-for-fake-audio-capture=${microphone}${loop ? "" : "%noloop"}`;
    const browser = await chromium.launch({
      executablePath,
      headless: true,
      chromiumSandbox: false,
      args: [...FLAGS, ...(wav ? [wav] : []), ...(options.flags ?? [])],
    });
    const context = await browser.newContext({
      viewport: { width, height },
      hasTouch: options.touch ?? false,
      isMobile: options.touch ?? false,
      // The door's own certificate is signed by itself.
      ignoreHTTPSErrors: true,
      permissions: allowMicrophone ? ["microphone"] : [],
    });
    return new Browser(browser, context);
  }

  /** A new tab; with `url` resolved when its scripts have run. */
  async page(url?: string): Promise<Page> {
    const page = await this.#context.newPage();
    page.on("pageerror", (error) => this.complaints.push(`${error.name}: ${error.message}`));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.complaints.push(message.text());
    });
    if (url !== undefined) await page.goto(url, { waitUntil: "load" });
    return page;
  }

  /**
   * The first value of a JavaScript expression in the page that is true. Playwright's `waitForFunction` is no use behind the
   * door: it evaluates text in the page, which the policy forbids.
   */
  async until(page: Page, expression: string, limitMs = 10_000): Promise<unknown> {
    const endMs = performance.now() + limitMs;
    for (;;) {
      const value: unknown = await page.evaluate(expression);
      if (value) return value;
      if (performance.now() > endMs)
        throw new Error(
          `not true within ${limitMs} ms: ${expression}; complaints: ${this.complaints.join("; ")}`,
        );
      await Bun.sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chromium.close();
  }
}
