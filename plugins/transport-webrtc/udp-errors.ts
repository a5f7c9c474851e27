import { UdpTransport } from "werift";

const GUARDED = Symbol.for("myna.transport-webrtc.guarded");

/**
 * Gives werift's UDP sockets an error listener, which it forgets. Under Bun a peer that is gone shows as the error event
 * `recvmsg ECONNREFUSED` of an open socket; without a listener that ends the program. What it means for the call, pings and
 * ICE consent tell. Idempotent, for this copy of werift.
 */
export function surviveUdpErrors(): void {
  if (Reflect.has(UdpTransport, GUARDED)) return;
  Reflect.set(UdpTransport, GUARDED, true);
  const init = UdpTransport.init.bind(UdpTransport);
  UdpTransport.init = async (type, options) => {
    const transport = await init(type, options);
    transport.socket.on("error", () => {});
    return transport;
  };
}
