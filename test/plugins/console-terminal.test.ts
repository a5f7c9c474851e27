import { describe, expect, test } from "bun:test";
import { scriptBrain, startTestRobot } from "../kit/index.ts";
import type { TopicName, Topics } from "myna";
import type { ActivityTopic } from "../../plugins/console-terminal/activity.ts";
import { runLine } from "../../plugins/console-terminal/commands.ts";
import type { CommandPort } from "../../plugins/console-terminal/commands.ts";
import { LiveView } from "../../plugins/console-terminal/live-view.ts";
import { Outlet, jsonLine } from "../../plugins/console-terminal/outlet.ts";
import { formatRow, latencyText, outcome, plain, readable } from "../../plugins/console-terminal/rows.ts";
import type { Row } from "../../plugins/console-terminal/rows.ts";
import { Screen } from "../../plugins/console-terminal/screen.ts";
import { Script } from "../../plugins/console-terminal/script.ts";
import type { Step, Utterance } from "../../plugins/console-terminal/script.ts";

const LIMITS = { answerMs: 1000, readyMs: 2000, settleMs: 100 };
const FORWARD: Utterance = { kind: "say", value: "move forward" };
const BACK: Utterance = { kind: "wav", value: "back.wav" };

/** A script with a clock that is turned by hand. */
class Rehearsal {
  nowMs = 0;
  readonly script: Script;

  constructor(utterances: Utterance[], open = false) {
    this.script = new Script(LIMITS, { nowMs: 0, open });
    for (const utterance of utterances) this.script.add(utterance);
  }

  on<T extends ActivityTopic>(topic: T, event: Topics[T]): this {
    this.script.take(topic, event, this.nowMs);
    return this;
  }

  after(ms: number): Step {
    this.nowMs += ms;
    return this.script.next(this.nowMs);
  }

  link(state: Topics["session.state_changed"]["state"], message?: string): this {
    const event = { state, url: "ws://127.0.0.1:1", attempt: 1 };
    return this.on("session.state_changed", message === undefined ? event : { ...event, message });
  }

  spoken(failure?: string): this {
    this.script.spoken(this.nowMs, failure);
    return this;
  }

  says(text: string, options: { interrupted?: boolean } = {}): this {
    const interrupted = options.interrupted ?? false;
    this.on("response.started", { response_id: "r" });
    this.on("assistant.transcript", { item_id: "i", text, final: true, interrupted });
    return this.on("response.finished", {
      response_id: "r",
      status: interrupted ? "cancelled" : "completed",
    });
  }

  moves(moving: boolean): this {
    return this.on("body.pose", { x_m: 0, y_m: 0, heading_deg: 0, moving });
  }
}

