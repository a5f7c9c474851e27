import { useSignal } from "@preact/signals";
import { readable } from "./format.ts";
import { lists } from "./live.ts";

const LEVELS = ["info", "warn", "error"] as const;

/** The robot's log, newest first. */
export function LogPanel() {
  const least = useSignal<(typeof LEVELS)[number]>("info");
  const word = useSignal("");
  const from = LEVELS.indexOf(least.value);
  const wanted = word.value.toLowerCase();
  const lines = lists.log.value
    .map(({ key, value }) => ({ key, ...value, text: `${value.message} ${readable(value.fields)}` }))
    .filter(({ level, name, text }) => {
      const matches = wanted === "" || `${name} ${text}`.toLowerCase().includes(wanted);
      return LEVELS.indexOf(level as (typeof LEVELS)[number]) >= from && matches;
    })
    .reverse();
  return (
    <div class="feed-panel">
      <div class="bar-of-tools">
        <label>
          From{" "}
          <select
            value={least.value}
            onChange={(event) => (least.value = event.currentTarget.value as (typeof LEVELS)[number])}
          >
            {LEVELS.map((level) => (
              <option key={level}>{level}</option>
            ))}
          </select>
        </label>
        <label>
          Contains <input value={word.value} onInput={(event) => (word.value = event.currentTarget.value)} />
        </label>
      </div>
      <ol class="feed" aria-label="Log" tabIndex={0}>
        {lines.map(({ key, time, level, name, text }) => (
          <li key={key} data-level={level}>
            <time>{new Date(time).toLocaleTimeString()}</time>
            <b>{name}</b>
            <span>{text}</span>
          </li>
        ))}
        {lines.length === 0 && <li class="hint">Nothing to report.</li>}
      </ol>
    </div>
  );
}
