import { afterEach, beforeEach, describe, expect, jest, test } from "bun:test";
import { Arbiter } from "../../core/realtime/arbiter.ts";
import type { ClientEvent, ServerFault } from "../../core/realtime/events.ts";
import { Outbox } from "../../core/realtime/outbox.ts";
import { UserTranscripts } from "../../core/realtime/user-transcripts.ts";

const REFUSED = "conversation_already_has_active_response";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function bench(answersItself = true) {
  const sent: ClientEvent[] = [];
  let ready = true;
  let timeouts = 0;
  const arbiter = new Arbiter({
    send: (event) => sent.push(event),
    ready: () => ready,
    answersItself,
    responseMs: 10_000,
    onTimeout: () => timeouts++,
  });
  return {
    arbiter,
    sent,
    creates: () => sent.filter((event) => event.type === "create_response"),
    cancels: () => sent.filter((event) => event.type === "cancel_response"),
    lastId: () => sent.at(-1)?.eventId ?? "",
    setReady: (value: boolean) => (ready = value),
    timeouts: () => timeouts,
  };
}

function fault(code: string, eventId?: string): ServerFault {
  return { code, message: code, kind: "invalid_request_error", eventId };
}

describe("one response at a time (C2)", () => {
  test("wishes while one is outstanding become one", () => {
    const { arbiter, creates, lastId } = bench();
    arbiter.want({ instructions: "first" });
    arbiter.want();
    arbiter.want({ instructions: "later" });
    arbiter.want();
    expect(creates()).toMatchObject([{ instructions: "first" }]);
    arbiter.created("r1", lastId());
    expect(creates().length).toBe(1);
    arbiter.done("r1", lastId());
    expect(creates()).toMatchObject([{ instructions: "first" }, { instructions: "later" }]);
  });

  test("none is asked for while the server answers by itself", () => {
    const { arbiter, creates } = bench();
    arbiter.created("vad", undefined);
    arbiter.want();
    expect(creates().length).toBe(0);
    arbiter.done("vad", undefined);
    expect(creates().length).toBe(1);
  });

  test("none is asked for before the link is ready, and the wish is kept", () => {
    const { arbiter, creates, setReady } = bench();
    setReady(false);
    arbiter.want();
    expect(creates().length).toBe(0);
    setReady(true);
    arbiter.pump();
    expect(creates().length).toBe(1);
  });

  test("an error that names the request ends it, and the next may follow", () => {
    const { arbiter, creates, lastId } = bench();
    arbiter.want();
    arbiter.want();
    expect(arbiter.fault(fault("invalid_value", "somebody_else"))).toBe(false);
    expect(creates().length).toBe(1);
    expect(arbiter.fault(fault("invalid_value", lastId()))).toBe(false);
    expect(creates().length).toBe(2);
  });

  test("a request that was given up on a link that turns out to be dead is made again on the next one", () => {
    const { arbiter, creates, setReady } = bench();
    arbiter.want({ instructions: "lost" });
    jest.advanceTimersByTime(10_000);
    setReady(false);
    arbiter.linkLost(false);
    setReady(true);
    arbiter.pump();
    expect(creates()).toMatchObject([{ instructions: "lost" }, { instructions: "lost" }]);
  });

  test("a request that was given up is forgotten when the server speaks, and when the user breaks in", () => {
    const { arbiter, creates } = bench();
    arbiter.want();
    jest.advanceTimersByTime(10_000);
    arbiter.heard();
    arbiter.linkLost(false);
    arbiter.want();
    jest.advanceTimersByTime(10_000);
    arbiter.stop({ all: true });
    arbiter.linkLost(false);
    arbiter.pump();
    expect(creates()).toHaveLength(2);
  });

  test("a request without an answer is given up at the time limit and said so (C21)", () => {
    const { arbiter, creates, timeouts } = bench();
    arbiter.want();
    jest.advanceTimersByTime(9999);
    expect(timeouts()).toBe(0);
    jest.advanceTimersByTime(1);
    expect(timeouts()).toBe(1);
    expect(creates().length).toBe(1);
    arbiter.want();
    expect(creates().length).toBe(2);
  });

  test("a request that began has no time limit", () => {
    const { arbiter, lastId, timeouts } = bench();
    arbiter.want();
    arbiter.created("r1", lastId());
    jest.advanceTimersByTime(60_000);
    expect(timeouts()).toBe(0);
  });
});

