import { MotionProcess } from "../../plugins/drive-picarx/motion-process.ts";

/**
 * A runtime that drives: told the settings in an argument, then what happens to it in a line of stdin. Prints its motion
 * process's pid once it is ready.
 */
const settings = JSON.parse(process.argv[2]!);
const ignore = () => {};
const log = { debug: ignore, info: ignore, warn: console.error, error: console.error } as never;
const motion = new MotionProcess(
  settings,
  { onPose: ignore, onState: ignore, onStarted: ignore, onEnded: ignore, onRefused: ignore, onDied: ignore },
  log,
);
setInterval(() => motion.beat(), 50);
await motion.ready();
console.log(motion.pid);
void motion.run({
  type: "move",
  id: 1,
  distance_m: 10,
  speed_mps: 0.3,
  lease_ms: Number(process.argv[3] ?? 30_000),
});

process.stdin.on("data", (bytes) => {
  const line = String(bytes).trim();
  if (line === "exit") process.exit(1);
  if (line === "throw") throw new Error("a fault of the runtime");
  if (line === "hang") for (;;);
  if (line === "garbage") motion.tell({ type: "faster" } as never);
  if (line === "close") void motion.close().then(() => process.exit(0));
});
