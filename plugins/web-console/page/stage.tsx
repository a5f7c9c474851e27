import { effect, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Camera } from "./camera.tsx";
import { degrees, metres } from "./format.ts";
import { HelmPad } from "./helm-pad.tsx";
import { bodySilent, values, worldSilent } from "./live.ts";
import type { Angle, RoomView } from "./room-view.ts";
import { palette, theme } from "./theme.ts";

/** The room with the robot in it, the camera's picture, and the helm. */
export function Stage() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const view = useRef<RoomView | undefined>(undefined);
  const angle = useSignal<Angle>("room");
  const problem = useSignal<string | undefined>("The room is being loaded…");
  useEffect(() => {
    let gone = false;
    let undo: (() => void) | undefined;
    void import("./room-view.ts")
      .then(({ RoomView }) => {
        if (gone || !canvas.current) return;
        const opened = new RoomView(canvas.current, palette());
        view.current = opened;
        problem.value = undefined;
        undo = effect(() => {
          void theme.value;
          opened.paint(palette());
        });
      })
      .catch(() => (problem.value = "This browser cannot draw the room (it has no WebGL)."));
    return () => {
      gone = true;
      undo?.();
      view.current?.close();
    };
  }, []);
  const show = (wanted: Angle) => {
    angle.value = wanted;
    view.current?.show(wanted);
  };
  return (
    <section class={`panel stage ${worldSilent.value ? "stale" : ""}`} aria-label="The robot in its room">
      <canvas
        ref={canvas}
        role="img"
        aria-label="The room in three dimensions with the robot, its path and its distance sensor's cone"
      />
      {problem.value !== undefined && <p class="stage-note">{problem.value}</p>}
      <div class="stage-tools" role="group" aria-label="View">
        <button type="button" aria-pressed={angle.value === "room"} onClick={() => show("room")}>
          3D
        </button>
        <button type="button" aria-pressed={angle.value === "above"} onClick={() => show("above")}>
          From above
        </button>
        <button type="button" onClick={() => view.current?.home()}>
          Centre
        </button>
        <button type="button" onClick={() => view.current?.clearPath()}>
          Clear path
        </button>
      </div>
      <Readout />
      <Camera />
      <HelmPad />
    </section>
  );
}

function Readout() {
  const body = values.body.value;
  const at = values.truth.value ?? body?.pose;
  if (!at) return null;
  const { distance, distance_m } = body ?? { distance: "none", distance_m: null };
  const ahead =
    distance_m === null
      ? { no_echo: "nothing in reach", failed: "no reading", none: "–" }[distance]
      : metres(distance_m);
  return (
    <dl
      class={`readout ${bodySilent.value ? "stale" : ""}`}
      aria-label="Where the robot is"
      data-testid="pose"
    >
      <div>
        <dt>x</dt>
        <dd data-testid="x">{metres(at.x_m)}</dd>
      </div>
      <div>
        <dt>y</dt>
        <dd>{metres(at.y_m)}</dd>
      </div>
      <div>
        <dt>heading</dt>
        <dd>{degrees(at.heading_deg)}</dd>
      </div>
      <div class={distance_m !== null && distance_m < 0.25 ? "bad" : ""}>
        <dt>ahead</dt>
        <dd>{bodySilent.value ? "silent" : ahead}</dd>
      </div>
      <div>
        <dt>wheels</dt>
        <dd data-testid="moving">{at.moving ? "moving" : "at rest"}</dd>
      </div>
    </dl>
  );
}
