import { definePlugin, MynaError } from "myna";
import { z } from "zod";
import { BRAIN_DIALECTS } from "./brain.ts";
import { BrainProcess, type Listening } from "./brain-process.ts";
import { LOG_LEVELS } from "./child-line.ts";

const config = z.object({
  port: z.number().int().min(0).max(65_535).default(0),
  voice: z.string().min(1).default("rms"),
  user_voice: z.string().min(1).default("slt"),
  silence_ms: z.number().int().min(20).max(10_000).default(500),
  session_minutes: z.number().int().min(1).max(100_000).default(1440),
  dialect: z.enum(BRAIN_DIALECTS).default("ga"),
  speed: z.number().min(1).max(1000).default(4),
  log_level: z.enum(LOG_LEVELS).default("warn"),
});

/** Wait before the first restart; doubles up to {@link LAST_RESTART_MS}. */
const FIRST_RESTART_MS = 250;
const LAST_RESTART_MS = 10_000;
/** A brain that ran this long is well again: the next restart is quick. */
const WELL_MS = 30_000;

export default definePlugin({
  name: "brain-local",
  config,
  provides: ["brain", "speech"],
  async setup(ctx) {
    const { port, voice, silence_ms, session_minutes, dialect, speed, log_level } = ctx.config;
    let brain: BrainProcess | null = null;
    /** Where it listens, or listened before it died: the session keeps trying there. */
    let listening: Listening;
    let restarts = 0;
    let waitMs = FIRST_RESTART_MS;

    /** Starts a process on `port` and watches over it; rejects when it does not listen. */
    async function start(onPort: number): Promise<void> {
      const started = new BrainProcess(
        {
          port: onPort,
          voice,
          silenceMs: silence_ms,
          sessionMinutes: session_minutes,
          dialect,
          speed,
          logLevel: log_level,
        },
        ctx.log,
      );
      brain = started;
      listening = await started.listening;
      const sinceMs = performance.now();
      void started.ended.then((code) => {
        if (ctx.signal.aborted || brain !== started) return;
        if (performance.now() - sinceMs > WELL_MS) waitMs = FIRST_RESTART_MS;
        restartLater(`The brain's process ended (${code}).`, Number(new URL(listening.url).port));
      });
    }

    /** The port stays the same where it can, so that the session finds the brain again. */
    function restartLater(reason: string, lastPort: number): void {
      ctx.health("degraded", `${reason} It is started again in ${waitMs} ms.`);
      ctx.log.warn(`${reason} It is started again.`, { wait_ms: waitMs });
      ctx.after(waitMs, () => {
        restarts += 1;
        start(lastPort).then(
          () => ctx.health("ready"),
          (thrown: unknown) => {
            if (ctx.signal.aborted) return;
            const error = MynaError.from(thrown, "DEVICE_FAILED");
            restartLater(error.message, error.code === "PORT_IN_USE" ? port : lastPort);
          },
        );
      });
      waitMs = Math.min(waitMs * 2, LAST_RESTART_MS);
    }

    ctx.defer(() => brain?.kill());
    await start(port);
    ctx.inspect(() => ({ pid: brain?.pid ?? null, url: listening.url, restarts }));
    ctx.provide("brain", { url: () => listening.url, hearing: () => listening.hearing });
    ctx.provide("speech", {
      async synthesize(text, name) {
        const url = listening.url.replace(/^ws/, "http").replace(/realtime$/, "audio/speech");
        const body = { input: text, voice: name ?? ctx.config.user_voice, response_format: "pcm" };
        const request = { method: "POST", body: JSON.stringify(body), signal: ctx.signal };
        const response = await fetch(url, request).catch((cause: unknown) => {
          throw new MynaError("SERVICE_UNAVAILABLE", "The local brain cannot be reached.", { cause });
        });
        if (!response.ok) {
          const message = `Speech synthesis failed: ${await response.text()}`;
          throw new MynaError("SPEECH_UNAVAILABLE", message);
        }
        return new Int16Array(await response.arrayBuffer());
      },
    });
  },
});
