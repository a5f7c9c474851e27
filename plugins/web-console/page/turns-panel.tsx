import type { Turn } from "../wire.ts";
import { lists } from "./live.ts";

const STEPS = [
  { key: "commit_ms", name: "end of speech → commit", colour: "--series-1" },
  { key: "first_delta_ms", name: "commit → first delta", colour: "--series-2" },
  { key: "first_sample_ms", name: "first delta → first sample", colour: "--series-3" },
] as const;

/** How long each spoken turn took, and in which step. */
export function TurnsPanel() {
  const turns = lists.turns.value.map(({ value }) => value).reverse();
  const longest = Math.max(500, ...turns.map(sum));
  const totals = turns.map(({ total_ms }) => total_ms).filter((ms) => ms !== null);
  if (turns.length === 0)
    return (
      <p class="hint">
        Speak to the robot: every answer leaves its times here. What is typed has no end of speech to count
        from.
      </p>
    );
  return (
    <div class="turns">
      <p class="keys">
        {STEPS.map(({ name, colour }) => (
          <span key={name} class="key">
            <i style={{ background: `var(${colour})` }} aria-hidden="true" />
            {name}
          </span>
        ))}
        {totals.length > 0 && (
          <span class="spread">
            P50 <b>{Math.round(quantile(totals, 0.5))} ms</b> · P95{" "}
            <b>{Math.round(quantile(totals, 0.95))} ms</b>
          </span>
        )}
      </p>
      <ol class="waterfall">
        {turns.map((turn) => (
          <li key={turn.turn}>
            <span class="turn-number">{turn.turn}</span>
            <span class="bar" aria-hidden="true">
              {STEPS.map(({ key, name, colour }) => (
                <i
                  key={key}
                  title={`${name}: ${Math.round(turn[key] ?? 0)} ms`}
                  style={{ width: `${((turn[key] ?? 0) / longest) * 100}%`, background: `var(${colour})` }}
                />
              ))}
            </span>
            <span class="turn-total">
              <span class="unseen">
                {STEPS.map(({ key, name }) => `${name} ${shown(turn[key])}`).join(", ")}; total{" "}
              </span>
              {shown(turn.total_ms ?? sum(turn))}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function sum(turn: Turn): number {
  return STEPS.reduce((ms, { key }) => ms + (turn[key] ?? 0), 0);
}

function shown(ms: number | null): string {
  return ms === null ? "–" : `${Math.round(ms)} ms`;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