describe("a request that raced a response of the server (C3)", () => {
  test.each([[true], [false]])(
    "is retried exactly once after the running one (error with event_id: %p)",
    (named) => {
      const { arbiter, creates, lastId } = bench();
      arbiter.want({ instructions: "say it" });
      const id = lastId();
      arbiter.created("vad", "somebody_else");
      expect(arbiter.fault(fault(REFUSED, named ? id : undefined))).toBe(true);
      expect(creates().length).toBe(1);
      arbiter.done("vad", undefined);
      expect(creates()).toMatchObject([{ instructions: "say it" }, { instructions: "say it" }]);
      arbiter.created("r2", lastId());
      arbiter.done("r2", lastId());
      jest.advanceTimersByTime(60_000);
      expect(creates().length).toBe(2);
    },
  );

  test("is retried where the server's response does not say whose it is", () => {
    const { arbiter, creates } = bench();
    arbiter.want();
    arbiter.created("vad", undefined);
    expect(arbiter.fault(fault(REFUSED))).toBe(true);
    arbiter.done("vad", undefined);
    expect(creates().length).toBe(2);
  });

  test("is retried at once where the error comes after the running one has ended", () => {
    const { arbiter, creates } = bench();
    arbiter.want();
    arbiter.created("vad", undefined);
    arbiter.done("vad", undefined);
    expect(creates().length).toBe(1);
    expect(arbiter.fault(fault(REFUSED))).toBe(true);
    expect(creates().length).toBe(2);
  });

  test("is retried at the time limit where the running one is never heard of", () => {
    const { arbiter, creates } = bench();
    arbiter.want();
    arbiter.fault(fault(REFUSED));
    expect(creates().length).toBe(1);
    jest.advanceTimersByTime(10_000);
    expect(creates().length).toBe(2);
  });

  test("is not answered twice: the error does not concern one that began", () => {
    const { arbiter, creates, lastId } = bench();
    arbiter.want();
    arbiter.created("r1", lastId());
    expect(arbiter.fault(fault(REFUSED))).toBe(true);
    arbiter.done("r1", lastId());
    jest.advanceTimersByTime(60_000);
    expect(creates().length).toBe(1);
  });

  test("joins a wish that came meanwhile", () => {
    const { arbiter, creates } = bench();
    arbiter.want();
    arbiter.want({ instructions: "newer" });
    arbiter.created("vad", "somebody_else");
    arbiter.fault(fault(REFUSED));
    arbiter.done("vad", undefined);
    expect(creates().length).toBe(2);
    expect(creates()[1]).toMatchObject({ instructions: "newer" });
  });
});

describe("while the user speaks (C6)", () => {
  test("the tool loop's wish waits, and the server's own answer covers it", () => {
    const { arbiter, creates } = bench();
    arbiter.speechStarted();
    arbiter.want({ automatic: true });
    arbiter.speechStopped();
    arbiter.created("vad", undefined);
    arbiter.done("vad", undefined);
    jest.advanceTimersByTime(60_000);
    expect(creates().length).toBe(0);
  });

  test("a wish of somebody else is answered after the server's own answer", () => {
    const { arbiter, creates } = bench();
    arbiter.speechStarted();
    arbiter.want();
    arbiter.speechStopped();
    arbiter.created("vad", undefined);
    expect(creates().length).toBe(0);
    arbiter.done("vad", undefined);
    expect(creates().length).toBe(1);
  });

  test("a wish is not lost where no answer comes of the server", () => {
    const { arbiter, creates } = bench();
    arbiter.speechStarted();
    arbiter.want({ automatic: true });
    arbiter.speechStopped();
    jest.advanceTimersByTime(10_000);
    expect(creates().length).toBe(1);
  });

  test("a noise that only the robot heard holds a wish up for a moment only", () => {
    const { arbiter, creates } = bench();
    arbiter.speechNoticed();
    arbiter.want({ automatic: true });
    expect(creates().length).toBe(0);
    jest.advanceTimersByTime(1500);
    expect(creates().length).toBe(1);
  });

  test("wishes go out where the server does not answer by itself", () => {
    const { arbiter, creates } = bench(false);
    arbiter.speechStarted();
    arbiter.want();
    expect(creates().length).toBe(1);
  });
});

describe("stop", () => {
  test("cancels the running response once and needs no answer", () => {
    const { arbiter, cancels } = bench();
    arbiter.created("r1", undefined);
    arbiter.stop();
    arbiter.stop();
    expect(cancels()).toMatchObject([{ responseId: "r1" }]);
    expect(arbiter.fault(fault("response_cancel_not_active"))).toBe(true);
  });

  test("sends nothing where nothing runs, or where the server cancels by itself", () => {
    const { arbiter, cancels } = bench();
    arbiter.stop();
    arbiter.created("r1", undefined);
    arbiter.stop({ serverCancels: true });
    expect(cancels().length).toBe(0);
  });

  test("cancels a response that begins after it", () => {
    const { arbiter, cancels, lastId } = bench();
    arbiter.want();
    const id = lastId();
    arbiter.stop();
    expect(cancels().length).toBe(0);
    expect(arbiter.created("r1", id)).toBe(true);
    expect(cancels()).toMatchObject([{ responseId: "r1" }]);
  });
});

