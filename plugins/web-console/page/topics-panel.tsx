import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { robotNow, tapped } from "./live.ts";
import { keepTelling } from "./robot.ts";

/** What goes over the robot's bus, newest first; asked for only while it is looked at. */
export function TopicsPanel() {
  const filter = useSignal("");
  const held = useSignal(false);
  useEffect(() => {
    tapped.value = { events: [], skipped: 0 };
    keepTelling({ type: "tap", filter: held.value ? null : filter.value });
    return () => keepTelling({ type: "tap", filter: null });
  }, [filter.value, held.value]);
  const { events, skipped } = tapped.value;
  const shown = useSignal(events);
  if (!held.value) shown.value = events;
  return (
    <div class="feed-panel">
      <div class="bar-of-tools">
        <label>
          Topic{" "}
          <input
            value={filter.value}
            onInput={(event) => (filter.value = event.currentTarget.value)}
            placeholder="all; e.g. body."
            maxLength={100}
          />
        </label>
        <button type="button" aria-pressed={held.value} onClick={() => (held.value = !held.value)}>
          Hold
        </button>
        {skipped > 0 && <small>{skipped} left out</small>}
      </div>
      <ol class="feed" aria-label="Events" tabIndex={0}>
        {shown.value.toReversed().map((one, index) => (
          <li key={shown.value.length - index}>
            <time>{((one.at - robotNow()) / 1000).toFixed(1)} s</time>
            <b>{one.topic}</b>
            <code>{one.event}</code>
          </li>
        ))}
        {shown.value.length === 0 && <li class="hint">Nothing yet.</li>}
      </ol>
    </div>
  );
}
