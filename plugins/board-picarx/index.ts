import { join } from "node:path";
import { definePlugin } from "myna";
import type { BoardLines, BoardRevision, LineChip } from "myna";
import { z } from "zod";
import { BOARD_LINES, detectRevision } from "./revision.ts";

/** How often edges are handed out: to the motion process, whose sensor guards the wheels, and to the runtime. */
const MOTION_POLL_MS = 10;
const RUNTIME_POLL_MS = 20;

const line = () => z.number().int().min(0).max(511).optional();

const config = z.object({
  revision: z.enum(["auto", "v4", "v5", "type1"]).default("auto"),
  i2c_device: z.string().min(1).default("/dev/i2c-1"),
  gpio_chip: z.string().min(1).default("auto"),
  gpio_backend: z.enum(["auto", "character", "sysfs"]).default("auto"),
  /** For a board that is wired differently. */
  lines: z
    .object({
      motor_reset: line(),
      left_direction: line(),
      right_direction: line(),
      ultrasonic_trigger: line(),
      ultrasonic_echo: line(),
      led: line(),
      user_button: line(),
      reset_button: line(),
      speaker_enable: line(),
    })
    .default({}),
  device_tree: z.string().min(1).default("/proc/device-tree"),
});

/** SunFounder's Robot HAT on a Raspberry Pi: how its wires are reached. */
export default definePlugin({
  name: "board-picarx",
  config,
  provides: ["board"],
  async doctor(visit) {
    const {
      i2c_device: i2cDevice,
      gpio_chip: chip,
      gpio_backend: backend,
      revision,
      device_tree,
    } = visit.config;
    const board = boardOf(visit.config, visit.path(device_tree));
    const known = revision !== "auto" || board.revision !== "v4";
    // Loads what drives the wires, which the runtime itself does not need.
    const path = join(import.meta.dir, "doctor.ts");
    const { checkBoard } = (await import(path)) as typeof import("./doctor.ts");
    return await checkBoard(visit, board, { chip, backend, i2cDevice, known });
  },
  async setup(ctx) {
    const { i2c_device, gpio_chip, gpio_backend } = ctx.config;
    const { revision, lines } = boardOf(ctx.config, ctx.config.device_tree);
    const i2c = { module: join(import.meta.dir, "i2c.ts"), options: { device: i2c_device } };
    const lineChip = {
      module: join(import.meta.dir, "lines.ts"),
      options: { chip: gpio_chip, backend: gpio_backend, pollMs: MOTION_POLL_MS },
    };
    const openLines = async () => {
      const wires = (await import(lineChip.module)) as { openLines(options: unknown): Promise<LineChip> };
      const chip = await wires.openLines({ ...lineChip.options, pollMs: RUNTIME_POLL_MS });
      ctx.defer(() => chip.close());
      return chip;
    };
    // What is missing is told here, once, and not by each part that hangs on a wire.
    await openLines();
    const bus = (await import(i2c.module)) as { openI2c(options: unknown): { close(): void } };
    bus.openI2c(i2c.options).close();
    ctx.provide("board", { describe: () => ({ revision, lines, i2c, lineChip }), openLines });
    ctx.inspect(() => ({ revision, i2c: i2c_device, gpio: gpio_chip }));
  },
});

function boardOf(
  { revision: asked, lines: other }: z.infer<typeof config>,
  deviceTree: string,
): { revision: BoardRevision; lines: BoardLines } {
  const revision = asked === "auto" ? detectRevision(deviceTree) : asked;
  const known = BOARD_LINES[revision];
  const lines: BoardLines = {
    motorReset: other.motor_reset ?? known.motorReset,
    leftDirection: other.left_direction ?? known.leftDirection,
    rightDirection: other.right_direction ?? known.rightDirection,
    ultrasonicTrigger: other.ultrasonic_trigger ?? known.ultrasonicTrigger,
    ultrasonicEcho: other.ultrasonic_echo ?? known.ultrasonicEcho,
    led: other.led ?? known.led,
    userButton: other.user_button ?? known.userButton,
    resetButton: other.reset_button ?? known.resetButton,
    speakerEnable: other.speaker_enable ?? known.speakerEnable,
  };
  return { revision, lines };
}
