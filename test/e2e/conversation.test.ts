import { beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeWav } from "../../core/audio/wav.ts";
import { runRobot } from "./run-robot.ts";
import type { RobotRun } from "./run-robot.ts";

/** The conversation of the README, spoken into the simulated microphone in one run. */
const SENTENCES = [
  "move forward fifty centimetres",
  "turn left ninety degrees",
  "go back a little",
  "how far is the wall",
  "take a picture",
  "play a sound",
  "look up",
  "stop",
  "what did I just ask you",
  "my grandmother bakes wonderful bread",
];

let run: RobotRun;
let folder = "";
const poses: { x_m: number; y_m: number; heading_deg: number }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "myna-e2e-"));
  const says = SENTENCES.flatMap((sentence) => ["--say", sentence]);
  // A busy machine may hold the robot up for longer than the wheels wait for a sign of life.
  const patient = ["--set", "plugins.drive.alive_ms=2000"];
  run = await runRobot("--profile", "desktop-sim", "--exit", "--record", folder, ...patient, ...says);
  poses.push(...(run.events("body.pose") as unknown as typeof poses));
  return () => rmSync(folder, { recursive: true, force: true });
}, 180_000);

function tools(name: string): Record<string, unknown>[] {
  return run.events("tool.finished").filter((event) => event["name"] === name);
}

function answers(): string[] {
  return run
    .events("assistant.transcript")
    .filter((event) => event["final"])
    .map((event) => String(event["text"]).toLowerCase());
}

test("every sentence is heard and answered, and the run says so by its exit code", () => {
  expect({ exitCode: run.exitCode, stderr: run.exitCode === 0 ? "" : run.stderr }).toEqual({
    exitCode: 0,
    stderr: "",
  });
  const heard = run.events("user.transcript").filter((event) => event["final"]);
  expect(heard).toHaveLength(SENTENCES.length);
  expect(answers().length).toBeGreaterThanOrEqual(SENTENCES.length);
});

test("distances, angles and their signs come out right", () => {
  const moves = tools("move").map((event) => (event["arguments"] as { distance_m: number }).distance_m);
  expect(moves).toHaveLength(2);
  expect(moves[0]).toBe(0.5);
  expect(moves[1]).toBeLessThan(0);
  expect(tools("turn").map((event) => event["arguments"])).toMatchObject([{ angle_deg: 90 }]);
});

test("the body does in the room what was asked, and the tool's result says what it did", () => {
  const start = poses[0]!;
  const afterMove = poses.find((pose) => Math.hypot(pose.x_m - start.x_m, pose.y_m - start.y_m) > 0.48)!;
  expect(Math.abs(Math.hypot(afterMove.x_m - start.x_m, afterMove.y_m - start.y_m) - 0.5)).toBeLessThan(0.03);
  const turned = poses.find((pose) => Math.abs(pose.heading_deg - start.heading_deg - 90) < 2);
  expect(turned).toBeDefined();
  expect(tools("move")[0]!["result"]).toMatchObject({ ended: "completed" });
  for (const event of run.events("tool.finished")) expect(event).toMatchObject({ ok: true });
});

test("it measures, photographs, sounds and looks when asked to", () => {
  for (const name of ["measure_distance", "take_snapshot", "play_sound", "look"])
    expect(tools(name)).toHaveLength(1);
  expect(run.events("camera.frame_captured")).toHaveLength(1);
  expect(run.events("sound.played")).toHaveLength(1);
});

test("it remembers what it was asked, and a sentence it does not know moves nothing", () => {
  expect(answers().some((text) => text.includes("stop"))).toBe(true);
  const lastHeard = run.lines.findLastIndex(
    (line) => line.topic === "user.transcript" && line.event["final"] === true,
  );
  expect(run.lines.slice(lastHeard).filter((line) => line.topic === "tool.started")).toEqual([]);
  expect(answers().at(-1)).toMatch(/can/);
});

test("every turn has its latency line, in the order of its steps", () => {
  const turns = run.events("turn.latency");
  expect(turns.length).toBeGreaterThanOrEqual(SENTENCES.length - 1);
  for (const turn of turns) {
    for (const key of ["commit_to_first_delta_ms", "first_delta_to_first_sample_ms"])
      expect(turn[key]).toBeGreaterThanOrEqual(0);
  }
});

test("what the loudspeaker played is kept as a WAV with sound in it", () => {
  const files = readdirSync(folder);
  expect(files).toHaveLength(1);
  const { pcm, durationMs } = decodeWav(readFileSync(join(folder, files[0]!)));
  expect(durationMs).toBeGreaterThan(5000);
  expect(pcm.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)).toBeGreaterThan(3000);
});
