import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { lineDiff } from "../../core/calibrate/line-diff.ts";
import { Person } from "../../core/calibrate/person.ts";
import { editToml } from "../../core/doctor/toml-edit.ts";
import { MOTORS } from "../body/body-kit.ts";
import { until } from "../fixtures/hat-robot.ts";
import { Wizard } from "../fixtures/wizard.ts";

const STEERING = 0x22;
const turning = ({ hat }: Wizard) => MOTORS.some((register) => hat.registers[register] !== 0);

describe("a file that the wizard edits", () => {
  test("takes lists, and keeps the comment of a line whose value changes", () => {
    const before = `[plugins.drive] # mine\nspeed_mps = 0.2 # "slow" #1\nspeed_map = [[0.3, 0.1], [1, 0.5]] # measured\nname = "a # b"\n`;
    const after = editToml(before, {
      "plugins.drive": {
        speed_mps: 0.25,
        speed_map: [[0.3, 0.12]],
        name: "c # d",
        cliff_reference: [1, 2, 3],
      },
    });
    expect(after).toBe(
      `[plugins.drive] # mine\ncliff_reference = [1, 2, 3]\nspeed_mps = 0.25 # "slow" #1\nspeed_map = [[0.3, 0.12]] # measured\nname = "c # d"\n`,
    );
  });

  test("whose lists stand in several lines is left to its owner", () => {
    expect(() =>
      editToml("[plugins.drive]\nspeed_map = [\n  [1, 2],\n]\n", {
        "plugins.drive": { speed_map: [[1, 3]] },
      }),
    ).toThrow(/yourself/);
  });

  test("is shown by what changes in it", () => {
    expect(lineDiff("a\nb\nc\nd\ne\n", "a\nb\nC\nd\ne\nf\n")).toBe("  b\n- c\n+ C\n  d\n  e\n+ f");
    expect(lineDiff("", "new\n")).toBe("+ new");
    expect(lineDiff("old\n", "")).toBe("- old");
    expect(lineDiff("same\n", "same\n")).toBe("");
  });
});

describe("a person", () => {
  function people() {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const said: string[] = [];
    output.on("data", (bytes) => said.push(String(bytes)));
    return { input, said, person: new Person(input, output) };
  }

  test("is asked again until the answer is one, and Enter is the first letter", async () => {
    const { input, said, person } = people();
    input.write("what\nN\n\n");
    expect(await person.choose("Sure?", ["y", "n"])).toBe("n");
    expect(await person.choose("Sure?", ["y", "n"])).toBe("y");
    expect(said.join("")).toContain("One of y, n, please.");
  });

  test("may write a comma in a number, and none outside the limits", async () => {
    const { input, said, person } = people();
    input.write("NaN\n1e9\n0,5\n\n");
    expect(await person.number("How far?", { min: 0, max: 5 })).toBe(0.5);
    expect(await person.number("How far?", { min: 0, max: 5 })).toBeUndefined();
    expect(said.filter((one) => one.startsWith("A number from 0 to 5"))).toHaveLength(2);
  });

  test("at a terminal has not answered by what was typed before the question", async () => {
    const { input, person } = people();
    Object.assign(input, { isTTY: true });
    input.write("y\ny\n\n");
    const asked = person.choose("Drive?", ["n", "y"]);
    await Bun.sleep(200);
    input.write("n\n");
    expect(await asked).toBe("n");
  });

  test("who goes away is waited for no longer", async () => {
    const { input, person } = people();
    const asked = person.ask("There?");
    input.end("last word\n");
    expect(await asked).toBe("last word");
    await expect(person.ask("There?")).rejects.toMatchObject({ code: "SHUTTING_DOWN" });
  });
});

