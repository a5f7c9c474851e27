import { dlopen } from "bun:ffi";
import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestRobot } from "../kit/index.ts";
import { openCharacterLines } from "../../plugins/board-picarx/character-lines.ts";
import * as gpio from "../../plugins/board-picarx/gpio-uapi.ts";
import { openI2c } from "../../plugins/board-picarx/i2c.ts";
import { openLines } from "../../plugins/board-picarx/lines.ts";
import { BOARD_LINES, detectRevision } from "../../plugins/board-picarx/revision.ts";
import { chipBase } from "../../plugins/board-picarx/sysfs-lines.ts";
import { Epoll } from "../../vendor/epoll/index.ts";

const folders: string[] = [];

function folder(files: Record<string, string> = {}): string {
  const path = mkdtempSync(join(tmpdir(), "myna-board-"));
  folders.push(path);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true });
});

/** Bytes that are not zero as "offset:hex", and the length. */
function set(bytes: Uint8Array): string {
  const found = [...bytes].flatMap((byte, at) =>
    byte ? [`${at}:${byte.toString(16).padStart(2, "0")}`] : [],
  );
  return [bytes.length, ...found].join(" ");
}

function code(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return undefined;
}

// The bytes are what a C program with linux/gpio.h of Debian 12 fills in.
describe("requests to the GPIO character device are those of linux/gpio.h", () => {
  test("an output with its first level", () => {
    expect(set(gpio.outputRequest(5, "myna-motion 77", true))).toBe(
      "592 0:05 256:6d 257:79 258:6e 259:61 260:2d 261:6d 262:6f 263:74 264:69 265:6f 266:6e 267:20 268:37 269:37 288:08 296:01 320:02 328:01 336:01 560:01",
    );
  });

  test("an input with a pull-up, active low, with edges and a debounce time", () => {
    const request = gpio.inputRequest(25, "myna", {
      pull: "up",
      activeLow: true,
      edges: true,
      debounceUs: 20_000,
    });
    expect(set(request)).toBe(
      "592 0:19 256:6d 257:79 258:6e 259:61 288:36 289:01 296:01 320:03 328:20 329:4e 336:01 560:01",
    );
  });

  test("values, chip and line information", () => {
    expect(set(gpio.lineValues(true))).toBe("16 0:01 8:01");
    const info = gpio.chipInfo();
    new TextEncoder().encodeInto("gpiochip0", info);
    info.set(new TextEncoder().encode("pinctrl-bcm2711"), 32);
    info[64] = 58;
    expect(gpio.readChipInfo(info)).toEqual({ name: "gpiochip0", label: "pinctrl-bcm2711", lines: 58 });
    expect(set(gpio.lineInfo(5))).toBe("256 64:05");
    const owned = gpio.lineInfo(5);
    owned.set(new TextEncoder().encode("myna-motion 77"), 32);
    expect(gpio.readConsumer(owned)).toBe("myna-motion 77");
  });

  test("a consumer's name that is too long is cut before its terminating zero", () => {
    const request = gpio.outputRequest(5, "x".repeat(80), false);
    expect(request[286]).toBe("x".charCodeAt(0));
    expect(request[287]).toBe(0);
    expect(request[288]).toBe(8);
  });

  test("events carry the kernel's time and come in order", () => {
    const bytes = new Uint8Array(96 + 7);
    const data = new DataView(bytes.buffer);
    data.setBigUint64(0, 0x1122334455667788n, true);
    data.setUint32(8, 1, true);
    data.setBigUint64(48, 0x1122334455667799n, true);
    data.setUint32(56, 2, true);
    expect(gpio.readEvents(bytes)).toEqual([
      { active: true, timestampNs: 0x1122334455667788n },
      { active: false, timestampNs: 0x1122334455667799n },
    ]);
  });
});

describe("which board it is", () => {
  test("follows from the UUID of the HAT in the device tree", () => {
    const uuid = (text: string) => detectRevision(folder({ "hat/uuid": text }));
    expect(uuid("9daeea78-0000-076e-0032-582369ac3e02\0")).toBe("v5");
    expect(uuid("00000000-0000-0000-0000-000000000000\0")).toBe("v4");
    expect(detectRevision(folder({ "hat@1/uuid": "9daeea78-0000-076e-0032-582369ac3e02\0" }))).toBe("v5");
    expect(detectRevision(folder({ model: "Raspberry Pi 4 Model B\0" }))).toBe("v4");
    expect(detectRevision("/no/such/tree")).toBe("v4");
  });

  test("decides the loudspeaker's line, the button's, the reset's and whether motors have directions", () => {
    expect(BOARD_LINES.v4).toMatchObject({ speakerEnable: 20, motorReset: 5, leftDirection: 23 });
    expect(BOARD_LINES.v5).toMatchObject({ speakerEnable: 12, leftDirection: null, rightDirection: null });
    expect(BOARD_LINES.type1).toMatchObject({ motorReset: 21, userButton: 19, speakerEnable: 20 });
  });
});