describe("the script driver", () => {
  test("speaks the first utterance when the link is ready and the robot is still", () => {
    const play = new Rehearsal([FORWARD]);
    expect(play.after(50)).toEqual({ do: "wait" });
    play.link("ready");
    expect(play.after(99)).toEqual({ do: "wait" });
    expect(play.after(1)).toEqual({ do: "speak", utterance: FORWARD });
  });

  test("waits for answer, loudspeaker, tool and wheels before the next utterance", () => {
    const play = new Rehearsal([FORWARD, BACK]).link("ready");
    expect(play.after(100).do).toBe("speak");
    expect(play.after(500).do).toBe("wait");
    play.spoken().on("user.committed", { item_id: "u", committed_at_ms: 0 });
    play.on("tool.started", { call_id: "c", name: "move", arguments: {} }).moves(true);
    expect(play.after(900).do).toBe("wait");
    play.moves(false);
    play.on("tool.finished", {
      call_id: "c",
      name: "move",
      arguments: {},
      ok: true,
      result: "done",
      duration_ms: 900,
    });
    expect(play.after(200).do).toBe("wait");
    play.says("I moved.").on("playback.started", { item_id: "i", played_at_ms: 0 });
    expect(play.after(900).do).toBe("wait");
    play.on("playback.stopped", { item_id: "i", played_ms: 900, reason: "finished" });
    expect(play.after(50).do).toBe("wait");
    expect(play.after(50)).toEqual({ do: "speak", utterance: BACK });
  });

  test("ends with every utterance answered", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.after(100);
    play.spoken().says("I moved.");
    expect(play.after(100)).toEqual({ do: "end", outcomes: [{ utterance: FORWARD }] });
  });

  test("speaks although the link was hung up: speech opens it again", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.link("idle");
    expect(play.after(100)).toEqual({ do: "speak", utterance: FORWARD });
    play.spoken().link("connecting");
    expect(play.after(1500).do).toBe("wait");
    expect(play.after(500)).toMatchObject({ do: "end", failure: "no link to the Realtime server for 2 s" });
  });

  test("waits for an answer that a rate limit delays", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.after(100);
    play.spoken().on("response.started", { response_id: "r" });
    play.on("response.finished", { response_id: "r", status: "failed", message: "slow down" });
    play.on("response.delayed", { wait_ms: 900, limit: "rate" });
    expect(play.after(900).do).toBe("wait");
    play.says("I moved.");
    expect(play.after(100)).toEqual({ do: "end", outcomes: [{ utterance: FORWARD }] });
  });

  test("an answer that the user cut off is no answer", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.after(100);
    play.spoken().says("I mo", { interrupted: true });
    expect(play.after(999).do).toBe("wait");
    expect(play.after(1)).toEqual({
      do: "end",
      outcomes: [{ utterance: FORWARD, failure: "no answer within 1 s" }],
    });
  });

  test("an answer to the first half of a sentence does not count for the whole", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.after(100);
    play.on("user.committed", { item_id: "u1", committed_at_ms: 0 }).says("Yes?");
    play.on("user.committed", { item_id: "u2", committed_at_ms: 0 }).spoken();
    expect(play.after(300).do).toBe("wait");
    play.says("I moved.");
    expect(play.after(100).do).toBe("end");
  });

  test("an utterance without an answer fails after the limit and the next one has its turn", () => {
    const play = new Rehearsal([FORWARD, BACK]).link("ready");
    play.after(100);
    play.spoken();
    expect(play.after(999).do).toBe("wait");
    expect(play.after(1)).toEqual({ do: "speak", utterance: BACK });
    expect(play.script.outcomes).toEqual([{ utterance: FORWARD, failure: "no answer within 1 s" }]);
  });

  test("a WAV in which nothing is heard fails long before an answer would be given up", () => {
    const patient = new Script({ ...LIMITS, answerMs: 30_000 }, { nowMs: 0, open: false });
    patient.add(BACK);
    patient.take("session.state_changed", { state: "ready", url: "ws://127.0.0.1:1", attempt: 1 }, 0);
    expect(patient.next(200)).toEqual({ do: "speak", utterance: BACK });
    patient.spoken(1000);
    expect(patient.next(3500)).toEqual({ do: "wait" });
    expect(patient.next(4100)).toMatchObject({
      outcomes: [{ failure: expect.stringContaining("heard no speech in it") }],
    });
  });

  test("a long movement is not held against the answer", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.after(100);
    play.spoken().moves(true);
    expect(play.after(3000).do).toBe("wait");
    play.moves(false);
    expect(play.after(500).do).toBe("wait");
    play.says("There.");
    expect(play.after(100)).toEqual({ do: "end", outcomes: [{ utterance: FORWARD }] });
  });

  test("a robot that never comes to rest does not hold the script for ever", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.after(100);
    play.spoken().moves(true).says("Moving.");
    expect(play.after(5999).do).toBe("wait");
    play.after(1);
    expect(play.script.outcomes[0]?.failure).toContain("did not come to rest");
  });

  test("a failed response fails its utterance at once, with the server's reason", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.after(100);
    play.spoken().on("response.started", { response_id: "r" });
    play.on("response.finished", { response_id: "r", status: "failed", message: "quota" });
    play.after(100);
    expect(play.script.outcomes).toEqual([{ utterance: FORWARD, failure: "quota" }]);
  });

  test("a file that cannot be played fails and the next utterance follows", () => {
    const play = new Rehearsal([BACK, FORWARD]).link("ready");
    play.after(100);
    play.spoken("there is no file back.wav");
    expect(play.after(100)).toEqual({ do: "speak", utterance: FORWARD });
    expect(play.script.outcomes).toEqual([{ utterance: BACK, failure: "there is no file back.wav" }]);
  });

  test("a link that never gets ready ends the script, however often it retries", () => {
    const play = new Rehearsal([FORWARD]);
    for (let i = 0; i < 4; i++) {
      play.link(i % 2 === 0 ? "connecting" : "waiting", "connection refused");
      expect(play.after(499).do).toBe("wait");
    }
    const failure = "no link to the Realtime server for 2 s: connection refused";
    expect(play.after(4)).toEqual({ do: "end", failure, outcomes: [{ utterance: FORWARD, failure }] });
  });

  test("a link that is closed for good ends the script at once", () => {
    const play = new Rehearsal([FORWARD]).link("closed", "the key is refused");
    const step = play.after(1);
    expect(step.do === "end" && step.failure).toBe(
      "the link to the Realtime server is closed: the key is refused",
    );
  });

  test("a response that was lost with the link is not waited for", () => {
    const play = new Rehearsal([FORWARD]).link("ready");
    play.after(100);
    play.spoken().on("response.started", { response_id: "lost" }).link("waiting").link("ready");
    play.says("Here again.");
    expect(play.after(100).do).toBe("end");
  });

  test("lines may come until stdin ends", () => {
    const play = new Rehearsal([], true).link("ready");
    expect(play.after(500).do).toBe("wait");
    play.script.add(FORWARD);
    expect(play.after(0).do).toBe("speak");
    play.spoken().says("Yes.");
    expect(play.after(100).do).toBe("wait");
    play.script.close();
    expect(play.after(0)).toEqual({ do: "end", outcomes: [{ utterance: FORWARD }] });
  });

  test("after a stop the next line does not wait for the answer that was broken off", () => {
    const play = new Rehearsal([FORWARD, BACK], true).link("ready");
    expect(play.after(500).do).toBe("speak");
    play.spoken().says("I dr", { interrupted: true });
    expect(play.after(100).do).toBe("wait");
    play.script.dismiss();
    expect(play.after(500)).toEqual({ do: "speak", utterance: BACK });
    expect(play.script.outcomes).toEqual([{ utterance: FORWARD }]);
  });

  test("an answer that somebody else broke off by a stop is none, and the next line does not wait for it", async () => {
    const brain = await scriptBrain({ answers: ["A long answer, really. ".repeat(20), "Yes."] });
    const utterances = [FORWARD, { kind: "say", value: "are you there" }];
    await using robot = await startTestRobot({
      audio: true,
      brain,
      plugins: { console: { use: "console-terminal", view: "quiet", prompt: false, utterances } },
    });
    await robot.waitFor("playback.started");
    robot.robot.session.port.dismiss();
    await robot.waitFor("assistant.transcript", ({ text, final }) => final && text === "Yes.");
    await brain.close();
  });
});

