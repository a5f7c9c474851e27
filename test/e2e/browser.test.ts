import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeWav } from "../../core/audio/wav.ts";
import { startDoor } from "../plugins/web-door-kit.ts";
import { Browser } from "./browser.ts";

const RATE_HZ = 48_000;
const TONE_HZ = 1000;

/** What the page's microphone hears: the strongest frequency, Hz, waited for until it is loud. */
const LISTEN = `
  const context = new AudioContext();
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const analyser = context.createAnalyser();
  context.createMediaStreamSource(stream).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  let best = 0;
  do {
    await new Promise((resolve) => setTimeout(resolve, 20));
    analyser.getFloatFrequencyData(bins);
    best = bins.indexOf(Math.max(...bins));
  } while (!(bins[best] > -40));
  document.title = String(Math.round(best * context.sampleRate / analyser.fftSize));
`;

test("a page behind the door runs in Chromium, hears the WAV, and may load nothing of another site", async () => {
  const folder = mkdtempSync(join(tmpdir(), "myna-browser-"));
  try {
    const tone = Int16Array.from({ length: RATE_HZ }, (_, i) =>
      Math.round(16_000 * Math.sin((2 * Math.PI * TONE_HZ * i) / RATE_HZ)),
    );
    const microphone = join(folder, "tone.wav");
    writeFileSync(microphone, encodeWav(tone, RATE_HZ));
    await using web = await startDoor();
    const html = `<!doctype html><title>page</title><script>document.title = "inline"</script>
      <script type="module" src="/page.js"></script>`;
    const serve = (path: string, text: string, type: string) =>
      web.door.route({
        method: "GET",
        path,
        role: "viewer",
        handle: () => new Response(text, { headers: { "content-type": type } }),
      });
    serve("/", html, "text/html");
    serve("/page.js", `const run = async () => {${LISTEN}}; run();`, "text/javascript");
    await using browser = await Browser.start({ microphone, loop: true });
    const page = await browser.page(web.url);
    await browser.until(page, "/^\\d+$/.test(document.title)");
    expect(Number(await page.title())).toBeGreaterThan(TONE_HZ - 50);
    expect(Number(await page.title())).toBeLessThan(TONE_HZ + 50);
    const blocked = await page.evaluate(`fetch("http://127.0.0.2:9/").then(() => "loaded", () => "refused")`);
    expect(blocked).toBe("refused");
    expect(
      browser.complaints.filter((text) => text.includes("Content Security Policy")).length,
    ).toBeGreaterThanOrEqual(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
