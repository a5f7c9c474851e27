import { readdirSync, statSync } from "node:fs";
import { join, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { LineChip } from "myna";
import { isRunning, motionProcesses } from "./motion-processes.ts";
import { LatchFile } from "./motion/latch-file.ts";
import { findOwners } from "./motion/robot-lock.ts";
import type { RobotOwner } from "./motion/robot-lock.ts";
import { runFolders } from "./motion/run-folder.ts";

/**
 * The emergency stop at the shell: tells every motion process of this machine, without the runtime, and resets the motor
 * controller of one that does not answer. Loads next to nothing, so that it is quick.
 */

/** Then it is woken, in case it was halted; after as long again it is killed and its controller reset. */
const ANSWER_LIMIT_MS = 500;
const KILL_LIMIT_MS = 500;
/** The runtime resets it as well, where there is one: the line is free again after that. */
const LINE_LIMIT_MS = 1000;
/** Low for at least 10 ms (robot-hat, utils.reset_mcu). */
const RESET_LOW_MS = 12;
const USAGE = `Usage: bun run stop [--release]

Stops the wheels of every robot on this computer; nothing moves until --release. Exit code 1 where it is not sure that they stand, 3 where
no robot is driven.
`;
const EXIT_NOT_DONE = 1;
const EXIT_USAGE = 2;
const EXIT_NOBODY = 3;
const BY_HAND = `switch the robot off by hand if it moves, or: sudo sh ${resolve(import.meta.dir, "../../deploy/stop-motors.sh")}`;

interface Answer {
  pid: number;
  latched: string | null;
}

async function tell(path: string, word: string): Promise<Answer> {
  const { promise, resolve: told, reject } = Promise.withResolvers<string>();
  let said = "";
  const timer = setTimeout(() => reject(new Error("no answer")), ANSWER_LIMIT_MS);
  try {
    const connected = Bun.connect({
      unix: path,
      socket: {
        open: (socket) => void socket.write(`${word}\n`),
        data: (_, bytes) => {
          said += bytes.toString();
        },
        close: () => told(said),
        error: (_, error) => reject(error),
      },
    });
    connected.catch(reject);
    const answer = JSON.parse((await promise) || "null") as Answer | null;
    if (answer === null) throw new Error("no answer");
    if (word === "stop" && answer.latched === null) throw new Error("it is not latched");
    return answer;
  } finally {
    clearTimeout(timer);
  }
}

/** False where it is gone, or somebody else's. */
function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

async function stop(owner: RobotOwner & { path: string }): Promise<string> {
  try {
    return JSON.stringify(await tell(owner.socket, "stop"));
  } catch {
    send(owner.pid, "SIGUSR2");
    send(owner.pid, "SIGCONT");
  }
  try {
    return JSON.stringify(await tell(owner.socket, "stop"));
  } catch (error) {
    const why = (error as Error).message;
    try {
      // Whoever starts it again finds that it is to stand.
      new LatchFile(folders, owner.socket).write("stop command");
    } catch {
      // In a folder that is not ours to write only the wheels can be stopped.
    }
    send(owner.pid, "SIGKILL");
    const endMs = performance.now() + KILL_LIMIT_MS;
    while (isRunning(owner.pid) && performance.now() < endMs) await Bun.sleep(5);
    if (isRunning(owner.pid))
      throw new Error(`it does not answer (${why}), and its process ${owner.pid} cannot be ended`);
    await resetController(owner);
    return `stopped: it did not answer (${why}), so its process was ended and the motor controller reset`;
  }
}

/** Throws where the line cannot be pulled: then nobody knows whether the motors stand. */
async function resetController({ reset, path }: RobotOwner & { path: string }): Promise<void> {
  const endMs = performance.now() + LINE_LIMIT_MS;
  const { module, options, line } = reset;
  const file = module.startsWith("file:") ? Bun.fileURLToPath(module) : module;
  // A file that another user left is not to choose what runs here.
  const ours =
    file.startsWith(resolve(import.meta.dir, "..") + sep) || statSync(path).uid === process.getuid?.();
  if (!ours) throw new Error(`its reset line is not touched, as ${path} is another user's and names ${file}`);
  const { openLines } = (await import(pathToFileURL(file).href)) as {
    openLines(options: unknown): LineChip | Promise<LineChip>;
  };
  for (;;) {
    let chip: LineChip | undefined;
    try {
      chip = await openLines(options);
      const pin = chip.output(line, { consumer: "myna stop", high: false });
      await Bun.sleep(RESET_LOW_MS);
      pin.set(true);
      return;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await Bun.sleep(20);
    } finally {
      chip?.close();
    }
  }
}

/** Sockets whose file says nothing: it is broken, or gone. */
function lonelySockets(folders: readonly string[], known: readonly RobotOwner[]): string[] {
  return folders.flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => name.startsWith("motion-") && name.endsWith(".sock"))
        .map((name) => join(folder, name))
        .filter((path) => !known.some(({ socket }) => socket === path));
    } catch {
      return [];
    }
  });
}

/** Stops that outlive whoever was told of them, each with its reason. */
function keptStops(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => /^motion-.*\.latch$/.test(name))
        .map((name) => {
          const socket = join(folder, name.replace(/\.latch$/, ".sock"));
          return `${join(folder, name)} (${new LatchFile([], socket).read() ?? "gone by now"})`;
        });
    } catch {
      return [];
    }
  });
}

const [flag, ...others] = process.argv.slice(2);
if (flag === "--help") {
  process.stdout.write(USAGE);
  process.exit(0);
}
if ((flag !== undefined && flag !== "--release") || others.length > 0) {
  process.stderr.write(USAGE);
  process.exit(EXIT_USAGE);
}
const word = flag === "--release" ? "release" : "stop";
const folders = runFolders();
const owners = findOwners(folders);
const unnamed = new Set(motionProcesses(process.env));
for (const { pid } of owners) unnamed.delete(pid);
// Who has no file that could be read is told at once; whether it obeyed is asked below.
if (word === "stop") for (const pid of unnamed) send(pid, "SIGUSR2");
let found = owners.length + unnamed.size;
let isDone = true;
const fail = (who: string, what: string) => {
  isDone = false;
  const not = word === "stop" ? "NOT STOPPED" : "not released";
  process.stderr.write(`${who}: ${not}: ${what}${word === "stop" ? `; ${BY_HAND}` : ""}\n`);
};
await Promise.all([
  ...owners.map(async (one) => {
    try {
      const said = word === "stop" ? await stop(one) : JSON.stringify(await tell(one.socket, word));
      process.stdout.write(`${one.owner}: ${said}\n`);
    } catch (error) {
      fail(one.owner, (error as Error).message);
    }
  }),
  ...lonelySockets(folders, owners).map(async (path) => {
    try {
      const answer = await tell(path, word);
      if (!unnamed.delete(answer.pid)) found++;
      process.stdout.write(`motion process ${answer.pid}: ${JSON.stringify(answer)}\n`);
    } catch {
      // Left by one that is dead; one that lives is among the unnamed.
    }
  }),
]);
for (const pid of unnamed)
  fail(
    `motion process ${pid}`,
    "it left no file of itself, so it was sent a signal, and nobody knows whether it obeyed",
  );
if (found === 0) {
  const kept = word === "release" ? keptStops(folders) : [];
  const held = kept.map((one) => `not released, since nobody drives that could do it: ${one}\n`);
  process.stderr.write(`no robot is driven on this machine\n${held.join("")}`);
  process.exit(EXIT_NOBODY);
}
// What does not answer may keep a socket open.
process.exit(isDone ? 0 : EXIT_NOT_DONE);
