const HEADER_BYTES = 12;

/** Fields of a packet with sound; reused, so only true until the next one is read. */
export class RtpReader {
  payloadType = 0;
  sequence = 0;
  /** RTP time: 48 kHz for Opus whatever the samples are (RFC 7587 §4.2). */
  ticks = 0;
  payload: Uint8Array = new Uint8Array(0);

  /** False for what is no RTP packet with a payload: RTCP, padding alone, and garbage. */
  read(packet: Uint8Array): boolean {
    if (packet.length <= HEADER_BYTES || packet[0]! >> 6 !== 2) return false;
    const type = packet[1]! & 0x7f;
    // RTCP on the same port (RFC 5761 §4).
    if (type >= 64 && type <= 95) return false;
    let from = HEADER_BYTES + (packet[0]! & 0x0f) * 4;
    if ((packet[0]! & 0x10) !== 0) {
      if (from + 4 > packet.length) return false;
      from += 4 + ((packet[from + 2]! << 8) | packet[from + 3]!) * 4;
    }
    const padding = (packet[0]! & 0x20) !== 0 ? packet[packet.length - 1]! : 0;
    const to = packet.length - padding;
    if (from >= to) return false;
    this.payloadType = type;
    this.sequence = (packet[2]! << 8) | packet[3]!;
    this.ticks = ((packet[4]! << 24) | (packet[5]! << 16) | (packet[6]! << 8) | packet[7]!) >>> 0;
    this.payload = packet.subarray(from, to);
    return true;
  }
}

/** Packets of one stream, each in the same memory: whoever sends it copies it. */
export class RtpWriter {
  readonly ssrc: number;
  readonly #buffer: Buffer;
  #sequence = Math.floor(Math.random() * 0x8000);
  #ticks = Math.floor(Math.random() * 0x8000_0000);
  #first = true;

  constructor(ssrc: number, payloadType: number, maxPayloadBytes: number) {
    this.ssrc = ssrc;
    this.#buffer = Buffer.alloc(HEADER_BYTES + maxPayloadBytes);
    this.#buffer[0] = 0x80;
    this.#buffer[1] = payloadType;
    this.#buffer.writeUInt32BE(ssrc, 8);
  }

  /** The next packet, `ticks` long. */
  next(payload: Uint8Array, ticks: number): Buffer {
    const buffer = this.#buffer;
    buffer[1] = (buffer[1]! & 0x7f) | (this.#first ? 0x80 : 0);
    this.#first = false;
    buffer.writeUInt16BE(this.#sequence, 2);
    buffer.writeUInt32BE(this.#ticks, 4);
    buffer.set(payload, HEADER_BYTES);
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#ticks = (this.#ticks + ticks) >>> 0;
    return buffer.subarray(0, HEADER_BYTES + payload.length);
  }

  /** So much is not sent; the packet after it is marked as a beginning (RFC 3551 §4.1). */
  skip(ticks: number): void {
    this.#ticks = (this.#ticks + ticks) >>> 0;
    this.#first = true;
  }
}
