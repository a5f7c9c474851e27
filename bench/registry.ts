import type { Part } from "./part.ts";

/** A part of the bench: what it measures, and its code, loaded only when it runs. */
export interface PartEntry {
  title: string;
  load: () => Promise<{ part: Part }>;
}

/** Every part, in the order of the table. */
export const PARTS: Readonly<Record<string, PartEntry>> = {
  bus: {
    title: "an event to four handlers, each isolated from the others",
    load: () => import("./parts/bus.ts"),
  },
  ring: {
    title: "a 20 ms frame through the shared-memory ring",
    load: () => import("./parts/ring.ts"),
  },
  inbound_delta: {
    title: "text of an audio delta to samples",
    load: () => import("./parts/inbound-delta.ts"),
  },
  outbound_frame: {
    title: "a 20 ms microphone frame to the text of its event",
    load: () => import("./parts/outbound-frame.ts"),
  },
  playback_tick: {
    title: "lateness and drift of the playback period under a busy main loop",
    load: () => import("./parts/playback-tick.ts"),
  },
  jitter: {
    title: "jitter buffers on nine kinds of network: what is missing, how long speech waits, when it starts",
    load: () => import("./parts/jitter.ts"),
  },
  audio_path: {
    title: "CPU time of the whole audio path, microphone to socket to loudspeaker",
    load: () => import("./parts/audio-path.ts"),
  },
  playback_path: {
    title: "speech from the session to the loudspeaker's driver",
    load: () => import("./parts/playback-path.ts"),
  },
  stall: {
    title: "what is lost and what clicks while the main loop stands still for 200 ms every second",
    load: () => import("./parts/stall.ts"),
  },
  resampler: {
    title: "a device's rate to the runtime's and back",
    load: () => import("./parts/resampler.ts"),
  },
  audio_memory: {
    title: "what a frame through the audio path leaves in memory, and hours of them",
    load: () => import("./parts/audio-memory.ts"),
  },
  start: {
    title: "process start to a robot that is ready",
    load: () => import("./parts/start.ts"),
  },
  idle_rss: {
    title: "resident memory at rest",
    load: () => import("./parts/idle-rss.ts"),
  },
  reload: {
    title: "a saved plugin to its new version running, and what 500 reloads leave in memory",
    load: () => import("./parts/reload.ts"),
  },
  link_flood: {
    title: "Realtime clients side by side: events as fast as they can be taken, and the memory they leave",
    load: () => import("./parts/link-flood.ts"),
  },
  link_allocation: {
    title: "Realtime clients side by side: memory asked for by an audio delta",
    load: () => import("./parts/link-allocation.ts"),
  },
  link_round_trip: {
    title: "Realtime clients side by side: a control event to its answer",
    load: () => import("./parts/link-round-trip.ts"),
  },
  link_two_way: {
    title: "Realtime clients side by side: CPU time of audio in both directions",
    load: () => import("./parts/link-two-way.ts"),
  },
  listening: {
    title: "CPU time of the voice detectors and of the stages between microphone and session",
    load: () => import("./parts/listening.ts"),
  },
  barge_in: {
    title: "speech over the talking robot to silence at its loudspeaker",
    load: () => import("./parts/barge-in.ts"),
  },
  barge_in_sound_server: {
    title: "the same through a real sound server: a private PipeWire with null sinks",
    load: () => import("./parts/barge-in-sound-server.ts"),
  },
  conversation: {
    title: "CPU time and memory of the whole pi4-picar robot in conversation, devices simulated",
    load: () => import("./parts/conversation.ts"),
  },
  turn: {
    title: "spoken question to the first sample of the answer, offline",
    load: () => import("./parts/turn.ts"),
  },
  snapshot: {
    title: "call of take_snapshot to its picture at the Realtime server",
    load: () => import("./parts/snapshot.ts"),
  },
  webrtc: {
    title: "a page in Chromium that talks through the gateway, and forty at once",
    load: () => import("./parts/webrtc.ts"),
  },
  stop: {
    title: "what should stop the wheels to the motors' registers at zero",
    load: () => import("./parts/stop.ts"),
  },
  rejection: {
    title: "sentences that are no commands and are taken for some, offline",
    load: () => import("./parts/rejection.ts"),
  },
};
