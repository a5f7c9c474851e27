import { operates, stale, values } from "./live.ts";
import { ask } from "./robot.ts";
import {
  endVoice,
  microphoneLevel,
  microphoneOpen,
  openMicrophone,
  setTalkKey,
  startVoice,
  talkKey,
  voice,
  voiceProblem,
} from "./voice.ts";

/** Talking by this page: open microphone, talk key, level. */
export function VoiceBar() {
  const state = voice.value;
  const hearing = values.robot.value?.hearing;
  const away = stale.value || !operates.value;
  return (
    <div class="voice">
      {state !== "unavailable" && (
        <>
          <button
            type="button"
            class="toggle"
            aria-pressed={microphoneOpen.value}
            disabled={away || state === "starting"}
            onClick={() => (state === "off" ? void startVoice(true) : openMicrophone(!microphoneOpen.value))}
          >
            {state === "starting"
              ? "Starting…"
              : microphoneOpen.value
                ? "Microphone open"
                : "Open microphone"}
          </button>
          <TalkButton disabled={away} />
          {state === "off" && (
            <button type="button" class="quiet" disabled={away} onClick={() => void startVoice(false)}>
              Listen
            </button>
          )}
          {state === "on" && (
            <>
              <button type="button" class="quiet" onClick={endVoice}>
                Hang up
              </button>
              <meter
                class="mic-level"
                min={0}
                max={1}
                value={Math.min(1, microphoneLevel.value)}
                aria-label="Level of this page's microphone"
              />
            </>
          )}
        </>
      )}
      {hearing?.available === false && (
        <p class="hint">The robot understands no speech: {hearing.hint ?? "type instead"}.</p>
      )}
      {voiceProblem.value !== undefined && <p class="hint">{voiceProblem.value}</p>}
    </div>
  );
}

/** Shuts and opens the robot's ears. */
export function MuteButton() {
  const muted = values.ears.value?.muted ?? false;
  return (
    <button
      type="button"
      class="quiet"
      aria-pressed={muted}
      disabled={stale.value || !operates.value}
      onClick={() => void ask({ type: "mute", muted: !muted }).catch(() => {})}
    >
      {muted ? "Unmute" : "Mute"}
    </button>
  );
}

function TalkButton({ disabled }: { disabled: boolean }) {
  const press = (event: PointerEvent) => {
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    setTalkKey(true);
  };
  const key = (event: KeyboardEvent) => {
    if (event.code !== "Space" && event.code !== "Enter") return;
    event.preventDefault();
    if (!event.repeat) setTalkKey(event.type === "keydown");
  };
  const letGo = () => setTalkKey(false);
  return (
    <button
      type="button"
      class="toggle talk-key"
      aria-pressed={talkKey.value}
      disabled={disabled}
      onPointerDown={press}
      onPointerUp={letGo}
      onPointerCancel={letGo}
      onKeyDown={key}
      onKeyUp={key}
      onBlur={letGo}
    >
      Hold to talk <kbd>Space</kbd>
    </button>
  );
}
