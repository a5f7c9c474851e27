import { MynaError, asksToStop } from "myna";
import type { PluginContext } from "myna";
import type { Ask } from "./wire.ts";

type Ctx = Pick<PluginContext, "audio" | "emergencyStop" | "has" | "host" | "publish" | "session" | "use">;

/** What an operator's page has the robot do; driving apart. */
export class Controls {
  readonly #ctx: Ctx;
  readonly #own: string;

  constructor(ctx: Ctx, own: string) {
    this.#ctx = ctx;
    this.#own = own;
  }

  /** Wheels first, latched where the body can; then the voice. Never throws. */
  emergencyStop(reason: string): void {
    this.#ctx.emergencyStop(reason);
    this.#ctx.session.dismiss();
  }

  async release(): Promise<void> {
    await this.#ctx.use("body").release();
  }

  /** The wheels stop and the robot falls silent, unlatched; the conversation is told. */
  stop(): void {
    if (this.#ctx.has("drive")) this.#ctx.use("drive").stop("stopped at the console");
    this.#ctx.session.dismiss();
    this.#ctx.session.note("The user stopped the robot at the console; the wheels stand still.");
  }

  /** In writing: the robot need not hear. */
  say(text: string): void {
    if (asksToStop(text)) this.stop();
    else this.#ctx.session.sendText(text);
  }

  talk(talking: boolean): void {
    if (talking && this.#ctx.audio.speaking()) this.#ctx.session.interrupt();
    this.#ctx.publish("user.talk_changed", { talking });
  }

  mute(muted: boolean): void {
    this.#ctx.publish("user.mute_changed", { muted });
  }

  async plugin({ action, id }: Extract<Ask, { type: "plugin" }>): Promise<void> {
    const { host } = this.#ctx;
    if (action === "reload") return await host.reload(id);
    if (action === "enable") return await host.enable(id);
    const sheet = host.plugins().find((one) => one.id === id);
    if (id === this.#own || sheet?.provides.includes("web"))
      throw new MynaError("PLUGIN_REQUIRED", `this page lives by "${id}": it cannot switch it off`);
    await host.disable(id);
  }
}
