import type { AudioConfig } from "./config.ts";
import type { DeviceSpec } from "./port.ts";

/**
 * What keeps the robot from hearing itself. `open`: nothing does; `cancelled`: a stage of the listening chain, proven by
 * `doctor audio` for this pair of devices; `half_duplex`: the microphone is silenced while the loudspeaker plays;
 * `push_to_talk`: it is silenced unless somebody holds the talk key.
 */
export type EchoRung = "open" | "cancelled" | "half_duplex" | "push_to_talk";

/**
 * What the proof of an echo calls a device; "" for one without a name of its own, for which there is no proof: what
 * "default" stands for may be another loudspeaker tomorrow.
 */
export function deviceName(spec: DeviceSpec | undefined): string {
  const name = spec?.name ?? spec?.options["device"];
  return typeof name === "string" && name !== "default" ? name : "";
}

/**
 * The rung of the ladder for these devices. `auto` fails closed: a pair in one room is half duplex until it is proven, and
 * again when what deals with the echo, `echoStages`, is not what it was proven with. What is not there cannot be heard.
 */
export function echoRung(
  config: AudioConfig,
  microphone: DeviceSpec | undefined,
  loudspeaker: DeviceSpec | undefined,
  echoStages: string,
): EchoRung {
  if (config.echo !== "auto") return config.echo;
  if (microphone?.acoustic !== true || loudspeaker?.acoustic !== true) return "open";
  const { proof } = config;
  const names = [deviceName(microphone), deviceName(loudspeaker)];
  const proven =
    proof !== undefined &&
    !names.includes("") &&
    names[0] === proof.microphone &&
    names[1] === proof.loudspeaker &&
    echoStages === proof.stage;
  return proven ? "cancelled" : "half_duplex";
}
