import { findOwners } from "./motion/robot-lock.ts";
import { runFolders } from "./motion/run-folder.ts";

/**
 * The emergency stop at the shell: tells every motion process of this machine, without the runtime. Loads next to nothing, so
 * that it is quick.
 */

/** Then it is stopped by a signal. */
const ANSWER_LIMIT_MS = 500;
const EXIT_NOBODY = 3;
const EXIT_USAGE = 2;

async function tell(path: string, word: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let said = "";
  await Bun.connect({
    unix: path,
    socket: {
      open: (socket) => void socket.write(`${word}\n`),
      data: (_, bytes) => {
        said += bytes.toString();
      },
      close: () => (said === "" ? reject(new Error("no answer")) : resolve(said.trim())),
      error: (_, error) => reject(error),
    },
  });
  const timer = setTimeout(() => reject(new Error("no answer")), ANSWER_LIMIT_MS);
  return await promise.finally(() => clearTimeout(timer));
}

const [flag, ...others] = process.argv.slice(2);
if ((flag !== undefined && flag !== "--release") || others.length > 0) {
  process.stderr.write("Usage: bun run stop [--release]\n");
  process.exit(EXIT_USAGE);
}
const word = flag === "--release" ? "release" : "stop";
const owners = findOwners(runFolders());
for (const { pid, owner, socket } of owners) {
  try {
    process.stdout.write(`${owner}: ${await tell(socket, word)}\n`);
  } catch (error) {
    if (word === "stop") process.kill(pid, "SIGUSR2");
    const what = word === "stop" ? "stopped by a signal" : "not released";
    process.stdout.write(`${owner}: ${what}, as its socket failed (${(error as Error).message})\n`);
  }
}
if (owners.length === 0) {
  process.stderr.write("no robot is driven on this machine\n");
  process.exit(EXIT_NOBODY);
}
