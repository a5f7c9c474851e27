/** The test kit, `myna/testing`: a robot in memory, for tests of plugins, ours and everybody's. */
export { startTestRobot } from "./test-robot.ts";
export type { TestRobot, TestRobotOptions, TestToolResult } from "./test-robot.ts";
export { scriptBrain, ToneVoice, VirtualClock } from "./scripted-brain.ts";
export type { BrainScriptOptions, Fault, ScriptedAnswer, ScriptedBrain } from "./scripted-brain.ts";
