import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyHidDevice, loadHid } from "../../core/devices/hid.ts";

const ROOT = join(import.meta.dir, "../..");

test("the library is not looked for before there is any HID device", () => {
  const folder = mkdtempSync(join(tmpdir(), "myna-hidraw-"));
  expect(anyHidDevice(folder)).toBe(false);
  expect(anyHidDevice("/no/such/folder")).toBe(false);
  mkdirSync(join(folder, "hidraw3"));
  expect(anyHidDevice(folder)).toBe(true);
  rmSync(folder, { recursive: true });
});

test("a library that the system lacks is told of by the packages that bring it", async () => {
  const absent = async () => ({
    getHidapiVersion(): string {
      throw new Error("libusb-1.0.so.0: cannot open shared object file");
    },
  });
  await expect(loadHid(absent)).rejects.toMatchObject({
    code: "DEVICE_NOT_FOUND",
    message: expect.stringContaining("sudo apt install libusb-1.0-0 libudev1"),
  });
  expect((await loadHid(async () => ({ getHidapiVersion: () => "0.15.0" }))).getHidapiVersion()).toBe(
    "0.15.0",
  );
});

test("the plugins for gamepads and speakerphones load nothing of node-hid by themselves", async () => {
  const code = `await import("./plugins/gamepad-hid/index.ts");
    await import("./plugins/speakerphone-hid/index.ts");
    process.stdout.write(String(Object.keys(require.cache).some((path) => path.includes("node-hid"))));`;
  const child = Bun.spawn([process.execPath, "-e", code], { cwd: ROOT, stdout: "pipe", stderr: "inherit" });
  expect(await new Response(child.stdout).text()).toBe("false");
  expect(await child.exited).toBe(0);
});
