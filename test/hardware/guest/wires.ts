import { CHIP, LINES } from "./bridge.ts";

/** The local.toml of pi4-picar on the bridge: what the wires of this robot are called. `bus` is a character device. */
export function wiresToml(bus: string, revision: "v4" | "v5", deviceTree?: string): string {
  const directions = `left_direction = ${LINES.leftDirection}\nright_direction = ${LINES.rightDirection}`;
  return `[plugins.board]
i2c_device = "${bus}"
gpio_chip = "${CHIP}"
${deviceTree === undefined ? "" : `device_tree = "${deviceTree}"`}
[plugins.board.lines]
motor_reset = ${LINES.motorReset}
${revision === "v5" ? "" : directions}
ultrasonic_trigger = ${LINES.ultrasonicTrigger}
ultrasonic_echo = ${LINES.ultrasonicEcho}
led = ${LINES.led}
user_button = ${LINES.userButton}
speaker_enable = ${LINES.speakerEnable}
# The bridge's interrupts are threads: the kernel cannot debounce its lines.
[plugins.button]
debounce_ms = 0
`;
}
