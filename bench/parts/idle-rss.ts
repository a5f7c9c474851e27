import { EchoServer } from "../fixtures/echo-process.ts";
import { childrenOf, commandOf, residentMb } from "../fixtures/memory.ts";
import { ReadyRobot } from "../fixtures/robot-process.ts";
import { ReadyProgram } from "../fixtures/until-ready.ts";
import type { Measures, Part } from "../part.ts";

/** What starting left behind has been given back by then, and the speech models are loaded. */
const SETTLE_MS = 5000;

async function idle(program: { pid: number }): Promise<Measures> {
  await Bun.sleep(SETTLE_MS);
  return { robot_mb: residentMb(program.pid) };
}

async function robot(): Promise<Measures> {
  await using started = await ReadyRobot.start();
  const { pid } = started.robot.process;
  await Bun.sleep(SETTLE_MS);
  const children = childrenOf(pid);
  const motion = children.filter((child) => commandOf(child).includes("motion/main.ts"));
  const brain = children.filter((child) => !motion.includes(child));
  const sum = (pids: number[]) => pids.map(residentMb).reduce((total, mb) => total + mb, 0);
  return { robot_mb: residentMb(pid), brain_mb: sum(brain), motion_mb: sum(motion) };
}

const row = { unit: "MB", limit: "hello", peers: ["bare client"], ours: "myna", across: "median" } as const;

/** The limit is a Bun program that does nothing. */
export const part: Part = {
  rounds: 2,
  sideBySide: true,
  rows: [
    {
      ...row,
      name: "idle_rss",
      title: "resident memory of the robot's process, desktop-sim at rest",
      metric: "robot_mb",
      goals: [{ kind: "at_most", most: 90 }],
    },
    {
      ...row,
      name: "idle_rss_brain",
      title: "resident memory of the brain's process beside it, with its speech models",
      metric: "brain_mb",
      peers: [],
      goals: [],
    },
    {
      ...row,
      name: "idle_rss_motion",
      title: "resident memory of the motion process, which owns the body",
      metric: "motion_mb",
      peers: [],
      goals: [],
    },
  ],
  cases: {
    hello: async () => {
      await using program = await ReadyProgram.start("hello.ts");
      return await idle(program);
    },
    "bare client": async () => {
      await using server = await EchoServer.start();
      await using program = await ReadyProgram.start("bare-client.ts", server.url);
      return await idle(program);
    },
    myna: robot,
  },
};
