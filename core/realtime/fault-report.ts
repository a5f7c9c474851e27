import { maskSecrets } from "../log.ts";
import type { Logger } from "../log.ts";
import type { TopicName, Topics } from "../topics.ts";
import type { ServerFault } from "./events.ts";
import { isBenign } from "./link-failure.ts";

/** What {@link FaultReport} works with. */
export interface FaultReportDeps {
  log: Logger;
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void;
}

/** Tells what went wrong, secrets masked; errors that come of two sides acting at once are counted only. */
export class FaultReport {
  readonly #deps: FaultReportDeps;
  readonly #counters = { server_errors: 0, benign_errors: 0 };

  constructor(deps: FaultReportDeps) {
    this.#deps = deps;
  }

  /** Log and topic; the link stays. */
  report(code: string, message: string): void {
    const masked = maskSecrets(message);
    this.#deps.log.warn("session error", { code, reason: masked });
    this.#deps.publish("session.error", { code, message: masked, fatal: false });
  }

  /** An error event of the server; `taken` where somebody knows what to do about it. */
  receive(fault: ServerFault, taken: boolean): void {
    if (taken || isBenign(fault)) {
      this.#counters.benign_errors++;
      this.#deps.log.debug("benign error of the server", { code: fault.code, reason: fault.message });
      return;
    }
    this.#counters.server_errors++;
    this.failed(fault);
  }

  /** A fault that ended an answer. */
  failed(fault: ServerFault): void {
    this.report(fault.code || "SERVER_ERROR", fault.message);
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }
}
