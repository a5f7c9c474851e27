import { describeError } from "../log.ts";
import type { PluginContext } from "../plugin.ts";

/**
 * Has the service `speaker_enable`, where a plugin provides it, switched on before the loudspeaker sounds and off `tailMs` after
 * the last sound was heard, and when the calling plugin ends. For drivers of loudspeakers.
 */
export function switchSpeaker(ctx: PluginContext, tailMs: number): void {
  let on = false;
  let cancel: (() => void) | undefined;
  const set = (next: boolean): void => {
    if (next === on) return;
    on = next;
    if (!ctx.has("speaker_enable")) return;
    void Promise.try(() => ctx.use("speaker_enable").set(next)).catch((error: unknown) =>
      ctx.log.warn("the loudspeaker's amplifier was not switched", { on: next, error: describeError(error) }),
    );
  };
  ctx.defer(() => set(false));
  ctx.audio.onSounding((sounding) => {
    cancel?.();
    cancel = undefined;
    if (sounding) set(true);
    else cancel = ctx.after(tailMs, () => set(false));
  });
}
