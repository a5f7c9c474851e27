import { signal } from "@preact/signals";
import { hold, letGo } from "./driving.ts";
import { stopEverything } from "./stop.ts";
import { setTalkKey } from "./voice.ts";

/** Buttons and axes of the "standard" layout (W3C Gamepad, §remapping). */
const BUTTON = { east: 1, left1: 4, right1: 5 } as const;
const AXIS = { steer: 0, speed: 1 } as const;
const DEAD_ZONE = 0.12;

/** Its name; undefined while there is none. */
export const gamepad = signal<string | undefined>(undefined);
let frame = 0;
let held = { stop: false, talk: false };

/** L1 is the dead-man button, the left stick drives, the east button stops everything, R1 talks. */
function read(): void {
  const pad = navigator.getGamepads().find((one) => one?.mapping === "standard");
  if (!pad) {
    gamepad.value = undefined;
    letGo("pad");
    return;
  }
  frame = requestAnimationFrame(read);
  const pressed = (index: number) => pad.buttons[index]?.pressed === true;
  const stop = pressed(BUTTON.east);
  if (stop && !held.stop) stopEverything();
  const talk = pressed(BUTTON.right1);
  if (talk !== held.talk) setTalkKey(talk);
  held = { stop, talk };
  if (pressed(BUTTON.left1))
    hold("pad", { speed: shaped(-(pad.axes[AXIS.speed] ?? 0)), steer: shaped(-(pad.axes[AXIS.steer] ?? 0)) });
  else letGo("pad");
}

/** Nothing about the centre, then gently more. */
function shaped(value: number): number {
  const size = Math.max(0, Math.abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE);
  return Math.sign(value) * Math.min(1, size * (0.5 + 0.5 * size));
}

addEventListener("gamepadconnected", (event) => {
  gamepad.value = event.gamepad.id;
  cancelAnimationFrame(frame);
  read();
});
