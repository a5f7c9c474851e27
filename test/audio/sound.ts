import { RATE_HZ } from "../../core/audio/port.ts";
import { ToneVoice } from "../kit/index.ts";
import { until } from "./private-server.ts";
import type { PrivateServer } from "./private-server.ts";

const FORMAT = ["--raw", "--format=s16le", "--channels=1", `--rate=${RATE_HZ}`, "--latency-msec=20"];
/** What the robots of these tests say. */
export const SHORT = "Hello there.";
/** Louder than this is sound. */
const AUDIBLE = 200;

/** Listens to what a sink of the server plays. */
export class Recorder {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "ignore">;
  readonly #chunks: Int16Array[] = [];
  #length = 0;
  /** Position and time of the last samples that were audible. */
  #audibleAt = -Infinity;

  constructor(server: PrivateServer, sink: string) {
    this.#child = Bun.spawn(["parec", ...FORMAT, `--device=${sink}.monitor`], {
      env: server.env,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    void this.#read();
  }

  async #read(): Promise<void> {
    let rest = new Uint8Array();
    for await (const bytes of this.#child.stdout) {
      const all = new Uint8Array(rest.length + bytes.length);
      all.set(rest);
      all.set(bytes, rest.length);
      const pcm = new Int16Array(all.buffer, 0, all.length >> 1).slice();
      rest = all.slice(pcm.byteLength);
      if (pcm.some((sample) => Math.abs(sample) > AUDIBLE)) this.#audibleAt = performance.now();
      this.#chunks.push(pcm);
      this.#length += pcm.length;
    }
  }

  get length(): number {
    return this.#length;
  }

  /** From sample `from` on. */
  since(from: number): Int16Array {
    const all = new Int16Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all.subarray(from);
  }

  /** Milliseconds of sound since sample `from`: 10 ms blocks that are not silent. */
  soundMs(from = 0): number {
    const pcm = this.since(from);
    const block = RATE_HZ / 100;
    let blocks = 0;
    for (let at = 0; at + block <= pcm.length; at += block) {
      if (pcm.subarray(at, at + block).some((sample) => Math.abs(sample) > AUDIBLE)) blocks++;
    }
    return blocks * 10;
  }

  /** Resolves when the recording has begun. */
  started(): Promise<void> {
    return until(() => this.#length > 0, "the recorder");
  }

  /** Resolves when something was audible since sample `from`. */
  sound(from = this.#length): Promise<void> {
    return until(() => this.soundMs(from) > 0, "a sound at the loudspeaker");
  }

  /** Resolves when nothing has been audible for `ms`. */
  silence(ms: number): Promise<void> {
    return until(() => performance.now() - this.#audibleAt > ms, "silence at the loudspeaker");
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

/** Plays PCM16 24 kHz mono on a sink of the server; resolves when it was played. */
export async function play(server: PrivateServer, sink: string, pcm: Int16Array): Promise<void> {
  const child = Bun.spawn(["pacat", ...FORMAT, `--device=${sink}`], {
    env: server.env,
    stdin: new Blob([pcm as Int16Array<ArrayBuffer>]),
    stdout: "ignore",
    stderr: "pipe",
  });
  const code = await child.exited;
  if (code !== 0) throw new Error(`pacat: ${await child.stderr.text()}`);
}

/** PipeWire's graph carries what "spk" plays to "ear", beside what others play there: the delay of the echo is constant. */
export async function wire(server: PrivateServer): Promise<void> {
  const link = ["pw-link", "spk:monitor_MONO", "ear:playback_MONO"];
  await until(
    async () => (await Bun.spawn(link, { env: server.env, stderr: "ignore" }).exited) === 0,
    "pw-link",
  );
}

/** What a room does to a sound on its way from the loudspeaker to the microphone. */
export interface EchoPath {
  delayMs: number;
  /** Impulse response at 24 kHz; its gain is the level of the echo. */
  impulse: Float32Array;
}

/** Carries what one sink plays to another, through an echo path. */
export class Room {
  readonly #ear: Bun.Subprocess<"ignore", "pipe", "ignore">;
  readonly #mouth: Bun.Subprocess<"pipe", "ignore", "ignore">;

  constructor(server: PrivateServer, from: string, to: string, path: EchoPath) {
    const { env } = server;
    const quiet = { env, stderr: "ignore" } as const;
    this.#ear = Bun.spawn(["parec", ...FORMAT, `--device=${from}.monitor`], {
      ...quiet,
      stdin: "ignore",
      stdout: "pipe",
    });
    this.#mouth = Bun.spawn(["pacat", ...FORMAT, `--device=${to}`], {
      ...quiet,
      stdin: "pipe",
      stdout: "ignore",
    });
    // It ends with the two programs, of which one is gone first.
    void this.#carry(path).catch(() => {});
  }

  async #carry({ delayMs, impulse }: EchoPath): Promise<void> {
    const { stdin } = this.#mouth;
    stdin.write(new Int16Array((delayMs * RATE_HZ) / 1000));
    let past = new Float32Array(impulse.length - 1);
    for await (const bytes of this.#ear.stdout) {
      const pcm = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length >> 1);
      const input = new Float32Array(past.length + pcm.length);
      input.set(past);
      for (let i = 0; i < pcm.length; i++) input[past.length + i] = pcm[i]!;
      const echo = new Int16Array(pcm.length);
      for (let i = 0; i < echo.length; i++) {
        let sum = 0;
        for (let tap = 0; tap < impulse.length; tap++) sum += impulse[tap]! * input[past.length + i - tap]!;
        echo[i] = Math.round(sum);
      }
      past = input.slice(pcm.length);
      stdin.write(echo);
      await stdin.flush();
    }
  }

  async stop(): Promise<void> {
    for (const child of [this.#ear, this.#mouth]) child.kill("SIGKILL");
    await Promise.all([this.#ear.exited, this.#mouth.exited]);
  }
}

/** The best normalised correlation of `wanted` with any place of `heard`. */
export function likeness(heard: Int16Array, wanted: Int16Array): number {
  const energy = (pcm: Int16Array) => pcm.reduce((sum, sample) => sum + sample * sample, 0);
  const wantedEnergy = energy(wanted);
  let best = 0;
  for (let lag = 0; lag + wanted.length <= heard.length; lag += 1) {
    let sum = 0;
    for (let i = 0; i < wanted.length; i++) sum += heard[lag + i]! * wanted[i]!;
    if (sum < best * wantedEnergy * 0.5) continue;
    best = Math.max(best, sum / Math.sqrt(wantedEnergy * energy(heard.subarray(lag, lag + wanted.length))));
  }
  return best;
}

/**
 * How like {@link SHORT} in the tone voice that is what `say` has the robot say, at the loudspeaker. On a busy computer a sound
 * may stutter, three in a row do not: the best of three, or the first that is `enough`.
 */
export async function faithfulness(
  recorder: Recorder,
  enough: number,
  say: () => Promise<void>,
): Promise<number> {
  const voice = await new ToneVoice().synthesize(SHORT);
  const wanted = voice.subarray(firstAudible(voice), firstAudible(voice) + RATE_HZ / 10);
  let best = 0;
  for (let i = 0; i < 3 && best < enough; i++) {
    const from = recorder.length;
    await say();
    await recorder.sound(from);
    await recorder.silence(100);
    const heard = recorder.since(from);
    const onset = Math.max(0, firstAudible(heard) - RATE_HZ / 50);
    best = Math.max(best, likeness(heard.subarray(onset, onset + RATE_HZ / 4), wanted));
  }
  return best;
}

/** Index of the first sample that is no silence. */
export function firstAudible(pcm: Int16Array): number {
  return pcm.findIndex((sample) => Math.abs(sample) > AUDIBLE);
}