/** What the live view prints and shows in place. */
function watch(): { view: LiveView; printed: string[]; live: () => string[]; take: Take } {
  const printed: string[] = [];
  let live: Row[] = [];
  const text = (row: Row) => formatRow(row, { colour: false });
  const view = new LiveView({
    print: (row) => void printed.push(text(row)),
    live: (rows) => void (live = rows),
  });
  const take: Take = (topic, event) => view.take(topic, event);
  return { view, printed, take, live: () => live.map(text) };
}
type Take = <T extends TopicName>(topic: T, event: Topics[T]) => void;

describe("the live view", () => {
  test("shows a turn from what was heard to the latency", () => {
    const { printed, take } = watch();
    take("user.transcript", { item_id: "u", text: "move forward fifty centimetres", final: true });
    take("tool.started", { call_id: "c", name: "move_forward", arguments: { distance_m: 0.5 } });
    take("motion.stopped", {
      motion_id: 1,
      kind: "move",
      ended: "obstacle",
      moved_m: 0.38,
      turned_deg: 0,
    });
    take("tool.finished", {
      call_id: "c",
      name: "move_forward",
      arguments: { distance_m: 0.5 },
      ok: true,
      result: "stopped after 38 cm: obstacle at 12 cm",
      duration_ms: 1940,
    });
    take("assistant.transcript", { item_id: "a", text: "I moved.", final: true, interrupted: false });
    take("turn.latency", {
      turn: 1,
      speech_end_to_commit_ms: 412.4,
      commit_to_first_delta_ms: 38,
      first_delta_to_first_sample_ms: 31,
      total_ms: 481,
    });
    expect(printed).toEqual([
      "heard     move forward fifty centimetres",
      "tool      move_forward distance_m=0.5",
      "body      forward 38 cm, ended by: obstacle",
      "done      move_forward → stopped after 38 cm: obstacle at 12 cm (1.9 s)",
      "robot     I moved.",
      "latency   end of speech → commit 412 ms → first delta 38 ms → first sample 31 ms (481 ms)",
    ]);
  });

  test("shows what it costs when that changes, and what the budget does about it", () => {
    const { printed, take } = watch();
    const cost = { day: "2026-11-21", session_usd: 0, day_usd: 0.5, unpriced: 0, estimated: false };
    take("cost.updated", cost);
    take("cost.updated", { ...cost, session_usd: 0.004, day_usd: 0.504 });
    take("cost.updated", { ...cost, session_usd: 0.12, day_usd: 1.4 });
    take("cost.updated", { ...cost, session_usd: 0.1201, day_usd: 1.4001 });
    take("cost.updated", { ...cost, session_usd: null, day_usd: 1.4, unpriced: 2, estimated: true });
    take("budget.warned", { scope: "day", spent_usd: 1.6, cap_usd: 2 });
    take("budget.degraded", { step: "smaller_model", scope: "day", model: "small" });
    take("budget.degraded", { step: "sleep", scope: "session" });
    take("budget.degraded", { step: "none", scope: "day" });
    take("response.delayed", { wait_ms: 1240, limit: "tokens" });
    take("session.hung_up", { reason: "idle" });
    expect(printed).toEqual([
      "cost      under 1 cent since the start, $0.50 today",
      "cost      $0.12 since the start, $1.40 today",
      "cost      price not known since the start, $1.40 today; 2 without a known price not counted",
      "budget    $1.60 of $2.00 for today are spent",
      "budget    today's budget is nearly spent: goes on with small",
      "budget    the budget is spent: the robot sleeps",
      "budget    there is budget again",
      "waits     1.2 s for the server's limit of tokens",
      "link      hung up: nobody spoke; speak or type to go on",
    ]);
  });

  test("shows partial words, the growing answer and the pose in place only", () => {
    const { printed, take, live } = watch();
    take("user.transcript", { item_id: "u", text: "move for", final: false });
    take("assistant.transcript", { item_id: "a", text: "I am", final: false, interrupted: false });
    take("body.pose", { x_m: 0.25, y_m: -0.001, heading_deg: 89.6, moving: true });
    expect(live()).toEqual([
      "heard     move for …",
      "robot     I am",
      "pose      x 0.25 m  y 0.00 m  heading 90°",
    ]);
    expect(printed).toEqual([]);
    take("body.pose", { x_m: 0.5, y_m: 0, heading_deg: -0.2, moving: false });
    take("body.pose", { x_m: 0.5, y_m: 0, heading_deg: -0.2, moving: false });
    expect(printed).toEqual(["pose      x 0.50 m  y 0.00 m  heading 0°"]);
    expect(live()).toHaveLength(2);
  });

  test("marks an answer that was cut off", () => {
    const { printed, take } = watch();
    take("assistant.transcript", { item_id: "a", text: "The wall is", final: true, interrupted: true });
    expect(printed).toEqual(["robot     The wall is — (interrupted)"]);
  });

  test("tells a failed tool with its code, and a plugin that does not start", () => {
    const { printed, take } = watch();
    take("tool.finished", {
      call_id: "c",
      name: "look",
      arguments: {},
      ok: false,
      result: "took too long",
      code: "TOOL_TIMEOUT",
      duration_ms: 30_000,
    });
    take("plugin.state_changed", { id: "mic", use: "mic-alsa", state: "failed", message: "no card" });
    take("plugin.state_changed", { id: "vad", use: "vad-energy", state: "ready" });
    expect(printed).toEqual([
      "failed    look failed (TOOL_TIMEOUT) → took too long (30.0 s)",
      "plugin    mic is failed: no card",
    ]);
  });

  test("text from the model cannot move the cursor or colour the terminal", () => {
    const { printed, take } = watch();
    const text = "\x1b[2J\x1b[31mred\x07\r\nline";
    take("assistant.transcript", { item_id: "a", text, final: true, interrupted: false });
    expect(printed).toEqual(["robot     red line"]);
    expect(plain("a\u009b1mb")).toBe("ab");
  });

  test("a step that did not happen has a dash for its time", () => {
    const latency = {
      turn: 1,
      speech_end_to_commit_ms: null,
      commit_to_first_delta_ms: 12,
      first_delta_to_first_sample_ms: 20,
      total_ms: null,
    };
    expect(latencyText(latency)).toBe(
      "end of speech → commit – → first delta 12 ms → first sample 20 ms (–)",
    );
  });

  test("arguments read like settings", () => {
    expect(readable({ name: "two words", angle_deg: 90.12345, fast: true })).toBe(
      'name="two words" angle_deg=90.123 fast=true',
    );
  });

  test("a result that has a summary is shown by it", () => {
    expect(outcome({ moved_m: 0.5, summary: "I moved 50 cm." })).toBe("I moved 50 cm.");
    expect(outcome({ moved_m: 0.5 })).toBe("moved_m=0.5");
    expect(outcome(null)).toBe("null");
  });

  test("rows are coloured only when asked, and cut to the width", () => {
    const row: Row = { label: "robot", text: "one two three", tone: "good" };
    expect(formatRow(row, { colour: true })).toContain("\x1b[32m");
    expect(formatRow(row, { colour: false })).not.toContain("\x1b");
    expect(formatRow(row, { colour: false, width: 18 })).toBe("robot     one two…");
    expect(formatRow(row, { colour: false, width: 18, tail: true })).toBe("robot     …o three");
  });
});

