import { maskSecrets } from "../log.ts";
import type { Logger } from "../log.ts";
import type { TopicName, Topics } from "../topics.ts";
import type { LinkChange } from "./connection.ts";

/** Tells changes of the link: to the log where a person should know, to the topics in any case. */
export function tellLink(
  log: Logger,
  publish: <T extends TopicName>(topic: T, event: Topics[T]) => void,
): (change: LinkChange) => void {
  return ({ state, url: address, attempt, retryInMs, failure }) => {
    const url = maskSecrets(address);
    if (state === "ready") log.info("connected", { url });
    else if (failure && state === "closed")
      log.error("the link is closed", { code: failure.code, reason: failure.message, url });
    else if (failure?.code === "SERVICE_UNAVAILABLE") log.debug("waiting for the Realtime server");
    else if (failure && attempt <= 2)
      log.warn("no link", { code: failure.code, reason: failure.message, url, retry_in_ms: retryInMs });
    publish("session.state_changed", {
      state,
      url,
      attempt,
      ...(retryInMs !== undefined && { retry_in_ms: retryInMs }),
      ...(failure && { code: failure.code, message: failure.message }),
    });
    if (failure && state === "closed")
      publish("session.error", { code: failure.code, message: failure.message, fatal: true });
  };
}
