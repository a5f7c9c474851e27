import { inputsOf, outputReports, usagesIn } from "./descriptor.ts";
import type { Field } from "./descriptor.ts";

/** Telephony page (HID Usage Tables 1.5, 14). */
const HOOK_SWITCH = 0x0b_0020;
const PHONE_MUTE = 0x0b_002f;
/** LED page (HID Usage Tables 1.5, 11). */
const LED_MUTE = 0x08_0009;
const LED_OFF_HOOK = 0x08_0017;
const LIGHTS: ReadonlySet<number> = new Set([LED_MUTE, LED_OFF_HOOK]);

/** What somebody did at the phone. */
export interface PhoneEvents {
  /** The hook button was pressed, or the receiver taken up or laid down. */
  hook(): void;
  /** The wanted state, or undefined for the other one. */
  mute(muted: boolean | undefined): void;
}

/** What the phone is to show. Many do not look at their mute key before they are off the hook. */
export interface PhoneLights {
  offHook: boolean;
  muted: boolean;
}

/** A speakerphone's keys and lights, by its report descriptor. */
export class Phone {
  readonly #fields: readonly Field[];
  readonly #events: PhoneEvents;
  #on: ReadonlySet<number> = new Set();
  #offHook = false;

  constructor(fields: readonly Field[], events: PhoneEvents) {
    this.#fields = fields;
    this.#events = events;
  }

  /** False for a device whose descriptor has no key that matters. */
  get useful(): boolean {
    return this.#fields.some(
      ({ kind, usages }) => kind === "input" && (usages.includes(HOOK_SWITCH) || usages.includes(PHONE_MUTE)),
    );
  }

  /** A report of the device; what is none of its own is passed over. */
  take(report: Uint8Array): void {
    const told = inputsOf(this.#fields, report);
    const mute = told.find(({ usages }) => usages.includes(PHONE_MUTE));
    const hook = told.find(({ usages }) => usages.includes(HOOK_SWITCH));
    if (!mute && !hook) return;
    const on = usagesIn(this.#fields, report);
    const before = this.#on;
    // Reports have their own numbers: what this one does not tell of stays as it was.
    const kept = [...before].filter((usage) => !told.some(({ usages }) => usages.includes(usage)));
    this.#on = new Set([...kept, ...on]);
    const changed = (usage: number) => on.has(usage) !== before.has(usage);
    if (mute && changed(PHONE_MUTE)) {
      if (!mute.relative) this.#events.mute(on.has(PHONE_MUTE));
      else if (on.has(PHONE_MUTE)) this.#events.mute(undefined);
    }
    if (!hook || !changed(HOOK_SWITCH)) return;
    // A switch follows the light by itself: what differs from the light was a hand.
    const byHand = hook.relative ? on.has(HOOK_SWITCH) : on.has(HOOK_SWITCH) !== this.#offHook;
    if (byHand) this.#events.hook();
  }

  /** The reports that set its lights. */
  lights({ offHook, muted }: PhoneLights): Uint8Array[] {
    const on = new Set<number>();
    if (offHook) on.add(LED_OFF_HOOK);
    if (muted) on.add(LED_MUTE);
    this.#offHook = offHook;
    return outputReports(this.#fields, LIGHTS, on);
  }
}
