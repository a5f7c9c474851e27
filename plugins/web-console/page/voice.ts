import { signal } from "@preact/signals";
import { onLost, tell } from "./robot.ts";
import { operates } from "./live.ts";

/** The browser side of the plugin `gateway-webrtc`, as `/talk/client.js` exports it. */
interface TalkSession extends EventTarget {
  setMicrophone(open: boolean): void;
  /** 0 to 1. */
  level(): number;
  close(): void;
}
interface TalkModule {
  TalkSession: { start(options: { mode: "robot"; muted?: boolean }): Promise<TalkSession> };
}

export type VoiceState = "unavailable" | "off" | "starting" | "on";

export const voice = signal<VoiceState>("unavailable");
/** Why there is no voice, or why it ended. */
export const voiceProblem = signal<string | undefined>(undefined);
/** The page's microphone is open. */
export const microphoneOpen = signal(false);
/** The talk key is held. */
export const talkKey = signal(false);
/** 0 to 1, many times a second while the voice is on. */
export const microphoneLevel = signal(0);

const CLIENT = "/talk/client.js";
const NO_MICROPHONE =
  "The browser lends its microphone to https pages and to the robot's own computer only: open the robot's https address, " +
  "which stands on its terminal, also as a QR code.";
let session: TalkSession | undefined;
let frame = 0;

/** Finds out whether the robot can be talked to from a page. */
export async function lookForVoice(): Promise<void> {
  if (voice.value !== "unavailable") return;
  if (!navigator.mediaDevices) return void (voiceProblem.value = NO_MICROPHONE);
  const found = await fetch(CLIENT, { method: "HEAD" }).then(
    (response) => response.ok,
    () => false,
  );
  if (found) voice.value = "off";
  voiceProblem.value = found ? undefined : "The profile has no gateway-webrtc plugin: type instead.";
}

/** Joins the robot's conversation with this page's microphone and loudspeaker. */
export async function startVoice(open: boolean): Promise<void> {
  if (voice.value !== "off") return;
  voice.value = "starting";
  voiceProblem.value = undefined;
  try {
    const { TalkSession } = (await import(/* @vite-ignore */ CLIENT)) as TalkModule;
    const started = await TalkSession.start({ mode: "robot", muted: !open });
    session = started;
    started.addEventListener("error", (event) => (voiceProblem.value = problemOf(event)));
    // Somebody else may take the robot's ears.
    started.addEventListener("microphone", (event) => {
      const { open: isOpen } = (event as CustomEvent<{ open?: boolean }>).detail;
      if (session === started) microphoneOpen.value = isOpen === true;
    });
    started.addEventListener("state", (event) => {
      const state = (event as CustomEvent<string | { state?: string }>).detail;
      const name = typeof state === "string" ? state : state?.state;
      if (name === "closed" || name === "failed") endVoice();
    });
    voice.value = "on";
    microphoneOpen.value = open;
    meter();
  } catch (error) {
    endVoice();
    voiceProblem.value = (error as Error).message;
  }
}

export function endVoice(): void {
  cancelAnimationFrame(frame);
  session?.close();
  session = undefined;
  microphoneOpen.value = false;
  microphoneLevel.value = 0;
  if (voice.value !== "unavailable") voice.value = "off";
}

export function openMicrophone(open: boolean): void {
  session?.setMicrophone(open);
  microphoneOpen.value = open && session !== undefined;
}

/** The talk key: the microphone is open as long as it is held. Starts the voice at the first press. */
export function setTalkKey(held: boolean): void {
  if (held === talkKey.value || (held && (!operates.value || voice.value === "unavailable"))) return;
  talkKey.value = held;
  tell({ type: "talk", talking: held });
  if (session) openMicrophone(held);
  else if (held) void startVoice(false).then(() => talkKey.value && openMicrophone(true));
}

function meter(): void {
  microphoneLevel.value = session?.level() ?? 0;
  frame = requestAnimationFrame(meter);
}

function problemOf(event: Event): string {
  const { detail } = event as CustomEvent<unknown>;
  const message = (detail as { message?: unknown } | null)?.message ?? detail;
  return typeof message === "string" ? message : "The voice connection failed.";
}

/** Space where it means nothing else. */
function isTalkKey(event: KeyboardEvent): boolean {
  const { target } = event;
  const taken =
    target instanceof HTMLElement &&
    target.closest("input, textarea, select, button, a, summary, [role=tab], [tabindex='0']");
  return event.code === "Space" && !taken;
}

addEventListener("keydown", (event) => {
  if (!isTalkKey(event)) return;
  event.preventDefault();
  if (!event.repeat) setTalkKey(true);
});
addEventListener("keyup", (event) => event.code === "Space" && setTalkKey(false));
addEventListener("blur", () => setTalkKey(false));
addEventListener("pagehide", endVoice);
onLost(() => {
  if (talkKey.value) openMicrophone(false);
  talkKey.value = false;
});