/** A terminal of 20 columns that understands what the screen sends. */
class PaperTerminal {
  readonly columns = 20;
  rows: string[] = [""];
  row = 0;
  column = 0;

  write(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const escape = /^\x1b\[(\d*)([A-Z])/.exec(text.slice(i));
      if (escape) {
        if (escape[2] === "A") this.row -= Number(escape[1]);
        if (escape[2] === "J") {
          this.rows[this.row] = this.rows[this.row]!.slice(0, this.column);
          this.rows.length = this.row + 1;
        }
        i += escape[0].length - 1;
      } else if (text[i] === "\r") this.column = 0;
      else if (text[i] === "\n") this.#down();
      else this.#put(text[i]!);
    }
  }

  #put(letter: string): void {
    if (this.column === this.columns) this.#down();
    const line = this.rows[this.row]!;
    this.rows[this.row] = line.slice(0, this.column) + letter + line.slice(this.column + 1);
    this.column++;
  }

  #down(): void {
    this.row++;
    this.column = 0;
    this.rows[this.row] ??= "";
  }
}

function paperScreen(): { paper: PaperTerminal; screen: Screen; type: (line: string) => void } {
  const paper = new PaperTerminal();
  const editor = {
    line: "",
    getPrompt: () => "> ",
    getCursorPos: () => ({ rows: Math.floor((2 + editor.line.length) / 20), cols: 0 }),
    prompt: () => paper.write(`> ${editor.line}`),
  };
  const type = (line: string): void => {
    paper.write(line.slice(editor.line.length));
    editor.line = line;
  };
  return { paper, type, screen: new Screen(paper, editor, false) };
}

