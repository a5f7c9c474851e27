import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { checkBootConfig } from "../../plugins/board-picarx/boot-config.ts";
import { checkController } from "../../plugins/board-picarx/controller-check.ts";
import { checkBoard } from "../../plugins/board-picarx/doctor.ts";
import { BOARD_LINES } from "../../plugins/board-picarx/revision.ts";
import { RESET_ENTRY } from "../../plugins/board-sim/hat-memory.ts";
import { openI2c } from "../../plugins/board-sim/i2c.ts";
import { openLines } from "../../plugins/board-sim/lines.ts";
import { takeBytes } from "../../plugins/board-sim/firmware.ts";
import { Bench, LINES } from "../body/body-kit.ts";
import { ScratchSystem, said } from "../fixtures/scratch-system.ts";

const OPTIONS = { chip: "auto", backend: "auto", i2cDevice: "/dev/i2c-1", known: false } as const;

describe("the boot configuration", () => {
  const CONFIG = "/boot/firmware/config.txt";

  function checked(text: string, revision: "v4" | "v5" = "v4") {
    using system = new ScratchSystem().file(CONFIG, text);
    return checkBootConfig(system.visit({}), revision, BOARD_LINES[revision]);
  }

  test("that install.sh writes is good for both boards but for the sound card of V5", async () => {
    const ours = await Bun.file(new URL("../../deploy/config.txt", import.meta.url)).text();
    expect(said(checked(ours))).toEqual([
      "config.txt I2C ok: switched on",
      "config.txt sound ok: dtoverlay=hifiberry-dac",
      "config.txt pins ok: the motor controller is held in reset from power-on",
    ]);
    expect(checked(ours, "v5").map(({ state }) => state)).toEqual(["ok", "warning", "ok"]);
    expect(checked(`${ours}dtoverlay=googlevoicehat-soundcard\n`, "v5")[1]).toMatchObject({ state: "ok" });
  });

  test("of a fresh system lacks everything, and each has a line that mends it", () => {
    const found = checked("# nothing\ndtparam=audio=on\n#dtparam=i2c_arm=on\n");
    expect(found.map(({ state }) => state)).toEqual(["failed", "warning", "warning"]);
    expect(found.map(({ fix = "" }) => fix)).toEqual([
      expect.stringContaining("dtparam=i2c_arm=on"),
      expect.stringContaining("dtoverlay=hifiberry-dac\\n' | sudo tee -a /boot/firmware/config.txt"),
      expect.stringContaining("gpio=5,23,24=op,dl"),
    ]);
  });

  test("counts for this computer only: other models' sections and [none] do not", () => {
    const found = checked(
      "[pi3]\ndtparam=i2c_arm=on\n[none]\ngpio=5=op,dl\n[all]\ngpio=23-24=op,dl\ndtparam=spi=on\n",
    );
    expect(found.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "config.txt I2C failed",
      "config.txt sound warning",
      "config.txt pins warning",
      "config.txt SPI ok",
    ]);
    expect(found[2]!.message).toContain("hold line 5 low");
    expect(checked("[pi4]\ndtparam=audio=off,i2c_arm=on\n")[0]).toMatchObject({ state: "ok" });
    expect(checked("dtparam=i2c_arm=off\n")[0]).toMatchObject({ state: "failed" });
  });

  test("lies elsewhere on older systems, and on no PC", () => {
    using old = new ScratchSystem().file("/boot/config.txt", "dtparam=i2c=on\n");
    const [i2c, sound] = checkBootConfig(old.visit({}), "v4", BOARD_LINES.v4);
    expect([i2c!.state, sound!.fix]).toEqual(["ok", expect.stringContaining("/boot/config.txt")]);
    using pc = new ScratchSystem();
    expect(checkBootConfig(pc.visit({}), "v4", BOARD_LINES.v4)).toMatchObject([{ state: "not_here" }]);
  });
});

