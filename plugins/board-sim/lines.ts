import type { InputLine, LineChip, LineEdge, OutputLine } from "myna";
import { isAlive } from "./hat-file.ts";
import { HatMemory, LINES } from "./hat-memory.ts";

/** How often inputs are looked at for edges. */
const LOOK_MS = 5;
/** From the trigger's pulse to the start of the echo (HC-SR04 data sheet: eight periods of 40 kHz, and some). */
const ECHO_STARTS_US = 460;
/** The sensor gives up after so long, and its echo line with it. */
const ECHO_MOST_US = 38_000;

/** What {@link openLines} is told. */
export interface SimulatedLinesOptions {
  /** The file of the HAT. */
  hat: string;
  /** Lines with a meaning, by BCM number. */
  motorReset: number;
  ultrasonicTrigger: number;
  ultrasonicEcho: number;
}

interface Watched {
  active: boolean;
  activeLow: boolean;
  onEdge: (edge: LineEdge) => void;
}

/** The lines of the simulated board. Levels are kept in the file, as a Raspberry Pi keeps them when a program dies. */
export function openLines(options: SimulatedLinesOptions): LineChip {
  const hat = HatMemory.open(options.hat);
  const mine = new Set<number>();
  const watched = new Map<number, Watched>();
  let timer: ReturnType<typeof setInterval> | undefined;

  const claim = (line: number, consumer: string) => {
    if (!Number.isInteger(line) || line < 0 || line >= LINES)
      throw coded("DEVICE_NOT_FOUND", `the chip has no line ${line} (${consumer})`);
    const owner = hat.owners[line]!;
    const free = owner === 0 || !isAlive(owner);
    if (!free || Atomics.compareExchange(hat.owners, line, owner, process.pid) !== owner)
      throw coded("DEVICE_BUSY", `line ${line} (${consumer}) is held by process ${hat.owners[line]}`);
    mine.add(line);
  };
  const release = (line: number) => {
    if (mine.delete(line)) hat.owners[line] = 0;
    if (watched.delete(line) && watched.size === 0) clearInterval(timer);
  };
  const isActive = (line: number, activeLow: boolean) => (hat.levels[line] === 1) !== activeLow;
  const look = () => {
    for (const [line, watch] of watched) {
      const active = isActive(line, watch.activeLow);
      if (active === watch.active) continue;
      watch.active = active;
      watch.onEdge({ active, timestampNs: nowNs() });
    }
  };
  const ping = () => {
    const echoUs = hat.echoUs;
    const echo = watched.get(options.ultrasonicEcho);
    if (!echo) return;
    // Without an echo the line falls again only when the sensor gives up.
    const lengthUs = echoUs >= 0 && echoUs < ECHO_MOST_US ? echoUs : ECHO_MOST_US;
    const startNs = nowNs() + BigInt(ECHO_STARTS_US) * 1000n;
    setTimeout(
      () => {
        if (watched.get(options.ultrasonicEcho) !== echo) return;
        echo.onEdge({ active: true, timestampNs: startNs });
        echo.onEdge({ active: false, timestampNs: startNs + BigInt(Math.round(lengthUs * 1000)) });
      },
      Math.ceil((ECHO_STARTS_US + lengthUs) / 1000),
    );
  };

  return {
    output(line, { consumer, high }): OutputLine {
      claim(line, consumer);
      const set = (level: boolean) => {
        const before = hat.levels[line];
        hat.levels[line] = level ? 1 : 0;
        if (line === options.motorReset && before === 1 && !level) hat.reset();
        if (line === options.ultrasonicTrigger && before === 1 && !level) ping();
      };
      set(high);
      return { set, close: () => release(line) };
    },
    input(line, { consumer, pull, activeLow = false }, onEdge): InputLine {
      // What nobody drives follows its pull: a button that is not pressed.
      const driven = hat.owners[line] !== 0;
      claim(line, consumer);
      if (!driven && pull !== "none" && line !== options.ultrasonicEcho)
        hat.levels[line] = pull === "up" ? 1 : 0;
      if (onEdge) {
        watched.set(line, { active: isActive(line, activeLow), activeLow, onEdge });
        if (watched.size === 1) timer = setInterval(look, LOOK_MS);
      }
      return { get: () => isActive(line, activeLow), close: () => release(line) };
    },
    close() {
      for (const line of mine) release(line);
      clearInterval(timer);
    },
  };
}

function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
