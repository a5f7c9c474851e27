import { hostContext } from "./loader.ts";
import { linkFailure } from "./realtime/link-failure.ts";
import { connectWebSocket } from "./realtime/transport.ts";
import type { Connect, Transport } from "./realtime/transport.ts";
import type { ServiceRegistry } from "./service-registry.ts";

/** The wire that each endpoint asks for: WebSocket, or what a plugin provides as the service `transport`. */
export function transports(services: ServiceRegistry): Connect {
  const connectByPlugin = pluginTransport(services);
  return (request, events) =>
    request.endpoint?.transport === "webrtc"
      ? connectByPlugin(request, events)
      : connectWebSocket(request, events);
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