test("a card of a Raspberry Pi in another computer is looked at without its wires", async () => {
  using card = new ScratchSystem()
    .file("/proc/device-tree/hat/uuid", "9daeea78-0000-076e-0032-582369ac3e02\0")
    .file("/boot/firmware/config.txt", "dtparam=i2c_arm=on\n");
  const board = { revision: "v5", lines: BOARD_LINES.v5 } as const;
  const found = await checkBoard(card.visit({}), board, { ...OPTIONS, known: true });
  expect(found.map(({ name, state }) => `${name} ${state}`)).toEqual([
    "board ok",
    "config.txt I2C ok",
    "config.txt sound warning",
    "config.txt pins warning",
    "lines failed",
    "controller not_here",
  ]);
});

describe("the motor controller", () => {
  let bench: Bench;
  beforeEach(() => void (bench = new Bench()));
  afterEach(() => bench[Symbol.dispose]());

  const chip = async () => openLines({ hat: bench.hat.path, ...LINES });
  const check = () => checkController(chip, () => openI2c({ hat: bench.hat.path }), LINES.motorReset);

  const writesSince = (written: number) =>
    [...bench.hat.journal(written)].filter(({ register }) => register !== RESET_ENTRY);

  test("answers, tells the battery, and nothing is written to motors, servos and timers", async () => {
    const { written } = bench.hat;
    expect(said(await check())).toEqual(["controller ok: 0x14 answers", "battery ok: 7.60 V"]);
    expect(writesSince(written)).toEqual([]);
    expect(bench.hat.owners[LINES.motorReset]).toBe(0);
    expect(bench.hat.frameBytes).toBe(0);
  });

  test.each([[[0x2c]], [[0x2c, 0x0f]], [[0x22, 0x01]]])(
    "behind the half frame %p of another program is in step again before it is asked, and no motor turns by it",
    async (pending) => {
      bench.hat.levels[LINES.motorReset] = 1;
      takeBytes(bench.hat, Uint8Array.from(pending));
      const { written } = bench.hat;
      expect(said(await check())).toEqual(["controller ok: 0x14 answers", "battery ok: 7.60 V"]);
      expect(writesSince(written)).toEqual([]);
      expect(bench.turning).toBe(false);
    },
  );

  test("tells a battery that is low, empty, or none", async () => {
    const at = async (count: number) => {
      bench.hat.analog[4] = count;
      return (await check())[1]!;
    };
    expect(await at(2771)).toMatchObject({ state: "warning", message: "6.70 V" });
    expect(await at(2600)).toMatchObject({ state: "failed", fix: expect.stringContaining("charge") });
    expect(await at(30)).toMatchObject({ state: "warning", fix: expect.stringContaining("HAT") });
  });

  test("of a robot that runs is left alone, with its owner named", async () => {
    const mine = await chip();
    mine.output(LINES.motorReset, { consumer: "myna-motion 1", high: true });
    const { transactions } = bench.hat;
    expect(await check()).toMatchObject([{ state: "ok", message: expect.stringContaining("a robot runs") }]);
    expect(bench.hat.transactions).toBe(transactions);
    mine.close();
    const held = checkController(
      async () => {
        throw Object.assign(new Error("line 5 (myna doctor) is held by lirc"), { code: "DEVICE_BUSY" });
      },
      () => openI2c({ hat: bench.hat.path }),
      LINES.motorReset,
    );
    expect(await held).toMatchObject([{ state: "failed", fix: expect.stringContaining("end the program") }]);
  });

  test("that was in reset is given time to start, and one that stays silent is told of", async () => {
    bench.hat.failTransactions(0, 6);
    expect(await check()).toMatchObject([{ state: "ok" }, { state: "ok" }]);
    bench.hat.failTransactions(0, 1_000_000);
    expect(await check()).toMatchObject([
      {
        state: "failed",
        message: expect.stringContaining("0x14"),
        fix: expect.stringContaining("i2cdetect"),
      },
    ]);
  });

  test("without a bus is told of by what switches it on", async () => {
    const noBus = () => {
      throw Object.assign(new Error("there is no /dev/i2c-1"), { code: "DEVICE_NOT_FOUND" });
    };
    expect(await checkController(chip, noBus, LINES.motorReset)).toMatchObject([
      { state: "failed", fix: expect.stringContaining("raspi-config") },
    ]);
  });
});
