import { definePlugin, isMynaError, MynaError } from "myna";
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
  origins: z.array(z.string().min(1)).default([]),
  log_level: z.enum(LOG_LEVELS).default("warn"),
});

/** Wait before the first restart; doubles up to {@link LAST_RESTART_MS}. */
const FIRST_RESTART_MS = 250;
const LAST_RESTART_MS = 10_000;
/** A brain that ran this long is well again: the next restart is quick. */
const WELL_MS = 30_000;
/** How often the process is asked whether it lives, milliseconds. */
const PULSE_MS = 1000;
/** So many pulses without an answer, and it hangs: well above what recognition and synthesis ever hold it up. */
const MISSED_PULSES = 4;
/** A process that was started listens within this time, milliseconds; it takes 0.2 s on a PC. */
const LISTEN_LIMIT_MS = 10_000;
/** A sentence becomes speech within this time, milliseconds. */
const SPEECH_LIMIT_MS = 10_000;

export default definePlugin({
  name: "brain-local",
  config,
  provides: ["brain", "speech"],
  async doctor() {
    // Loads the recogniser's library, which the runtime itself leaves to the brain's process.
    const path = `${import.meta.dir}/doctor.ts`;
    return ((await import(path)) as typeof import("./doctor.ts")).checkHearing();
  },
  async setup(ctx) {
    const { port, voice, silence_ms, session_minutes, dialect, speed, origins, log_level } = ctx.config;
    let brain: BrainProcess | null = null;
    /** Where it listens, or listened before it died: the session keeps trying there. */
    let listening: Listening;
    let restarts = 0;
    let waitMs = FIRST_RESTART_MS;
    /** The process that `listening` is about. */
    let listener: BrainProcess | null = null;
    /** Pulses in a row that it did not answer. */
    let missed = 0;
    let asking = false;
    const http = (path: string) => listening.url.replace(/^ws/, "http").replace(/realtime$/, path);

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
          origins,
          logLevel: log_level,
        },
        ctx.log,
      );
      brain = started;
      const tooSlow = ctx.after(LISTEN_LIMIT_MS, () => started.kill());
      listening = await started.listening.finally(tooSlow);
      listener = started;
      missed = 0;
      const sinceMs = performance.now();
      void started.ended.then((code) => {
        if (ctx.signal.aborted || brain !== started) return;
        if (performance.now() - sinceMs > WELL_MS) waitMs = FIRST_RESTART_MS;
        const end = missed > MISSED_PULSES ? "hung and was ended" : `ended (${code})`;
        restartLater(`The brain's process ${end}.`, Number(new URL(listening.url).port));
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

    /** A stopped or stuck process notices no signal but SIGKILL; its end starts another. */
    function takePulse(): void {
      const asked = brain;
      if (asked === null || asked !== listener || asked.over) return;
      if (missed++ >= MISSED_PULSES) return asked.kill();
      if (asking) return;
      asking = true;
      fetch(http("../healthz"), { signal: ctx.signal })
        .then(
          () => void (missed = 0),
          () => {},
        )
        .finally(() => void (asking = false));
    }

    ctx.defer(() => brain?.kill());
    await start(port).catch((cause: unknown) => {
      const error = MynaError.from(cause, "DEVICE_FAILED");
      if (error.code !== "PORT_IN_USE") throw error;
      throw new MynaError(error.code, `[plugins.${ctx.id}] port: ${error.message}`, { cause });
    });
    ctx.every(PULSE_MS, takePulse);
    ctx.inspect(() => ({ pid: brain?.pid ?? null, url: listening.url, restarts }));
    ctx.provide("brain", { url: () => listening.url, hearing: () => listening.hearing });
    ctx.provide("speech", {
      async synthesize(text, name) {
        const body = { input: text, voice: name ?? ctx.config.user_voice, response_format: "pcm" };
        const limit = new AbortController();
        const cancel = ctx.after(SPEECH_LIMIT_MS, () => limit.abort());
        const signal = AbortSignal.any([ctx.signal, limit.signal]);
        try {
          const response = await fetch(http("audio/speech"), {
            method: "POST",
            body: JSON.stringify(body),
            signal,
          });
          if (response.ok) return new Int16Array(await response.arrayBuffer());
          throw new MynaError("SPEECH_UNAVAILABLE", `Speech synthesis failed: ${await response.text()}`);
        } catch (thrown) {
          if (isMynaError(thrown)) throw thrown;
          const message = limit.signal.aborted
            ? `The local brain did not answer within ${SPEECH_LIMIT_MS / 1000} s.`
            : "The local brain cannot be reached; it is started again.";
          throw new MynaError("SERVICE_UNAVAILABLE", message, { cause: thrown });
        } finally {
          cancel();
        }
      },
    });
  },
});
