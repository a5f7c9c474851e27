import { expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const FIND = `import { findAlsaPlace } from ${JSON.stringify(join(import.meta.dir, "../../core/devices/device-place.ts"))};
console.log(await findAlsaPlace("capture", "default").then(({ device }) => device, (error) => error.code + " " + error.message));`;

/** What "default" means for a user with these files at home, and with nothing else that names a device. */
async function defaultDevice(
  files: Record<string, string>,
  env: Record<string, string> = {},
): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), "myna-home-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(home, name)), { recursive: true });
      writeFileSync(join(home, name), text);
    }
    const child = Bun.spawn([process.execPath, "-e", FIND], {
      env: { PATH: process.env["PATH"]!, HOME: home, XDG_RUNTIME_DIR: home, ...env },
      stdout: "pipe",
      stderr: "inherit",
    });
    return (await new Response(child.stdout).text()).trim();
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const hasSound = ["/dev/snd", "/etc/asound.conf", "/run/pulse/native", "/proc/asound/cards"].some(existsSync);

test.skipIf(hasSound)("a computer without sound says so at once, and no device is tried", async () => {
  expect(await defaultDevice({})).toMatch(
    /^DEVICE_NOT_FOUND there is no microphone "default" .*no sound device$/,
  );
});

for (const [what, files, env] of [
  ["an ALSA configuration of one's own", { ".asoundrc": "" }, {}],
  ["one in .config", { ".config/alsa/asoundrc": "" }, {}],
  ["a PulseAudio configuration of one's own", { ".config/pulse/client.conf": "" }, {}],
  ["a PulseAudio that runs", { "pulse/native": "" }, {}],
  ["a PipeWire that runs", { "pipewire-0": "" }, {}],
  ["a server on another computer", {}, { PULSE_SERVER: "tcp:127.0.0.1" }],
  ["a configuration named in the environment", {}, { ALSA_CONFIG_PATH: "/dev/null" }],
] as const) {
  test(`the default device is tried where there is ${what}`, async () => {
    expect(await defaultDevice(files, env)).toBe("default");
  });
}
