/** Buttons by place: south is A or cross, east B or circle, west X or square, north Y or triangle. */
export const BUTTONS = [
  ...(["south", "east", "west", "north", "l1", "r1", "l2", "r2", "select", "start", "l3", "r3"] as const),
  ...(["home", "touchpad", "mute", "up", "down", "left", "right"] as const),
] as const;

/** A button's name. */
export type Button = (typeof BUTTONS)[number];

/** What a gamepad says. Sticks are -1 to 1, right and up positive. */
export interface PadState {
  leftX: number;
  leftY: number;
  rightX: number;
  rightY: number;
  buttons: ReadonlySet<Button>;
}

/** Nothing touched. */
export const AT_REST: PadState = { leftX: 0, leftY: 0, rightX: 0, rightY: 0, buttons: new Set() };

/** The buttons whose bits are set; `names` begins with the lowest bit, "" for bits that are no button. */
export function pressed(bits: number, names: readonly (Button | "")[], into: Set<Button>): void {
  names.forEach((name, bit) => {
    if (name !== "" && bits & (1 << bit)) into.add(name);
  });
}

/** A direction pad as its eight directions, 0 up and then clockwise; others are none. */
export function pressedHat(direction: number, into: Set<Button>): void {
  if (direction === 7 || direction === 0 || direction === 1) into.add("up");
  if (direction >= 1 && direction <= 3) into.add("right");
  if (direction >= 3 && direction <= 5) into.add("down");
  if (direction >= 5 && direction <= 7) into.add("left");
}