describe("the outbox", () => {
  test("drops the oldest microphone audio first, then the oldest event, never a tool's result", () => {
    const outbox = new Outbox({ events: 4, bytes: 1000 });
    outbox.add("result", "result");
    outbox.add("event 1", "event");
    outbox.add("audio 1", "audio");
    outbox.add("audio 2", "audio");
    expect(outbox.add("audio 3", "audio")).toBe(true);
    expect(outbox.add("event 2", "event")).toBe(true);
    expect(outbox.add("event 3", "event")).toBe(true);
    expect(outbox.add("event 4", "event")).toBe(false);
    expect(outbox.add("result 2", "result")).toBe(false);
    expect(outbox.counters()).toEqual({ queued: 4, queued_bytes: 28, dropped_audio: 3, dropped_events: 2 });
    const sent: string[] = [];
    expect(outbox.flush((text) => sent.push(text))).toBe(0);
    expect(sent).toEqual(["result", "event 3", "event 4", "result 2"]);
  });

  test("is bounded in bytes, and takes results even beyond", () => {
    const outbox = new Outbox({ events: 100, bytes: 20 });
    expect(outbox.add("x".repeat(21), "event")).toBe(false);
    for (let i = 0; i < 3; i++) expect(outbox.add("r".repeat(10), "result")).toBe(true);
    expect(outbox.counters()).toMatchObject({ queued: 3, queued_bytes: 30, dropped_events: 1 });
  });
});

describe("the user's words", () => {
  function words() {
    const published: string[] = [];
    const transcripts = new UserTranscripts((itemId, text, final) =>
      published.push(`${itemId}${final ? "." : "…"} ${text}`),
    );
    return { published, transcripts };
  }

  test("are published whole so far, and final once (C13)", () => {
    const { published, transcripts } = words();
    transcripts.committed("u1", undefined);
    transcripts.delta("u1", "go ");
    transcripts.delta("u1", "left");
    transcripts.done("u1", "Go left.");
    transcripts.done("u1", "Go left.");
    transcripts.delta("u1", " again");
    expect(published).toEqual(["u1… go ", "u1… go left", "u1. Go left."]);
  });

  test("come in the order of the conversation, whichever was recognised first (C13)", () => {
    const { published, transcripts } = words();
    transcripts.committed("u1", undefined);
    transcripts.itemAdded("a1", "u1");
    transcripts.committed("u2", "a1");
    transcripts.done("u2", "second");
    expect(published).toEqual([]);
    transcripts.done("u1", "first");
    expect(published).toEqual(["u1. first", "u2. second"]);
  });

  test("follow the chain even where the earlier item is heard of later (C13)", () => {
    const { published, transcripts } = words();
    transcripts.delta("u2", "sec");
    transcripts.committed("u2", "u1");
    transcripts.committed("u1", undefined);
    transcripts.done("u2", "second");
    transcripts.done("u1", "first");
    expect(published).toEqual(["u2… sec", "u1. first", "u2. second"]);
  });

  test("do not wait for ever for an earlier utterance, which still comes when it comes", () => {
    const { published, transcripts } = words();
    transcripts.committed("u1", undefined);
    transcripts.committed("u2", "u1");
    transcripts.done("u2", "second");
    jest.advanceTimersByTime(3000);
    expect(published).toEqual(["u2. second"]);
    transcripts.done("u1", "first");
    expect(published).toEqual(["u2. second", "u1. first"]);
  });
});

describe("what the user said before they dismissed it", () => {
  const moments: [string, (arbiter: Arbiter) => void, (arbiter: Arbiter) => void][] = [
    ["is being spoken", (arbiter) => arbiter.speechStarted(), (arbiter) => arbiter.speechStopped()],
    [
      "is spoken and not heard of by the server yet",
      (arbiter) => arbiter.speechNoticed(),
      (arbiter) => (arbiter.speechStarted(true), arbiter.speechStopped()),
    ],
    [
      "is being committed",
      (arbiter) => (arbiter.speechStarted(), arbiter.speechStopped()),
      (arbiter) => arbiter.committed(),
    ],
    [
      "is in the conversation",
      (arbiter) => (arbiter.speechStarted(), arbiter.speechStopped(), arbiter.committed()),
      () => {},
    ],
  ];
  test.each(moments)("has no answer where it %s", (_, before, after) => {
    const { arbiter, cancels, creates } = bench();
    before(arbiter);
    arbiter.dismiss();
    after(arbiter);
    expect(arbiter.created("vad", undefined)).toBe(true);
    expect(cancels()).toMatchObject([{ responseId: "vad" }]);
    arbiter.done("vad", undefined);
    jest.advanceTimersByTime(60_000);
    expect(creates()).toEqual([]);
  });

  test("is not asked for again when the server does not answer it", () => {
    const { arbiter, creates } = bench();
    arbiter.speechStarted();
    arbiter.speechStopped();
    arbiter.committed();
    arbiter.dismiss();
    jest.advanceTimersByTime(60_000);
    expect(creates()).toEqual([]);
  });

  test("does not stand against what they say next", () => {
    const { arbiter, cancels } = bench();
    arbiter.speechStarted();
    arbiter.dismiss();
    arbiter.speechStopped();
    arbiter.speechStarted();
    arbiter.speechStopped();
    expect(arbiter.created("vad", undefined)).toBe(false);
    expect(cancels()).toEqual([]);
  });

  test("does not stand against an answer that is asked for afterwards", () => {
    const { arbiter, cancels, lastId } = bench();
    arbiter.dismiss();
    arbiter.want({ instructions: "say that you stand" });
    expect(arbiter.created("ours", lastId())).toBe(false);
    expect(cancels()).toEqual([]);
  });
});
