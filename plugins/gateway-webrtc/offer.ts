import { MynaError } from "myna";

/** A browser's offer with one microphone is some 5 kB. */
const MAX_CHARACTERS = 32_768;
const MAX_SECTIONS = 4;

/** What an answer has to know of the offer. */
export interface Offer {
  sdp: string;
  audioMid: string;
  /** Of Opus, as the page numbers it. */
  payloadType: number;
  /** What we do with sound, seen from here. */
  direction: "SendRecv" | "SendOnly" | "RecvOnly";
}

/** Reads an SDP offer with one Opus track and at most one data section; ARGUMENT_INVALID says what is wrong with any other. */
export function readOffer(sdp: unknown): Offer {
  if (typeof sdp !== "string") throw refused("it is no text");
  if (sdp.length > MAX_CHARACTERS) throw refused(`it has more than ${MAX_CHARACTERS} characters`);
  if (!sdp.startsWith("v=0")) throw refused("it does not begin with v=0");
  if (/[^\t\r\n\x20-\x7e]/.test(sdp)) throw refused("it has characters that no SDP has");
  const [session = "", ...sections] = sdp.split(/^(?=m=)/m);
  if (sections.length > MAX_SECTIONS) throw refused(`it has more than ${MAX_SECTIONS} sections`);
  const kinds = sections.map((section) => /^m=(\w+) /.exec(section)?.[1] ?? "");
  const audio = sections[kinds.indexOf("audio")];
  if (audio === undefined) throw refused("it has no audio");
  const others = kinds.filter((kind) => kind !== "application");
  if (others.length > 1) throw refused("it has more than one track of sound, or a picture");
  if (kinds.length - others.length > 1) throw refused("it has more than one section for data");
  const opus = /^a=rtpmap:(\d{1,3}) opus\/48000/im.exec(audio)?.[1];
  if (opus === undefined || Number(opus) > 127) throw refused("its sound is not Opus");
  const audioMid = /^a=mid:([\w.-]{1,32})\s*$/m.exec(audio)?.[1];
  if (audioMid === undefined) throw refused("its sound has no mid");
  for (const line of ["ice-ufrag", "ice-pwd", "fingerprint"]) {
    if (!new RegExp(`^a=${line}:\\S+`, "m").test(session + audio)) throw refused(`it has no a=${line}`);
  }
  const direction = /^a=recvonly\s*$/m.test(audio)
    ? "SendOnly"
    : /^a=sendonly\s*$/m.test(audio)
      ? "RecvOnly"
      : "SendRecv";
  return { sdp, audioMid, payloadType: Number(opus), direction };
}

function refused(why: string): MynaError {
  return new MynaError("ARGUMENT_INVALID", `the offer cannot be answered: ${why}`);
}
