import type { Finding, I2cBus, LineChip } from "myna";

/** Address of the HAT's controller (robot-hat, pwm.py). */
const ADDRESS = 0x14;
/** The battery's input is A4; the order of inputs is reversed (robot-hat, adc.py). */
const CONVERT_A4 = 0x13;
/** 3.3 V for 4095 behind a divider by 3 (robot-hat, get_battery_voltage). */
const VOLTS_PER_COUNT = (3.3 / 4095) * 3;
/** A pack of two cells: another reading is none of a battery. */
const LEAST_V = 5;
const MOST_V = 9;
const LOW_V = 6.8;
const CRITICAL_V = 6.4;
/** Low for at least 10 ms, then picar-x waits 200 ms (robot-hat, utils.reset_mcu; picarx.py). */
const RESET_LOW_MS = 12;
const START_MS = 200;
/** What was held in reset answers so long after it was let go. */
const START_LIMIT_MS = 600;
const TRY_EACH_MS = 20;

const SWITCH_ON = "sudo raspi-config nonint do_i2c 0; sudo modprobe i2c-dev";

/**
 * Whether the motor controller answers, and how full the battery is. Holds the reset line meanwhile, as a robot does: one that runs
 * is not touched. The controller is reset first and starts without pulses, so nothing moves: asked as it is, it would take what
 * it is asked for the rest of a frame that another program left half written, and that may be a motor's.
 */
export async function checkController(
  openChip: () => Promise<LineChip>,
  openBus: () => I2cBus,
  motorReset: number,
): Promise<Finding[]> {
  const name = "controller";
  let chip: LineChip | undefined;
  let bus: I2cBus | undefined;
  try {
    chip = await openChip();
    const reset = chip.output(motorReset, { consumer: "myna doctor", high: false });
    await Bun.sleep(RESET_LOW_MS);
    reset.set(true);
    await Bun.sleep(START_MS);
    bus = openBus();
    const count = await readBattery(bus);
    return [{ name, state: "ok", message: "0x14 answers" }, battery(count)];
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (code === "DEVICE_BUSY") return [held(message)];
    if (!chip) return [{ name, state: "not_here", message: "not asked, since its reset line is not there" }];
    if (code === "DEVICE_NOT_FOUND") return [{ name, state: "failed", message, fix: SWITCH_ON }];
    const fix =
      "is the HAT on the 40 pins, and its power switch on? Is the battery charged? Then: i2cdetect -y 1";
    return [{ name, state: "failed", message, fix }];
  } finally {
    bus?.close();
    chip?.close();
  }
}

/** Whoever holds the reset line owns the bus. */
function held(message: string): Finding {
  const name = "controller";
  if (!/is held by (myna|process \d)/.test(message))
    return { name, state: "failed", message, fix: "end the program that holds the line" };
  const why = 'a robot runs, and its bus is left alone; what it measures stands under "runtime"';
  return { name, state: "ok", message: `${message}: ${why}` };
}

/** The first answer counts; a controller that has just been let go of needs a while for it. */
async function readBattery(bus: I2cBus): Promise<number> {
  const endMs = performance.now() + START_LIMIT_MS;
  const byte = new Uint8Array(1);
  for (;;) {
    try {
      bus.write(ADDRESS, Uint8Array.of(CONVERT_A4, 0, 0));
      bus.read(ADDRESS, byte);
      const high = byte[0]!;
      bus.read(ADDRESS, byte);
      return (high << 8) | byte[0]!;
    } catch (error) {
      if (performance.now() > endMs) throw error;
      await Bun.sleep(TRY_EACH_MS);
    }
  }
}

function battery(count: number): Finding {
  const name = "battery";
  const volts = count * VOLTS_PER_COUNT;
  const message = `${volts.toFixed(2)} V`;
  if (volts < LEAST_V || volts > MOST_V) {
    const fix = "switch the HAT off and on; is it fed by its battery, and not by USB alone?";
    return { name, state: "warning", message: `${message}: no battery reads like that`, fix };
  }
  if (volts > LOW_V) return { name, state: "ok", message };
  const fix = "charge it; the wheels stay still at 6.4 V and below";
  return { name, state: volts > CRITICAL_V ? "warning" : "failed", message, fix };
}
