import { linkSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WireSpec } from "myna";

/** What a motion process leaves for others to read. */
export interface RobotOwner {
  pid: number;
  /** In words: which plugin of which process. */
  owner: string;
  /** Of its {@link StopSocket}. */
  socket: string;
  /** The line that stops its motors when it does not answer, and the module that opens it. */
  reset: WireSpec & { line: number };
}

/** A file of a {@link RobotLock}. */
const FILE = /^motion-[0-9a-z]+\.json$/;

/**
 * A file that says which process owns a robot, named after the robot's wires. The reset line is what really keeps a second
 * owner away; this file says who the first one is, and where to tell it to stop.
 */
export class RobotLock {
  readonly #path: string;
  readonly socket: string;

  private constructor(path: string, socket: string) {
    this.#path = path;
    this.socket = socket;
  }

  /**
   * Throws DEVICE_BUSY, naming the owner, while that lives. Undefined where no folder can be written: the robot then runs
   * without.
   */
  static take(
    folders: readonly string[],
    wires: unknown,
    { owner, reset }: Pick<RobotOwner, "owner" | "reset">,
  ): RobotLock | undefined {
    const name = `motion-${Bun.hash(JSON.stringify(wires)).toString(36)}`;
    const found = findOwners(folders).find(({ path }) => path.endsWith(`${name}.json`));
    if (found) {
      const message = `the robot is driven by ${found.owner} (motion process ${found.pid})`;
      throw Object.assign(new Error(message), { code: "DEVICE_BUSY" });
    }
    for (const folder of folders) {
      const path = join(folder, `${name}.json`);
      const socket = join(folder, `${name}.sock`);
      try {
        mkdirSync(folder, { recursive: true, mode: 0o755 });
        const text = `${JSON.stringify({ pid: process.pid, owner, socket, reset } satisfies RobotOwner)}\n`;
        const whole = `${path}.${process.pid}`;
        // Readable for everybody: stopping is nobody's privilege.
        writeFileSync(whole, text, { mode: 0o644 });
        try {
          // It comes whole, so one that is broken says nothing of anybody.
          if (!isWhole(path)) rmSync(path, { force: true });
          linkSync(whole, path);
        } finally {
          rmSync(whole, { force: true });
        }
        rmSync(socket, { force: true });
        return new RobotLock(path, socket);
      } catch {
        // The next folder.
      }
    }
    return undefined;
  }

  release(): void {
    rmSync(this.#path, { force: true });
    rmSync(this.socket, { force: true });
  }
}

/** The motion processes that live; what dead ones left is removed. */
export function findOwners(folders: readonly string[]): (RobotOwner & { path: string })[] {
  return folders.flatMap((folder) => {
    let names: string[];
    try {
      names = readdirSync(folder).filter((name) => FILE.test(name));
    } catch {
      return [];
    }
    return names.flatMap((name) => {
      const path = join(folder, name);
      try {
        const owner = JSON.parse(readFileSync(path, "utf8")) as RobotOwner;
        if (isMotionProcess(owner.pid)) return [{ ...owner, path }];
        rmSync(path, { force: true });
        rmSync(owner.socket, { force: true });
      } catch {
        // Broken, or not ours to remove.
      }
      return [];
    });
  });
}

function isWhole(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, "utf8"));
    return true;
  } catch {
    return false;
  }
}

/** False also for another program that got the same number. */
function isMotionProcess(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("motion/main.ts");
  } catch {
    return false;
  }
}