describe("bun run calibrate", () => {
  test("measures steering, motors and speeds on the simulated car, and writes them beside what is there", async () => {
    await using wizard = new Wizard("steering_offset_deg = 1.5");
    writeFileSync(wizard.local, `# my robot\n[session]\nvoice = "marin" # nice\n`, { mode: 0o600 });
    const child = wizard.start();
    await wizard.answer(/Step 1 of 6, vendor.*Do it\? \[Y\/n\] /s, "n");
    await wizard.answer(/Step 2 of 6, motors.*Do it\?/s, "y");
    await wizard.answer(/turn BACKWARD.*\[N\/y\] /s, "y");
    await until(() => turning(wizard), "the wheels turn");
    await wizard.answer(/Which turned backward\?/, "l");
    expect(turning(wizard)).toBe(false);

    await wizard.answer(/steering.*Do it\?/s, "y");
    await wizard.answer(/Enter when it stands straight:/, "4");
    // picarx.py: 1.5 degrees of offset, 4 to the left are 4 less; 500 + (-2.5 + 90) * 2000 / 180 us of 20 ms in 4095 steps.
    await until(() => wizard.hat.registers[STEERING] === 301, "the wheels stand at -2.5 degrees");
    await wizard.answer(/by now 4\)/, "-40");
    await wizard.answer(/A number from -20 to 20.*:/s, "-1");
    await wizard.answer(/by now 3\)/, "");
    await wizard.answer(/camera.*Do it\?/s, "n");

    await wizard.answer(/speed:.*Do it\?/s, "y");
    for (const mps of ["0.2", "0.5"]) {
      await wizard.answer(new RegExp(`for 2 s at ${mps} m/s`), "y");
      const [, reckoned] = await wizard.hears(/it reckons ([\d.]+) m/);
      await wizard.answer(/\?/, String(Number(reckoned) * 0.8));
    }
    await wizard.answer(/grayscale.*Do it\?/s, "n");
    const [diff] = await wizard.hears(/In .*local\.toml:.*Write it\?/s);
    expect(diff).toContain('  voice = "marin" # nice');
    expect(diff).toContain("+ [plugins.drive]");
    await wizard.answer(/ \[Y\/n\]/, "y");
    expect(await child.exited).toBe(0);
    expect(wizard.problems).toBe("");
    const { drive } = (Bun.TOML.parse(wizard.written) as { plugins: { drive: Record<string, unknown> } })
      .plugins;
    expect(drive).toMatchObject({ left_motor_sign: 1, right_motor_sign: -1, steering_offset_deg: -1.5 });
    const speeds = (drive["speed_map"] as [number, number][]).map(([duty, mps]) => [
      duty,
      Number(mps.toFixed(2)),
    ]);
    expect(speeds).toEqual([
      [0.27, 0.04],
      [0.5, 0.18],
      [0.9, 0.42],
      [1, 0.48],
    ]);
    expect(wizard.written).toStartWith(`# my robot\n[session]\nvoice = "marin" # nice\n\n[plugins.drive]\n`);
    expect(wizard.files).toEqual(["hat", "local.toml", "robot.toml", "run"]);
    expect(turning(wizard)).toBe(false);
  }, 60_000);

  test("takes over what SunFounder's tools found, shows it in a dry run, and writes nothing by that", async () => {
    await using wizard = new Wizard();
    writeFileSync(
      join(wizard.folder, "picar-x.conf"),
      "picarx_dir_servo = -2.4\npicarx_dir_motor = [1, -1]\n\n",
    );
    const child = wizard.start("--only", "vendor", "--dry-run");
    await wizard.hears(/steering_offset_deg = -2\.4/);
    await wizard.answer(/Take it over\?/, "y");
    await wizard.hears(/\+ right_motor_sign = -1.*nothing is written/s);
    expect(await child.exited).toBe(0);
    expect(wizard.written).toBe("");
  }, 30_000);

  test.each(["motors", "speed"])(
    "does not turn a wheel for Enters that were typed ahead: %s",
    async (step) => {
      await using wizard = new Wizard();
      const child = wizard.start("--only", step, "--dry-run");
      child.stdin.write("\n".repeat(6));
      await child.stdin.end();
      const { written } = wizard.hat;
      await child.exited;
      const moved = [...wizard.hat.journal(written)].filter(
        ({ register, value }) => MOTORS.some((motor) => motor === register) && value > 0,
      );
      expect(moved).toEqual([]);
      expect(wizard.written).toBe("");
    },
    30_000,
  );

  for (const [what, signal, exitCode] of [
    ["Ctrl-C", "SIGINT", 130],
    ["a kill that nothing catches", "SIGKILL", null],
  ] as const) {
    test(`stops the wheels and writes nothing at ${what} in the middle of a drive`, async () => {
      await using wizard = new Wizard();
      writeFileSync(wizard.local, "# untouched\n");
      const child = wizard.start("--only", "speed", "--yes");
      await wizard.answer(/for 2 s at 0.2 m\/s/, "y");
      await until(() => turning(wizard), "the wheels turn");
      child.kill(signal);
      await until(() => !turning(wizard), "the wheels stop");
      await child.exited;
      expect(child.exitCode).toBe(exitCode);
      await Bun.sleep(100);
      expect(turning(wizard)).toBe(false);
      expect(wizard.written).toBe("# untouched\n");
    }, 30_000);
  }

  test("writes nothing when nobody answers any more, and ends", async () => {
    await using wizard = new Wizard();
    const child = wizard.start("--only", "steering", "--yes");
    await wizard.answer(/Enter when it stands straight:/, "4");
    await child.stdin.end();
    expect(await child.exited).toBe(1);
    expect(wizard.problems).toContain("nobody answers any more\nNothing is written.");
    expect(wizard.written).toBe("");
  }, 30_000);

  test("takes a drive that a guard slowed for none: without an echo it is slow", async () => {
    await using wizard = new Wizard();
    const child = wizard.start("--only", "speed", "--yes", "--set", "plugins.board.max_m=0.1");
    await wizard.answer(/for 2 s at 0.2 m\/s/, "y");
    await wizard.hears(/Something held it back: .*for 2 s at 0.2/s);
    await child.stdin.end();
    expect(await child.exited).toBe(1);
    expect(wizard.written).toBe("");
  }, 30_000);

  test("leaves a robot alone that somebody drives, and says how to end that", async () => {
    await using wizard = new Wizard();
    wizard.start("--only", "steering");
    await wizard.hears(/Enter when it stands straight:/);
    const second = wizard.start("--only", "motors");
    expect(await second.exited).toBe(1);
    expect(wizard.problems).toContain("the robot is driven by drive of process");
    expect(wizard.problems).toContain("sudo systemctl stop myna");
  }, 30_000);

  test("lists the steps, and a step that there is none of is a wrong flag", async () => {
    await using wizard = new Wizard();
    expect(await wizard.start("--help").exited).toBe(0);
    await wizard.hears(
      /Steps of .*\n  vendor .*\n  motors .*\n  steering .*\n  camera .*\n  speed .*\n  grayscale /s,
    );
    expect(await wizard.start("--only", "teeth").exited).toBe(2);
    await wizard.hears(/$/);
    expect(wizard.problems).toContain('there is no step "teeth"');
  }, 30_000);
});
