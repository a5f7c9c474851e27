import { useRef } from "preact/hooks";
import { drivingProblem, driving, hold, letGo } from "./driving.ts";
import type { Throw } from "./driving.ts";
import { gamepad } from "./gamepad.ts";
import { latched, operates, own, stale, steering, values } from "./live.ts";

const HELD = {
  late: "intents arrive too late",
  taken: "somebody else drives",
  let_go_first: "let go first",
  refused: "the wheels refuse",
} as const;

/** Driving by hand: a stick to hold, keys with Shift, or a gamepad. */
export function HelmPad() {
  const pad = useRef<HTMLDivElement>(null);
  if (!(values.robot.value?.has.drive ?? false)) return null;
  const now = driving.value;
  const at = (event: PointerEvent): Throw => {
    const box = pad.current!.getBoundingClientRect();
    const limit = (value: number) => Math.max(-1, Math.min(1, value));
    const x = limit(((event.clientX - box.left) / box.width) * 2 - 1);
    const y = limit(((event.clientY - box.top) / box.height) * 2 - 1);
    return { speed: softened(-y), steer: softened(-x) };
  };
  const press = (event: PointerEvent) => {
    event.preventDefault();
    pad.current!.setPointerCapture(event.pointerId);
    // A fresh press, whatever became of the one before.
    letGo("stick");
    hold("stick", at(event));
  };
  const move = (event: PointerEvent) => {
    if (pad.current!.hasPointerCapture(event.pointerId)) hold("stick", at(event));
  };
  const end = () => letGo("stick");
  const problem = now ? heldProblem() : drivingProblem.value;
  const off = !operates.value || stale.value || latched.value !== undefined;
  return (
    <div class={`helm ${off ? "off" : ""}`} data-driving={now !== undefined}>
      <div
        ref={pad}
        class="stick"
        role="img"
        aria-label="Stick: touch and hold to drive, let go to stop. With keys: hold Shift and use W, A, S, D or the arrows."
        onPointerDown={press}
        onPointerMove={move}
        onPointerUp={end}
        onPointerCancel={end}
        onLostPointerCapture={end}
        onContextMenu={(event) => event.preventDefault()}
      >
        <i
          class="knob"
          style={{ left: `${50 - (now?.steer ?? 0) * 36}%`, top: `${50 - (now?.speed ?? 0) * 36}%` }}
          aria-hidden="true"
        />
      </div>
      <p class="helm-note">
        <span data-testid="helm" role="status">
          {now ? "driving" : own.value.driven && !own.value.mine ? "somebody drives" : "hold to drive"}
        </span>
        <small>
          {problem ?? (
            <>
              <span class="with-keys">
                <kbd>Shift</kbd> + <kbd>WASD</kbd>
              </span>
              {gamepad.value !== undefined && " · pad: L1"}
            </>
          )}
        </small>
      </p>
    </div>
  );
}

function heldProblem(): string | undefined {
  const { value } = steering;
  if (!value || value.state === "driving") return undefined;
  return value.message ?? HELD[value.state];
}

/** Nothing about the middle. */
function softened(value: number): number {
  const size = Math.max(0, Math.abs(value) - 0.15) / 0.85;
  return Math.sign(value) * size;
}
