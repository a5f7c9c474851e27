import { betaEvent, GA_NAMES } from "./dialect-beta-shapes.ts";
import { GaDialect, gaEvent } from "./dialect-ga.ts";
import type { Dialect, WireEvent } from "./dialect.ts";
import type { ClientEvent, ServerEvent } from "./events.ts";

/**
 * The dialect before general availability (`OpenAI-Beta: realtime=v1`): flat session, other names. OpenAI switched it off
 * on 2026-05-12; servers that imitate OpenAI still speak it.
 */
export class BetaDialect implements Dialect {
  readonly name = "beta";
  readonly #ga = new GaDialect({ names: GA_NAMES, audio: "response.audio.delta" });

  get wire(): WireEvent | null {
    return this.#ga.wire;
  }

  request(
    url: string,
    model: string,
    apiKey: string | undefined,
  ): { url: string; headers: Record<string, string> } {
    const request = this.#ga.request(url, model, apiKey);
    return { url: request.url, headers: { ...request.headers, "OpenAI-Beta": "realtime=v1" } };
  }

  decode(frame: string): ServerEvent | null {
    return this.#ga.decode(frame);
  }

  encode(event: ClientEvent): string {
    const temperature = event.type === "configure" ? event.config.temperature : undefined;
    return JSON.stringify(betaEvent(gaEvent(event), temperature));
  }

  append(pcm: Int16Array): string {
    return this.#ga.append(pcm);
  }

  counters(): Record<string, number> {
    return this.#ga.counters();
  }
}