describe("wires that are not there", () => {
  test("a machine without the header's chip is told by the chip's name", async () => {
    expect(openCharacterLines(["pinctrl-bcm2711"], 20, folder({ gpiochip0: "no chip" }))).toBeUndefined();
    const opening = openLines({ chip: "no-such-chip", backend: "auto", pollMs: 20 });
    await expect(opening).rejects.toMatchObject({
      code: "DEVICE_NOT_FOUND",
      message: "there is no GPIO chip no-such-chip on this machine",
    });
  });

  test("a bus that is not there says how to switch it on, and a file that is no bus fails", () => {
    const missing = join(folder(), "i2c-1");
    expect(() => openI2c({ device: missing })).toThrow("switch I2C on");
    expect(code(() => openI2c({ device: missing }))).toBe("DEVICE_NOT_FOUND");
    const bus = openI2c({ device: "/dev/null" });
    expect(code(() => bus.write(0x14, Uint8Array.of(0x2c, 0, 0)))).toBe("DEVICE_FAILED");
    expect(() => bus.read(0x14, new Uint8Array(1))).toThrow("0x14 does not answer (read: ENOTTY)");
    bus.close();
  });

  test("the plugin waits for its board and tries again", async () => {
    await using robot = await startTestRobot({
      plugins: { board: { use: "board-picarx", gpio_chip: "no-such-chip" } },
      tolerant: true,
    });
    const board = robot.health().plugins.find(({ id }) => id === "board");
    expect(board).toMatchObject({ state: "retrying" });
    expect(board!.message).toContain("no-such-chip");
  });
});

describe("sysfs by onoff", () => {
  test("the first number of the chip is looked up, never assumed", () => {
    const files = {
      "gpiochip0/label": "raspberrypi-exp-gpio\n",
      "gpiochip0/base": "570\n",
      "gpiochip512/label": "pinctrl-bcm2711\n",
      "gpiochip512/base": "512\n",
    };
    expect(chipBase(["pinctrl-bcm2711", "pinctrl-rp1"], folder(files))).toBe(512);
    expect(chipBase(["pinctrl-rp1"], folder(files))).toBeUndefined();
    expect(chipBase(["pinctrl-rp1"], "/no/such/folder")).toBeUndefined();
  });

  test("onoff writes the files of the right lines", async () => {
    const lines = [532, 537]
      .map(
        (line) =>
          `mkdir /sys/class/gpio/gpio${line}; cd /sys/class/gpio/gpio${line}; echo 0 >value; echo in >direction; echo none >edge; echo 0 >active_low`,
      )
      .join("; ");
    const script = `set -e; mount -t tmpfs none /sys/class; mkdir -p /sys/class/gpio/gpiochip512; cd /sys/class/gpio; touch export unexport; echo pinctrl-bcm2711 >gpiochip512/label; echo 512 >gpiochip512/base; ${lines}; exec "$0" "$1"`;
    const probe = join(import.meta.dir, "..", "fixtures", "sysfs-lines-probe.ts");
    const child = Bun.spawn(["unshare", "-rm", "sh", "-c", script, process.execPath, probe], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const [told, wrong] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    expect(wrong).toBe("");
    expect(JSON.parse(told)).toEqual({
      speaker: { direction: "low", value: "1\n" },
      button: { direction: "in", edge: "both", activeLow: "1", pressed: false },
      second: "DEVICE_BUSY",
    });
  });

  test("loads no native code: the real epoll would abort Bun", async () => {
    const source = `await import("onoff"); const maps = await Bun.file("/proc/self/maps").text();
      process.stdout.write(JSON.stringify(maps.split("\\n").filter((line) => line.endsWith(".node"))));`;
    const child = Bun.spawn([process.execPath, "-e", source], {
      cwd: join(import.meta.dir, "..", ".."),
      stdout: "pipe",
    });
    expect(await child.stdout.json()).toEqual([]);
    expect(await child.exited).toBe(0);
  });
});

describe("the stand-in for epoll", () => {
  test("tells of each event once until it was read, and of none after it was removed", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    let events = 0;
    // A pipe of the kernel's: its reading end becomes readable when something is written.
    const { symbols: libc } = dlopen("libc.so.6", {
      pipe: { args: ["ptr"], returns: "i32" },
      write: { args: ["i32", "ptr", "u64"], returns: "i64" },
      read: { args: ["i32", "ptr", "u64"], returns: "i64" },
      close: { args: ["i32"], returns: "i32" },
    });
    const ends = new Int32Array(2);
    libc.pipe(ends);
    const [reading, writing] = [ends[0]!, ends[1]!];
    const byte = new Uint8Array(1);
    const epoll = new Epoll((error, fd, what) => {
      expect(error).toBeNull();
      libc.read(fd, byte, 1n);
      events++;
      if (events === 3) resolve(what);
      else libc.write(writing, byte, 1n);
    });
    epoll.add(reading, Epoll.EPOLLIN);
    expect(() => epoll.add(reading, Epoll.EPOLLIN)).toThrow("EEXIST");
    libc.write(writing, byte, 1n);
    expect((await promise) & Epoll.EPOLLIN).toBe(Epoll.EPOLLIN);
    epoll.remove(reading);
    expect(() => epoll.remove(reading)).toThrow("ENOENT");
    libc.write(writing, byte, 1n);
    const second = new Epoll(() => resolve(0));
    second.add(reading, Epoll.EPOLLIN).close();
    expect(second.closed).toBe(true);
    expect(events).toBe(3);
    libc.close(reading);
    libc.close(writing);
  });
});
