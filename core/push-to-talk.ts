import type { Bus } from "./bus.ts";

/** Nobody speaks that long: a talk key that is not let go is stuck, or who pressed it is gone. */
const LIMIT_MS = 60_000;

/** Tells `talk` of the talk key, which lets go by itself after a minute. Returns the undo. */
export function pushToTalk(bus: Bus, talk: (talking: boolean) => void, limitMs = LIMIT_MS): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const undo = bus.on("user.talk_changed", ({ talking }) => {
    clearTimeout(timer);
    if (talking) timer = setTimeout(() => bus.publish("user.talk_changed", { talking: false }), limitMs);
    talk(talking);
  });
  return () => {
    clearTimeout(timer);
    undo();
  };
}
