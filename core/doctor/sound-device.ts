import { listCards } from "../audio/alsa-cards.ts";
import { listServerDevices } from "../audio/sound-server.ts";
import { explainMissing } from "../devices/device-place.ts";
import type { DeviceKind, DevicePlace } from "../devices/device-place.ts";
import { MynaError } from "../errors.ts";
import type { DoctorVisit, Finding } from "./finding.ts";

/**
 * For the `doctor` of a microphone's or loudspeaker's plugin: is the device that the profile names there, by its name, and where.
 * It is not opened. `find` is what the driver itself asks.
 */
export async function checkSoundDevice(
  { id, path }: Pick<DoctorVisit, "id" | "path">,
  kind: DeviceKind,
  device: string,
  find: () => Promise<DevicePlace>,
): Promise<Finding[]> {
  const name = kind === "capture" ? "microphone" : "loudspeaker";
  if (path("/") !== "/")
    return [{ name, state: "not_here", message: "the sound devices of another computer cannot be seen" }];
  try {
    const place = await find();
    const none = listCards().length === 0 && (await listServerDevices(kind)).length === 0;
    // What neither a card nor the sound server has is a guess: it may stand in the ALSA configuration.
    if (none || (place.device === device && place.server === undefined && /^(?!default$)[^:]+$/.test(device)))
      throw await explainMissing(kind, device);
    const where = place.device === device ? device : `"${device}" is ${place.device}`;
    return [{ name, state: "ok", message: `${where}${place.program ? ` (${place.program})` : ""}` }];
  } catch (error) {
    const list = kind === "capture" ? "arecord -l" : "aplay -l";
    const fix = `plug it in, or name another one as device in [plugins.${id}] of local.toml: ${list}`;
    const { message } = MynaError.from(error, "DEVICE_NOT_FOUND");
    return [{ name, state: "failed", message, fix }];
  }
}
