import { MynaError } from "myna";
import type { Drive, MotionProgress, MotionReport, Pose } from "myna";
import type { MotionProcess } from "./motion-process.ts";
import { PersonHold } from "./person-hold.ts";

const MAX_DISTANCE_M = 20;
const MAX_ANGLE_DEG = 1080;
const STEER_LEASE_MS = 250;
const NOT_MOVED: MotionReport = { movedM: 0, turnedDeg: 0, ended: "stopped" };

type OnProgress = (progress: MotionProgress) => void;

/** A motion that was asked for and has not ended. */
interface Asked {
  kind: "move" | "turn";
  asked: number;
  begun: boolean;
  onProgress: OnProgress | undefined;
}

/** A stream of intents. */
interface Stream {
  id: number;
  /** Of its first intent. */
  speedMps: number;
  by: "person" | "program";
  begun: boolean;
}

/** What {@link MotionDrive} needs. */
export interface MotionDriveParts {
  motion: MotionProcess;
  limits: { maxSpeedMps: number; defaultSpeedMps: number; maxMotionMs: number };
  /** By dead reckoning, as last told. */
  place(): Pose & { moving: boolean };
  /** Why nothing may move; undefined when free. */
  latched(): string | undefined;
  nextId(): number;
  onStarted(event: { motion_id: number; kind: "move" | "turn" | "drive"; asked: number }): void;
  onStopped(event: {
    motion_id: number;
    kind: "move" | "turn" | "drive";
    ended: string;
    moved_m: number;
    turned_deg: number;
  }): void;
}

/** The service `drive`: checks what is asked, hands it to the motion process, and tells what became of it. */
export class MotionDrive implements Drive {
  readonly #parts: MotionDriveParts;
  readonly #asked = new Map<number, Asked>();
  /** Streams that have not ended, by their ids; the newest is the one under way. */
  readonly #streams = new Map<number, Stream>();
  #stream: Stream | undefined;
  readonly #hold: PersonHold;

  /** `again` where the wheels were driven before: whoever holds on since then is to let go. */
  constructor(parts: MotionDriveParts, again: boolean) {
    this.#parts = parts;
    this.#hold = new PersonHold(again);
  }

