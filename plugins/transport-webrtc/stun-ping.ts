import { Message, candidatePriority, classes, methods } from "werift";
import type { RTCPeerConnection } from "werift";

const RESPONSE_MS = 2000;

/**
 * Asks the peer for a sign of life: a STUN binding request on the path that the call uses, which every ICE agent answers
 * (RFC 7675). Resolves to false where no answer came; never rejects.
 */
export async function pingPeer(peer: RTCPeerConnection): Promise<boolean> {
  const connection = peer.iceTransports[0]?.connection;
  const path = connection?.nominated;
  if (!connection || !path) return false;
  const request = new Message(methods.BINDING, classes.REQUEST)
    .setAttribute("USERNAME", `${connection.remoteUsername}:${connection.localUsername}`)
    .setAttribute("PRIORITY", candidatePriority("prflx"))
    .setAttribute(connection.iceControlling ? "ICE-CONTROLLING" : "ICE-CONTROLLED", 1n);
  const key = Buffer.from(connection.remotePassword, "utf8");
  try {
    await path.protocol.request(request, path.remoteAddr, key, {
      retransmissions: 2,
      responseTimeout: RESPONSE_MS / 4,
    });
    return true;
  } catch {
    return false;
  }
}