describe("the screen", () => {
  test("lines appear above the prompt and what is being typed stays", () => {
    const { paper, screen, type } = paperScreen();
    screen.show();
    type("move fo");
    screen.print({ label: "link", text: "ready", tone: "plain" });
    expect(paper.rows).toEqual(["link      ready", "> move fo"]);
  });

  test("changing lines stay between the others and the prompt, cut to the width", () => {
    const { paper, screen, type } = paperScreen();
    screen.show();
    type("a line longer than one row");
    screen.live([{ label: "robot", text: "a very long answer", tone: "plain" }]);
    screen.refresh();
    screen.print({ label: "tool", text: "look", tone: "plain" });
    expect(paper.rows).toEqual(["tool      look", "robot     …g answer", "> a line longer than", " one row"]);
    screen.live([]);
    screen.refresh();
    expect(paper.rows).toEqual(["tool      look", "> a line longer than", " one row"]);
  });

  test("log lines do not tear the prompt", () => {
    const { paper, screen, type } = paperScreen();
    screen.show();
    type("hel");
    screen.text("12:00 WARN x\n");
    expect(paper.rows).toEqual(["12:00 WARN x", "> hel"]);
  });
});

/** A stream that keeps what it gets, with a reader that can be slow or leave. */
class FakeStream {
  text = "";
  writableLength = 0;
  readonly #listeners = new Set<(error: Error) => void>();
  write(text: string, written?: () => void): boolean {
    this.text += text;
    written?.();
    return true;
  }
  on(_: string, listener: (error: Error) => void): void {
    this.#listeners.add(listener);
  }
  off(_: string, listener: (error: Error) => void): void {
    this.#listeners.delete(listener);
  }
  fail(error: Error): void {
    this.#listeners.forEach((listener) => listener(error));
  }
}

