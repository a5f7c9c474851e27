import { signal } from "@preact/signals";
import { cutDriving, driving, hold, letGo, readBeforeIntents } from "./driving.ts";
import { stopEverything } from "./stop.ts";
import { setTalkKey } from "./voice.ts";

/** Buttons and axes of the "standard" layout (W3C Gamepad, §remapping). */
const BUTTON = { east: 1, left1: 4, right1: 5 } as const;
const AXIS = { steer: 0, speed: 1 } as const;
const DEAD_ZONE = 0.12;

/** Browsers tell of a pad's presence, not of its buttons. Not by frames: of a page in sight they may stop. */
const READ_PERIOD_MS = 20;
/** In a longer gap the dead-man button may have been let go and pressed again unseen. */
const GAP_MS = 250;

/** Its name; undefined while there is none. */
export const gamepad = signal<string | undefined>(undefined);
let timer: ReturnType<typeof setInterval> | undefined;
let readAtMs = -Infinity;
let held = { stop: false, talk: false };

/** L1 is the dead-man button, the left stick drives, the east button stops everything, R1 talks. */
function read(): void {
  const pad = navigator.getGamepads().find((one) => one?.mapping === "standard" && one.connected);
  if (!pad) return gone();
  const nowMs = performance.now();
  if (nowMs - readAtMs > GAP_MS && driving.peek()?.holder === "pad")
    cutDriving("the gamepad could not be read");
  readAtMs = nowMs;
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

function gone(): void {
  clearInterval(timer);
  gamepad.value = undefined;
  if (held.talk) setTalkKey(false);
  held = { stop: false, talk: false };
  letGo("pad");
}

/** Nothing about the centre, then gently more. */
function shaped(value: number): number {
  const size = Math.max(0, Math.abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE);
  return Math.sign(value) * Math.min(1, size * (0.5 + 0.5 * size));
}

readBeforeIntents("pad", read);
addEventListener("gamepadconnected", (event) => {
  gamepad.value = event.gamepad.id;
  clearInterval(timer);
  timer = setInterval(read, READ_PERIOD_MS);
  read();
});