  async move(
    { distanceM, speedMps, onProgress }: { distanceM: number; speedMps?: number; onProgress?: OnProgress },
    signal?: AbortSignal,
  ): Promise<MotionReport> {
    within("distanceM", distanceM, MAX_DISTANCE_M);
    this.#notTaken();
    const speed_mps = this.#speed(speedMps);
    return await this.#run({ kind: "move", asked: distanceM, begun: false, onProgress }, signal, (id) => {
      const lease_ms = this.#parts.limits.maxMotionMs;
      return { type: "move", id, distance_m: distanceM, speed_mps, lease_ms } as const;
    });
  }

  async turn(
    { angleDeg, speedMps, onProgress }: { angleDeg: number; speedMps?: number; onProgress?: OnProgress },
    signal?: AbortSignal,
  ): Promise<MotionReport> {
    within("angleDeg", angleDeg, MAX_ANGLE_DEG);
    this.#notTaken();
    const speed_mps = this.#speed(speedMps);
    return await this.#run({ kind: "turn", asked: angleDeg, begun: false, onProgress }, signal, (id) => {
      const lease_ms = this.#parts.limits.maxMotionMs;
      return { type: "turn", id, angle_deg: angleDeg, speed_mps, lease_ms } as const;
    });
  }

  steer({
    speedMps,
    steerDeg,
    leaseMs = STEER_LEASE_MS,
    by = "program",
  }: {
    speedMps: number;
    steerDeg: number;
    leaseMs?: number;
    by?: "person" | "program";
  }): void {
    const { motion, limits, nextId } = this.#parts;
    if (by === "program") this.#notTaken();
    try {
      within("speedMps", speedMps, limits.maxSpeedMps);
      within("steerDeg", steerDeg, 90);
      if (!(leaseMs > 0)) throw new MynaError("MOTION_REFUSED", `leaseMs must be above 0, not ${leaseMs}`);
    } catch (error) {
      this.stop("an intent that is none");
      throw error;
    }
    if (by === "person") this.#mayDrive(leaseMs);
    // A program's stream ends where a person begins; intents of the same kind of sender go on with it.
    if (this.#stream && this.#stream.by !== by) {
      motion.tell({ type: "stop", ended: "superseded", id: this.#stream.id });
      this.#stream = undefined;
    }
    const stream = (this.#stream ??= { id: nextId(), speedMps, by, begun: false });
    const { id } = stream;
    this.#streams.set(id, stream);
    motion.tell({ type: "drive", id, speed_mps: speedMps, steer_deg: steerDeg, lease_ms: leaseMs });
  }

  stop(_reason: string, { letGo = false }: { letGo?: boolean } = {}): void {
    this.#parts.motion.tell({ type: "stop", ended: "stopped" });
    this.stopped();
    if (letGo) this.#hold.letGo();
  }

  /** It is about to be provided. */
  opened(): void {
    this.#hold.opened(performance.now(), STEER_LEASE_MS);
  }

  /** The motion process was stopped: a person who holds on through it drives no further. */
  stopped(): void {
    this.#hold.stopped();
    // What comes after it is another stream: that this one ended says nothing of the next.
    if (this.#stream?.by === "person") this.#stream = undefined;
  }

  /** The link on which motions are asked for was lost: ends them, and no stream of intents, which comes from elsewhere. */
  linkLost(): void {
    for (const id of this.#asked.keys()) this.#parts.motion.tell({ type: "stop", ended: "link_lost", id });
  }

  /** True while a motion that was asked for has not ended. */
  get busy(): boolean {
    return this.#asked.size > 0;
  }

  pose(): Pose & { moving: boolean } {
    const place = this.#parts.place();
    return { ...place, moving: place.moving || this.busy };
  }

  /** The motion process began with it. */
  started(id: number): void {
    const stream = this.#streams.get(id);
    if (stream) {
      stream.begun = true;
      this.#parts.onStarted({ motion_id: id, kind: "drive", asked: stream.speedMps });
      return;
    }
    const motion = this.#asked.get(id);
    if (!motion) return;
    motion.begun = true;
    this.#parts.onStarted({ motion_id: id, kind: motion.kind, asked: motion.asked });
  }

  progressed({ id, movedM, turnedDeg }: MotionProgress & { id: number }): void {
    this.#asked.get(id)?.onProgress?.({ movedM, turnedDeg });
  }

  /** The motion process took no intent of it: the next intent begins another stream. */
  refused(id: number): void {
    if (this.#stream?.id === id) this.#stream = undefined;
    this.#streams.delete(id);
  }

  ended(id: number, { movedM, turnedDeg, ended }: MotionReport): void {
    const stream = this.#streams.get(id);
    // Whoever sends it has to learn that it was stopped, even before it began.
    if (stream && !stream.begun) this.started(id);
    // Stopped by another way than ours, as by a signal: an intent that was on its way is not to drive on.
    if (stream?.by === "person" && stream === this.#stream && (ended === "stopped" || ended === "failed"))
      this.stop("the person's stream was ended");
    this.refused(id);
    const motion = this.#asked.get(id);
    this.#asked.delete(id);
    if (!(stream ?? motion)?.begun) return;
    const kind = motion?.kind ?? "drive";
    this.#parts.onStopped({ motion_id: id, kind, ended, moved_m: movedM, turned_deg: turnedDeg });
  }

  /** Throws MOTION_TAKEN while a person drives. */
  #notTaken(): void {
    if (this.#stream?.by !== "person" || performance.now() > this.#hold.untilMs) return;
    throw new MynaError("MOTION_TAKEN", "a person drives the robot now: wait until they let go");
  }

  /** Throws MOTION_REFUSED for a person who holds on since before a stop, or while nothing may move. */
  #mayDrive(leaseMs: number): void {
    const latched = this.#parts.latched();
    const takes = this.#hold.takes(performance.now(), leaseMs);
    if (latched !== undefined) {
      this.#hold.stopped();
      throw new MynaError("MOTION_REFUSED", `emergency stop (${latched}): release it first`);
    }
    if (!takes) throw new MynaError("MOTION_REFUSED", "the robot was stopped: let go once to drive on");
  }

  #speed(speedMps: number | undefined): number {
    const { maxSpeedMps, defaultSpeedMps } = this.#parts.limits;
    const speed = speedMps ?? defaultSpeedMps;
    if (speed > 0 && speed <= maxSpeedMps) return speed;
    const message = `speedMps must be above 0 and at most ${maxSpeedMps}, not ${speed}`;
    throw new MynaError("MOTION_REFUSED", message);
  }

  async #run(
    asked: Asked,
    signal: AbortSignal | undefined,
    intent: (id: number) => Parameters<MotionProcess["run"]>[0],
  ): Promise<MotionReport> {
    const { motion, nextId } = this.#parts;
    if (signal?.aborted) return NOT_MOVED;
    const id = nextId();
    const onAbort = () => motion.tell({ type: "stop", ended: "stopped", id });
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#asked.set(id, asked);
    try {
      return await motion.run(intent(id));
    } finally {
      this.#asked.delete(id);
      signal?.removeEventListener("abort", onAbort);
    }
  }
}

function within(name: string, value: number, most: number): void {
  if (Math.abs(value) <= most) return;
  throw new MynaError("MOTION_REFUSED", `${name} must be between -${most} and ${most}, not ${value}`);
}
