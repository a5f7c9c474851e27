import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Talk } from "../wire.ts";
import { lists, operates, stale, values, wallTime } from "./live.ts";
import type { Kept } from "./live.ts";
import { outcome, readable, span } from "./format.ts";
import { ask } from "./robot.ts";
import { MuteButton, VoiceBar } from "./voice-bar.tsx";

/** What was said, heard, cut off and done. */
export function Conversation() {
  const entries = lists.talk.value;
  const end = useRef<HTMLOListElement>(null);
  const follow = useRef(true);
  useLayoutEffect(() => {
    const list = end.current;
    if (list && follow.current) list.scrollTop = list.scrollHeight;
  });
  const scrolled = () => {
    const list = end.current;
    if (list) follow.current = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  };
  return (
    <section class="panel conversation" aria-label="Conversation">
      <div class="panel-head">
        <h2>Conversation</h2>
        <span class="ears">
          <Ears />
          <MuteButton />
        </span>
      </div>
      <ol
        class="talk"
        ref={end}
        onScroll={scrolled}
        aria-live="polite"
        aria-relevant="additions"
        aria-label="Transcript"
        tabIndex={0}
      >
        {entries.length === 0 && (
          <li class="hint">Nothing was said yet. Try “drive forward half a meter” or “what do you see”.</li>
        )}
        {entries.map((one) => (
          <Entry key={one.key} entry={one} />
        ))}
      </ol>
      <Composer />
      <VoiceBar />
    </section>
  );
}

function Ears() {
  const ears = values.ears.value;
  if (!ears) return null;
  const says = ears.muted
    ? "muted"
    : ears.robot
      ? "speaking"
      : ears.user
        ? "hears you"
        : ears.talking
          ? "talk key held"
          : values.audio.value?.microphone
            ? "listens"
            : "no microphone";
  return (
    <span class="chip" data-tone={ears.muted ? "bad" : ears.robot ? "accent" : ears.user ? "good" : "dim"}>
      {says}
    </span>
  );
}

function Entry({ entry: { value } }: { entry: Kept<Talk> }) {
  const at = wallTime(value.at);
  switch (value.kind) {
    case "user":
      return (
        <li class="said user" title={at} data-final={value.final}>
          <span class="who">{value.typed ? "You typed" : "You"}</span>
          <p>{value.text || "(nothing understood)"}</p>
        </li>
      );
    case "robot": {
      const heard = value.heard_chars === null ? value.text : value.text.slice(0, value.heard_chars);
      const cut = value.heard_chars === null ? "" : value.text.slice(value.heard_chars);
      return (
        <li class="said robot" title={at} data-state={value.state}>
          <span class="who">Robot{value.state === "interrupted" && <em> · interrupted</em>}</span>
          <p>
            {heard}
            {cut !== "" && (
              <del title="Cut off: nobody heard this">
                <span class="unseen">not heard: </span>
                {cut}
              </del>
            )}
          </p>
        </li>
      );
    }
    case "tool":
      return (
        <li class="tool" title={at} data-state={value.state}>
          <span class="tool-name">
            <i class="lamp" aria-hidden="true" />
            <code>{value.name}</code>
            <small>{readable(value.arguments)}</small>
            <span class="took">{value.duration_ms === null ? "running" : span(value.duration_ms)}</span>
          </span>
          {value.state === "running" && value.progress !== null && <p>{readable(value.progress)}</p>}
          {value.state !== "running" && (
            <p>
              {value.code !== "" && <b>{value.code} </b>}
              {outcome(value.result)}
            </p>
          )}
          {value.motion !== "" && <p class="motion">{value.motion}</p>}
        </li>
      );
    case "note":
      return (
        <li class="note" data-tone={value.tone} title={at}>
          {value.text}
        </li>
      );
  }
}

function Composer() {
  const text = useSignal("");
  const problem = useSignal<string | undefined>(undefined);
  const away = stale.value || !operates.value;
  const send = async (event: Event) => {
    event.preventDefault();
    const said = text.value.trim();
    if (said === "") return;
    try {
      await ask({ type: "text", text: said });
      text.value = "";
      problem.value = undefined;
    } catch (error) {
      problem.value = (error as Error).message;
    }
  };
  return (
    <form class="composer" onSubmit={(event) => void send(event)}>
      <label class="unseen" for="say">
        Say it in writing
      </label>
      <input
        id="say"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        placeholder={operates.value ? "Type what you want to say" : "A viewer may only look"}
        autocomplete="off"
        maxLength={2000}
        enterKeyHint="send"
      />
      <button type="submit" class="primary" disabled={away || text.value.trim() === ""}>
        Send
      </button>
      {problem.value !== undefined && (
        <p class="problem" role="alert">
          {problem.value}
        </p>
      )}
    </form>
  );
}
