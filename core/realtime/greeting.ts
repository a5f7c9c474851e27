import type { Logger } from "../log.ts";
import type { SessionConfig } from "./config.ts";
import { dialer } from "./dialer.ts";
import { SwitchedDialect } from "./dialect-switch.ts";
import type { Endpoint } from "./endpoint.ts";
import { linkFailure } from "./link-failure.ts";
import type { LinkFailure } from "./link-failure.ts";
import type { Connect } from "./transport.ts";

/** A server that says nothing, but holds the connection for so long, counts as one that greets. */
const SILENT_MS = 2000;

/** What {@link greeter} works with. */
export interface GreeterDeps {
  config: SessionConfig;
  connect: Connect;
  /** Which dialect servers turned out to speak, by URL. */
  known: Map<string, "ga" | "beta">;
  log: Logger;
}

/** A look at a server that is under way. */
export interface Greeting {
  /** Null once the server has let us in; never rejects. It has been hung up by then. */
  answer: Promise<LinkFailure | null>;
  /** Ends it; the answer is then LINK_CLOSED. */
  cancel(): void;
}

/** Connects to servers with their keys and in their dialects until they greet us, and hangs up. */
export function greeter({ config, connect, known, log }: GreeterDeps): (endpoint: Endpoint) => Greeting {
  const { model, dialect: speaks } = config;
  const dial = dialer({ connect, dialect: new SwitchedDialect(), model, speaks, known, log });
  const { connect_ms: handshakeMs, send_ms: sendMs } = config.timeouts;
  return (endpoint) => {
    const { promise, resolve } = Promise.withResolvers<LinkFailure | null>();
    const limit = setTimeout(
      () => resolve(linkFailure("LINK_TIMEOUT", "the server did not answer")),
      handshakeMs,
    );
    let silence: ReturnType<typeof setTimeout> | undefined;
    const { url } = endpoint;
    const wire = dial(
      {
        ...{ url, headers: {}, handshakeMs, sendMs, endpoint },
        maxMessageBytes: config.limits.message_bytes,
      },
      {
        onOpen: () => void (silence = setTimeout(() => resolve(null), SILENT_MS)),
        onText: (text) => {
          if (text.includes('"session.created"')) resolve(null);
          // What else it says first is why it does not want us: the close that follows says it again.
          else clearTimeout(silence);
        },
        onAudio() {},
        onBinary() {},
        onPong() {},
        onClose: resolve,
      },
    );
    const answer = promise.finally(() => {
      clearTimeout(limit);
      clearTimeout(silence);
      void wire.close();
    });
    return { answer, cancel: () => resolve(linkFailure("LINK_CLOSED", "not looked for any more")) };
  };
}
