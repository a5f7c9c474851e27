import { signal } from "@preact/signals";
import { AudioPanel } from "./audio-panel.tsx";
import { lists } from "./live.ts";
import { LogPanel } from "./log-panel.tsx";
import { PluginsPanel } from "./plugins-panel.tsx";
import { TopicsPanel } from "./topics-panel.tsx";
import { TurnsPanel } from "./turns-panel.tsx";

const PANELS = [
  { id: "turns", name: "Turns", View: TurnsPanel },
  { id: "audio", name: "Audio", View: AudioPanel },
  { id: "plugins", name: "Plugins", View: PluginsPanel },
  { id: "topics", name: "Topics", View: TopicsPanel },
  { id: "log", name: "Log", View: LogPanel },
] as const;

const chosen = signal<(typeof PANELS)[number]["id"]>("turns");

/** The instruments below the room, one at a time. */
export function Panels() {
  const at = PANELS.findIndex(({ id }) => id === chosen.value);
  const { View } = PANELS[at]!;
  const key = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: PANELS.length - 1 - at }[event.key];
    if (step === undefined || event.shiftKey) return;
    event.preventDefault();
    const next = PANELS[(at + step + PANELS.length) % PANELS.length]!;
    chosen.value = next.id;
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  const bad = lists.plugins.value.filter(
    ({ value }) => value.state === "failed" || value.state === "quarantined",
  ).length;
  return (
    <section class="panel instruments" aria-label="Instruments">
      <div class="tabs" role="tablist" aria-label="Instruments" onKeyDown={key}>
        {PANELS.map(({ id, name }) => (
          <button
            key={id}
            id={`tab-${id}`}
            type="button"
            role="tab"
            aria-selected={id === chosen.value}
            aria-controls="instrument"
            tabIndex={id === chosen.value ? 0 : -1}
            onClick={() => (chosen.value = id)}
          >
            {name}
            {id === "plugins" && bad > 0 && <span class="badge">{bad}</span>}
          </button>
        ))}
      </div>
      <div
        class="instrument"
        key={chosen.value}
        id="instrument"
        role="tabpanel"
        aria-labelledby={`tab-${chosen.value}`}
        tabIndex={0}
      >
        <View />
      </div>
    </section>
  );
}
