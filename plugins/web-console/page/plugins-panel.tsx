import { useSignal } from "@preact/signals";
import type { PluginCard } from "../wire.ts";
import { lists, operates, stale } from "./live.ts";
import { ask } from "./robot.ts";

const TONES: Readonly<Record<string, string>> = {
  ready: "good",
  degraded: "warn",
  retrying: "warn",
  starting: "dim",
  stopped: "dim",
  failed: "bad",
  quarantined: "bad",
};

/** What the robot is made of: state, settings, and the switches of each plugin. */
export function PluginsPanel() {
  const cards = lists.plugins.value.map(({ value }) => value);
  return (
    <ul class="plugins">
      {cards.map((card) => (
        <Card key={card.id} card={card} />
      ))}
    </ul>
  );
}

function Card({ card }: { card: PluginCard }) {
  const working = useSignal(false);
  const said = useSignal<{ text: string; bad: boolean } | undefined>(undefined);
  const open = useSignal(false);
  const act = async (action: "reload" | "enable" | "disable") => {
    working.value = true;
    said.value = undefined;
    try {
      await ask({ type: "plugin", action, id: card.id });
      said.value = {
        text: { reload: "reloaded", enable: "switched on", disable: "switched off" }[action],
        bad: false,
      };
    } catch (error) {
      said.value = { text: (error as Error).message, bad: true };
    } finally {
      working.value = false;
    }
  };
  const off = !operates.value || stale.value || working.value;
  const on = card.state !== "stopped";
  return (
    <li class="plugin" data-state={card.state} data-plugin={card.id}>
      <div class="plugin-head">
        <i class={`lamp ${TONES[card.state] ?? "dim"}`} aria-hidden="true" />
        <b>{card.id}</b>
        <code>{card.use}</code>
        <span class="plugin-state">
          {card.state}
          {card.reloads > 0 && ` · ${card.reloads}×`}
        </span>
        <button
          type="button"
          onClick={() => void act("reload")}
          disabled={off || !on}
          aria-label={`Reload ${card.id}`}
        >
          Reload
        </button>
        <button
          type="button"
          onClick={() => void act(on ? "disable" : "enable")}
          disabled={off || (on && (card.required || card.vital))}
          title={card.required ? "The profile requires it" : card.vital ? "This page lives by it" : ""}
          aria-label={`${on ? "Switch off" : "Switch on"} ${card.id}`}
        >
          {on ? "Off" : "On"}
        </button>
        <button
          type="button"
          class="quiet"
          aria-expanded={open.value}
          onClick={() => (open.value = !open.value)}
          aria-label={`Details of ${card.id}`}
        >
          {open.value ? "−" : "+"}
        </button>
      </div>
      {card.message !== "" && <p class="plugin-note">{card.message}</p>}
      {said.value && (
        <p class={`plugin-note ${said.value.bad ? "bad" : "good"}`} role="status">
          {said.value.text}
        </p>
      )}
      {open.value && (
        <div class="plugin-details">
          {card.provides.length > 0 && <p>provides {card.provides.join(", ")}</p>}
          <Facts name="Settings" facts={card.config} />
          <Facts name="State" facts={card.inspect} />
        </div>
      )}
    </li>
  );
}

function Facts({ name, facts }: { name: string; facts: Record<string, unknown> }) {
  const entries = Object.entries(facts);
  if (entries.length === 0) return null;
  return (
    <table>
      <caption>{name}</caption>
      <tbody>
        {entries.map(([key, value]) => (
          <tr key={key}>
            <th scope="row">{key}</th>
            <td>{typeof value === "string" ? value : JSON.stringify(value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
