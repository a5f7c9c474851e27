import { EchoServer } from "../fixtures/echo-process.ts";
import { ReadyRobot } from "../fixtures/robot-process.ts";
import { ReadyProgram } from "../fixtures/until-ready.ts";
import type { Measures, Part } from "../part.ts";
import { percentile } from "../stopwatch.ts";

const STARTS = 7;

/** Median of seven starts. */
async function starts(one: () => Promise<AsyncDisposable & { readyMs: number }>): Promise<Measures> {
  const tookMs: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    await using program = await one();
    tookMs.push(program.readyMs);
  }
  return { ready_ms: percentile(tookMs, 50) };
}

/** The limit is a Bun program that prints one line; the peer has checked a setting with zod and opened a socket with ws. */
export const part: Part = {
  rounds: 2,
  rows: [
    {
      name: "start",
      title: "process start to a robot that is ready and has a session, desktop-sim",
      unit: "ms",
      metric: "ready_ms",
      limit: "hello",
      peers: ["bare client"],
      ours: "myna",
      across: "best",
      goals: [{ kind: "at_most", most: 400 }],
    },
  ],
  cases: {
    hello: () => starts(() => ReadyProgram.start("hello.ts")),
    "bare client": async () => {
      await using server = await EchoServer.start();
      return await starts(() => ReadyProgram.start("bare-client.ts", server.url));
    },
    myna: () => starts(() => ReadyRobot.start()),
  },
};