describe("the JSON lines", () => {
  test("have the time, the topic and the event", () => {
    expect(jsonLine("sound.played", { name: "horn" }, 12.3456)).toBe(
      '{"t_ms":12.3,"topic":"sound.played","event":{"name":"horn"}}\n',
    );
  });

  test("a reader that leaves is reported once and nothing more is written", () => {
    const stream = new FakeStream();
    const reasons: string[] = [];
    const outlet = new Outlet(stream as unknown as NodeJS.WriteStream, (reason) => reasons.push(reason));
    outlet.write("one\n");
    stream.fail(new Error("EPIPE"));
    stream.fail(new Error("EPIPE"));
    outlet.write("two\n");
    expect(stream.text).toBe("one\n");
    expect(reasons).toEqual(["stdout: EPIPE"]);
  });

  test("a reader that stops reading does not fill the memory", () => {
    const stream = new FakeStream();
    const reasons: string[] = [];
    const outlet = new Outlet(stream as unknown as NodeJS.WriteStream, (reason) => reasons.push(reason));
    stream.writableLength = 64 * 1024 * 1024;
    outlet.write("one\n");
    outlet.write("two\n");
    expect(reasons).toEqual(["the reader of stdout does not read"]);
    expect(stream.text).toBe("one\n");
  });
});

describe("the typed commands", () => {
  function at(services: string[] = []) {
    const done: string[] = [];
    let talking = false;
    const ctx = {
      has: (name: string) => services.includes(name),
      use: () => ({ stop: (reason: string) => void done.push(`drive.stop ${reason}`) }),
      session: { dismiss: () => void done.push("dismiss"), note: () => void done.push("note") },
      shutdown: (code: number) => void done.push(`shutdown ${code}`),
      publish: (topic: string, event: { talking: boolean }) => {
        talking = event.talking;
        done.push(`${topic} ${talking}`);
      },
    } as unknown as CommandPort["ctx"];
    const printed: string[] = [];
    const port: CommandPort = {
      ctx,
      print: (row) => void printed.push(row.text),
      utter: ({ kind, value }) => void done.push(`${kind} ${value}`),
      drop: () => void done.push("drop"),
      talking: () => talking,
    };
    return { done, printed, type: (line: string) => runLine(line, port) };
  }

  test("a sentence goes to the robot, an empty line does not", () => {
    const { done, type } = at();
    type("  turn left ");
    type("   ");
    expect(done).toEqual(["say turn left"]);
  });

  test.each(["/stop", "stop", " Stop!", "please stop now", "robot, halt."])(
    "%s stops the wheels at once, before the voice, without the robot's ears",
    (line) => {
      const { done, type } = at(["drive"]);
      type(line);
      expect(done).toEqual(["drop", "drive.stop stopped at the terminal", "dismiss", "note"]);
    },
  );

  test.each(["do not stop", "stop at the wall", "when do you stop"])("%s is a sentence", (line) => {
    const { done, type } = at(["drive"]);
    type(line);
    expect(done).toEqual([`say ${line}`]);
  });

  test("/talk holds the talk key, and lets it go the next time", () => {
    const { done, printed, type } = at();
    type("/talk");
    type("/talk");
    expect(done).toEqual(["user.talk_changed true", "user.talk_changed false"]);
    expect(printed).toEqual(["the robot listens until /talk once more", "the robot answers"]);
  });

  test("/wav, /quit and a wrong command do what they say", () => {
    const { done, printed, type } = at();
    type("/wav my file.wav");
    type("/quit");
    type("/dance");
    expect(done).toEqual(["wav my file.wav", "shutdown 0"]);
    expect(printed.at(-1)).toContain("there is no /dance; there are: /help, /stop");
  });
});
