import { signal } from "@preact/signals";
import { render } from "preact";
import "./gamepad.ts";
import "./style.css";
import { Conversation } from "./conversation.tsx";
import { Alerts, Header } from "./header.tsx";
import { latched, stale, values } from "./live.ts";
import { Panels } from "./panels.tsx";
import { connect } from "./robot.ts";
import { Stage } from "./stage.tsx";
import { lookForVoice } from "./voice.ts";

/** On a phone one of them is seen at a time. */
const VIEWS = [
  { id: "talk", name: "Talk" },
  { id: "drive", name: "Drive" },
  { id: "data", name: "Instruments" },
] as const;
const view = signal<(typeof VIEWS)[number]["id"]>("talk");
/** What the robot served when this page was loaded. */
let build: string | undefined;

function Console() {
  const served = values.robot.value?.build;
  build ??= served;
  return (
    <div
      class="console"
      data-view={view.value}
      data-stale={stale.value}
      data-latched={latched.value !== undefined}
    >
      <Header />
      <Alerts />
      {served !== undefined && served !== build && (
        <p class="alert info">
          <span>This page is older than the robot's.</span>
          <button type="button" onClick={() => location.reload()}>
            Load the new one
          </button>
        </p>
      )}
      <main>
        <Stage />
        <Conversation />
        <Panels />
      </main>
      <nav class="views" aria-label="Parts of the page">
        {VIEWS.map(({ id, name }) => (
          <button key={id} type="button" aria-pressed={view.value === id} onClick={() => (view.value = id)}>
            {name}
          </button>
        ))}
      </nav>
    </div>
  );
}

const app = document.getElementById("app");
if (app) {
  app.textContent = "";
  render(<Console />, app);
}
connect();
void lookForVoice();
