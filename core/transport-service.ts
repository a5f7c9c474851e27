import { hostContext } from "./loader.ts";
import { LateTransport } from "./realtime/late-transport.ts";
import { linkFailure } from "./realtime/link-failure.ts";
import { connectWebSocket } from "./realtime/transport.ts";
import type { Connect, Transport, TransportEvents, TransportRequest } from "./realtime/transport.ts";
import type { ServiceRegistry } from "./service-registry.ts";

/**
 * The wire that each endpoint asks for: WebSocket, or what a plugin provides as the service `transport`. That is waited
 * for until `pluginsTried`, for as long as a connection may take: the session starts before the plugins.
 */
export function transports(services: ServiceRegistry, pluginsTried: Promise<unknown>): Connect {
  const connectByPlugin = pluginTransport(services);
  let tried = false;
  void pluginsTried.finally(() => void (tried = true));
  return (request, events) => {
    if (request.endpoint?.transport !== "webrtc") return connectWebSocket(request, events);
    if (tried || services.has("transport")) return connectByPlugin(request, events);
    return new AwaitedTransport(services, pluginsTried, { request, events, connect: connectByPlugin });
  };
}

/** A connection whose wire is not there yet. */
class AwaitedTransport extends LateTransport {
  readonly #stopWaiting: () => void;

  constructor(
    services: ServiceRegistry,
    pluginsTried: Promise<unknown>,
    call: { request: TransportRequest; events: TransportEvents; connect: Connect },
  ) {
    super();
    const open = () => {
      if (this.wire) return;
      this.#stopWaiting();
      this.takeWire(call.connect(call.request, call.events));
    };
    const unwatch = services.onChanged((name, provided) => {
      if (name === "transport" && provided) hostContext(open);
    });
    const limit = setTimeout(open, call.request.handshakeMs);
    this.#stopWaiting = () => {
      unwatch();
      clearTimeout(limit);
    };
    void pluginsTried.finally(open);
  }

  protected override end(): void {
    this.#stopWaiting();
    if (!this.wire) this.takeWire(NO_TRANSPORT);
  }
}

/** What the plugin tells runs in the host's context: a timer that the session sets then outlives the plugin. */
function pluginTransport(services: ServiceRegistry): Connect {
  return (request, events) => {
    if (!services.has("transport")) {
      const message =
        "no plugin provides a WebRTC transport at the moment: the profile needs `transport-webrtc`";
      queueMicrotask(() => events.onClose(linkFailure("SERVICE_UNAVAILABLE", message)));
      return NO_TRANSPORT;
    }
    // One closure for the life of the call: nothing is allocated per frame.
    let sound: Int16Array = NO_SOUND;
    const hear = () => events.onAudio(sound);
    return services.handle("transport").connect(request, {
      onOpen: () => hostContext(() => events.onOpen()),
      onText: (text) => hostContext(() => events.onText(text)),
      onAudio(pcm) {
        sound = pcm;
        hostContext(hear);
      },
      onBinary: (bytes) => hostContext(() => events.onBinary(bytes)),
      onPong: () => hostContext(() => events.onPong()),
      onClose: (failure) => hostContext(() => events.onClose(failure)),
    });
  };
}

const NO_SOUND = new Int16Array(0);
const NO_TRANSPORT: Transport = { send() {}, ping() {}, async close() {}, terminate() {} };
