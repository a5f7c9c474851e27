import {
  ageMs,
  bodySilent,
  operates,
  reach,
  retryAtMs,
  roundTripMs,
  silentMs,
  stale,
  values,
  pageNow,
} from "./live.ts";
import { dollars, span, stopwatch } from "./format.ts";
import { switchTheme, theme } from "./theme.ts";
import { latched } from "./live.ts";
import { giveUpStopping, release, releaseProblem, stopEverything, stopState } from "./stop.ts";

const REACH = {
  connecting: "connecting",
  open: "live",
  lost: "no connection",
  login: "log in",
} as const;

/** The top line: how the robot is reached, how it does, and the button that stops it. */
export function Header() {
  const link = values.link.value;
  const cost = values.cost.value;
  const age = ageMs(link?.ready_at_ms);
  const live = !stale.value;
  return (
    <header class="top">
      <div class="brand">
        <img src="/assets/icon.svg" alt="" width="30" height="30" />
        <h1>Myna</h1>
        <span class="profile">{values.robot.value?.profile ?? ""}</span>
      </div>
      <dl class="vitals" aria-label="State of the robot">
        <div class={`vital ${live ? "good" : "bad"}`} title="How this page reaches the robot">
          <dt>Page</dt>
          <dd>
            <i class="lamp" aria-hidden="true" />
            <span role="status">
              {live ? "live" : reach.value === "open" ? "silent" : REACH[reach.value]}
            </span>
            {live && roundTripMs.value !== undefined && <small>{Math.round(roundTripMs.value)} ms</small>}
          </dd>
        </div>
        <div
          class={`vital ${link?.state === "ready" ? "good" : link?.state === "closed" ? "bad" : "dim"}`}
          title={link?.url ?? ""}
        >
          <dt>Session</dt>
          <dd>
            <i class="lamp" aria-hidden="true" />
            <span>{link?.state ?? "–"}</span>
            {age !== undefined && <small>{stopwatch(age)}</small>}
            {link?.retry_in_ms !== undefined && <small>again in {span(link.retry_in_ms)}</small>}
          </dd>
        </div>
        <div class="vital dim" title="Since the start, and today">
          <dt>Cost</dt>
          <dd>
            <span>{dollars(cost?.session_usd)}</span>
            <small>{dollars(cost?.day_usd)} today</small>
          </dd>
        </div>
        <Battery />
        {!operates.value && (
          <div class="vital dim">
            <dt>You</dt>
            <dd>viewer</dd>
          </div>
        )}
      </dl>
      <button
        type="button"
        class="quiet icon"
        onClick={switchTheme}
        aria-label={theme.value === "dark" ? "Light colours" : "Dark colours"}
      >
        {theme.value === "dark" ? "☀" : "☾"}
      </button>
      <StopButton />
    </header>
  );
}

function Battery() {
  const volts = values.body.value?.battery_v;
  if (volts === null || volts === undefined || bodySilent.value) return null;
  return (
    <div class={`vital ${volts < 6.6 ? "bad" : "dim"}`}>
      <dt>Battery</dt>
      <dd>{volts.toFixed(1)} V</dd>
    </div>
  );
}

function StopButton() {
  const state = stopState.value;
  const unconfirmed = state === "unreachable" || state === "stranger";
  const label = state === "asked" ? "Stopping…" : unconfirmed ? "Not confirmed!" : "Stop";
  return (
    <button type="button" class="stop" data-state={state} onClick={stopEverything}>
      <strong>{label}</strong>
      <kbd>Esc</kbd>
    </button>
  );
}

/** What must not be overlooked: the latch, a stop nobody confirmed, old data. */
export function Alerts() {
  const reason = latched.value;
  return (
    <div class="alerts" aria-live="assertive">
      {(stopState.value === "unreachable" || stopState.value === "stranger") && (
        <UnconfirmedStop stranger={stopState.value === "stranger"} />
      )}
      {reason !== undefined && (
        <p class="alert bad" data-testid="latched">
          <span>
            <b>Emergency stop:</b> {reason}. Nothing moves until it is released.
            {releaseProblem.value !== undefined && <em> {releaseProblem.value}</em>}
          </span>
          <button type="button" onClick={() => void release()} disabled={!operates.value || stale.value}>
            Release
          </button>
        </p>
      )}
      <StaleAlert />
    </div>
  );
}

function UnconfirmedStop({ stranger }: { stranger: boolean }) {
  return (
    <p class="alert bad">
      <span>
        <b>The stop is not confirmed.</b>{" "}
        {stranger ? "The robot does not know you any more: log in." : "The robot cannot be reached."} It is
        tried again all the time. Use the button on the robot, or switch it off.
      </span>
      {stranger && (
        <a class="button" href="/login">
          Log in
        </a>
      )}
      <button type="button" onClick={giveUpStopping}>
        Give up
      </button>
    </p>
  );
}

function StaleAlert() {
  if (reach.value === "login") return <LoginAlert />;
  if (!stale.value || silentMs.value === undefined) return null;
  const retry = retryAtMs.value === undefined ? undefined : Math.max(0, retryAtMs.value - pageNow.value);
  return (
    <p class="alert warn">
      <span>
        <b>{reach.value === "open" ? "The robot is silent." : "No connection to the robot."}</b> What you see
        is {span(silentMs.value)} old.{" "}
        {reach.value === "lost" &&
          (retry === undefined || retry === 0 ? "Trying again…" : `Trying again in ${span(retry)}.`)}
      </span>
    </p>
  );
}

function LoginAlert() {
  return (
    <p class="alert warn">
      <span>
        <b>The robot wants to know who you are.</b> The address with the token stands on its terminal.
      </span>
      <a class="button" href="/login">
        Log in
      </a>
    </p>
  );
}
