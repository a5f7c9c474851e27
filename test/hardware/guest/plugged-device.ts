import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const HIDRAW = "/sys/class/hidraw";

/** A HID device that the kernel sees as plugged in by USB, played by hid-device.ts. */
export class PluggedDevice {
  /** Output reports so far, in hex, their numbers first. */
  readonly outputs: string[] = [];
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;

  private constructor(child: Bun.Subprocess<"pipe", "pipe", "inherit">) {
    this.#process = child;
    void this.#listen();
  }

  /**
   * Resolves when the kernel has made its /dev/hidraw…. With `repeatMs` it gives its last report again that often, whatever this
   * process does meanwhile.
   */
  static async plugIn(
    name: string,
    vendor: number,
    product: number,
    descriptor: Uint8Array,
    repeatMs?: number,
  ): Promise<PluggedDevice> {
    const device = new PluggedDevice(
      Bun.spawn(
        [
          ...[process.execPath, join(import.meta.dir, "hid-device.ts"), name, vendor.toString(16)],
          ...[product.toString(16), Buffer.from(descriptor).toString("hex")],
          ...(repeatMs === undefined ? [] : [String(repeatMs)]),
        ],
        { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
      ),
    );
    const endMs = performance.now() + 30_000;
    while (!isThere(name)) {
      if (performance.now() > endMs) throw new Error(`the kernel made no hidraw device of ${name}`);
      await Bun.sleep(20);
    }
    return device;
  }

  input(report: Uint8Array): void {
    this.#process.stdin.write(`${Buffer.from(report).toString("hex")}\n`);
    void this.#process.stdin.flush();
  }

  async unplug(): Promise<void> {
    await this.#process.stdin.end();
    await this.#process.exited;
  }

  async #listen(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const bytes of this.#process.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.outputs.push(...lines.filter(Boolean));
    }
  }
}

function isThere(name: string): boolean {
  if (!existsSync(HIDRAW)) return false;
  return readdirSync(HIDRAW).some((one) => {
    try {
      const told = readFileSync(join(HIDRAW, one, "device", "uevent"), "utf8").includes(`HID_NAME=${name}\n`);
      return told && existsSync(join("/dev", one));
    } catch {
      return false;
    }
  });
}
