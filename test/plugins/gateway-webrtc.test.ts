import { describe, expect, test } from "bun:test";
import { createTalkClient } from "myna/talk";
import type { TalkClient, TalkEvents, TalkOptions } from "myna/talk";
import { FakeBrowser } from "../kit/fake-browser.ts";
import { until } from "../kit/raw-server.ts";
import { ToneVoice, scriptBrain } from "../kit/scripted-brain.ts";
import type { BrainScriptOptions, ScriptedBrain } from "../kit/scripted-brain.ts";

type Seen = { [T in keyof TalkEvents]: { type: T; event: TalkEvents[T] } }[keyof TalkEvents];

interface Talk extends AsyncDisposable {
  brain: ScriptedBrain;
  client: TalkClient;
  page: FakeBrowser;
  seen: Seen[];
  all<T extends keyof TalkEvents>(type: T): TalkEvents[T][];
}

const TYPES = [
  "transcript",
  "audioStart",
  "audioEnd",
  "connectionChange",
  "error",
  "safeSummary",
  "action",
] as const;
const VAD = { type: "server_vad", silence_duration_ms: 300 } as const;

/** A page that talks to a scripted brain. */
async function talk(script: BrainScriptOptions = {}, options: Omit<TalkOptions, "url"> = {}): Promise<Talk> {
  const brain = await scriptBrain(script);
  const client = createTalkClient({ url: brain.url, apiKey: "sk-test", vad: VAD, env: {}, ...options });
  const seen: Seen[] = [];
  for (const type of TYPES) client.on(type, (event) => void seen.push({ type, event } as Seen));
  await client.initialize();
  const page = await FakeBrowser.create();
  await page.accept(await client.handleWebRTCOffer(await page.offer()));
  await until(() => client.isConnected(), "not connected");
  return {
    brain,
    client,
    page,
    seen,
    all: (type) => seen.filter((one) => one.type === type).map((one) => one.event) as never,
    async [Symbol.asyncDispose]() {
      page.close();
      await client.disconnect();
      await brain.close();
    },
  };
}

/** The list as soon as there is something in it. */
async function having<T>(list: () => T[]): Promise<T[]> {
  await until(() => list().length > 0, "it did not happen");
  return list();
}

const sentence = (letters: number) => new ToneVoice().synthesize("a".repeat(letters));
const loud = (page: FakeBrowser) => page.heard.filter(({ peak }) => peak > 1000);

describe("a page talks to a Realtime server", () => {
  test("what is said is heard by the server, and its answer by the page", async () => {
    await using kit = await talk({ hears: ["hello robot"], answers: ["good morning"] });
    kit.page.say(await sentence(15));
    await until(
      () => kit.all("transcript").some(({ role, final }) => role === "assistant" && final),
      "no answer",
    );
    const finals = kit.all("transcript").filter(({ final }) => final);
    expect(finals.map(({ role, text }) => `${role}: ${text}`)).toEqual([
      "user: hello robot",
      "assistant: good morning",
    ]);
    const [started] = kit.all("audioStart");
    expect(kit.all("audioEnd")).toEqual([{ itemId: started!.itemId, playedMs: 720, interrupted: false }]);
    // 720 ms of syllables, a quarter of which are pauses; coded and decoded again.
    expect(loud(kit.page).length).toBeGreaterThan(15);
    expect(kit.client.getPerformanceMetrics()).toMatchObject({ turns: 1, bargeIns: 0, packetsLost: 0 });
  });

  test("what is lost on the way is made up for, and counted", async () => {
    await using kit = await talk({ hears: ["hello robot"], answers: ["good morning"] });
    kit.page.lose = (offset) => offset % 10 === 5;
    kit.page.say(await sentence(15));
    await until(() => kit.all("audioEnd").length > 0, "no answer");
    const { packetsLost, packetsRecovered, packetsConcealed } = kit.client.getPerformanceMetrics();
    expect(packetsLost).toBeGreaterThan(4);
    expect(packetsRecovered + packetsConcealed).toBe(packetsLost);
    expect(packetsRecovered).toBeGreaterThan(packetsConcealed);
  });

  test("whoever speaks over the robot silences it, and the server learns what was heard", async () => {
    await using kit = await talk({ hears: ["tell me a story", "stop"], answers: ["b".repeat(120), "ok"] });
    kit.page.say(await sentence(15));
    await until(() => loud(kit.page).length > 25, "the robot does not speak");
    kit.page.say(await sentence(20));
    const truncate = await kit.brain.waitFor("conversation.item.truncate");
    const [end] = await having(() => kit.all("audioEnd"));
    expect(end!.interrupted).toBeTrue();
    expect(end!.playedMs).toBe(Number(truncate["audio_end_ms"]));
    expect(end!.playedMs).toBeLessThan(5000);
    const heard = kit.all("transcript").find(({ role, final }) => role === "assistant" && final);
    expect(heard!.text.length).toBeLessThan(120);
    const metrics = kit.client.getPerformanceMetrics();
    expect(metrics.bargeIns).toBe(1);
    expect(metrics.bargeInAverageMs).toBeLessThan(500);
    expect(kit.page.messages.map(({ type }) => type)).toContain("cut");
    // It is answered all the same.
    await until(
      () => kit.all("transcript").some(({ text, final }) => text === "ok" && final),
      "no second answer",
    );
  });

  test("a click makes the robot quieter for a moment, and it says all it had to say", async () => {
    const server = { vad: { ...VAD, threshold: 0.9 } };
    await using kit = await talk({ hears: ["tell me"], answers: ["b".repeat(40)] }, server);
    kit.page.say(await sentence(15));
    await until(() => loud(kit.page).length > 10, "the robot does not speak");
    kit.page.say(Int16Array.from({ length: 480 }, (_, i) => 700 * Math.sin(i / 5)));
    const [end] = await having(() => kit.all("audioEnd"));
    expect(end).toMatchObject({ interrupted: false, playedMs: 2400 });
    await until(() => kit.page.messages.some(({ type }) => type === "restore"), "it was not loud again");
    expect(kit.page.messages.at(0)).toEqual({ type: "duck", gain: 0.1 });
    expect(kit.client.getPerformanceMetrics().bargeIns).toBe(0);
    expect(kit.brain.received.map(({ type }) => type)).not.toContain("conversation.item.truncate");
  });

  test("a page that tells how late it hears is believed about what it heard", async () => {
    await using kit = await talk({ hears: ["tell me", "stop"], answers: ["b".repeat(120), "ok"] });
    kit.page.tell({ type: "playout", delay_ms: 400 });
    kit.page.say(await sentence(15));
    await until(() => loud(kit.page).length > 25, "the robot does not speak");
    expect(kit.client.getPerformanceMetrics().pageBufferMs).toBe(400);
    kit.page.say(await sentence(20));
    const truncate = await kit.brain.waitFor("conversation.item.truncate");
    const sentMs = kit.page.heard.filter(({ peak }) => peak > 0).length * 20;
    expect(Number(truncate["audio_end_ms"])).toBeLessThan(sentMs - 300);
  });

  test("two pages talk at the same time, each about its own", async () => {
    await using one = await talk({ hears: ["one"], answers: ["first"] });
    await using two = await talk({ hears: ["two"], answers: ["second"] });
    one.page.say(await sentence(15));
    two.page.say(await sentence(15));
    for (const [kit, text] of [
      [one, "first"],
      [two, "second"],
    ] as const) {
      await until(() => kit.all("transcript").some(({ role, final }) => role === "assistant" && final), text);
      expect(kit.all("transcript").find(({ role, final }) => role === "assistant" && final)!.text).toBe(text);
    }
  });

  test("a page that hangs up is noticed, and another may call", async () => {
    await using kit = await talk({ hears: ["again"], answers: ["here I am"] });
    kit.page.close();
    await until(() => !kit.client.isConnected(), "nobody noticed");
    expect(kit.all("connectionChange").at(-1)).toEqual({ link: "ready", page: "closed", connected: false });
    using second = await FakeBrowser.create();
    await second.accept(await kit.client.handleWebRTCOffer(await second.offer()));
    second.say(await sentence(15));
    await until(() => kit.all("transcript").some(({ text }) => text === "here I am"), "no answer");
  });

  test("disconnecting hangs up on the page", async () => {
    await using kit = await talk();
    await kit.client.disconnect();
    await kit.page.ended.promise;
    expect(kit.client.isConnected()).toBeFalse();
    await kit.client.disconnect();
  });

  test("nothing of a call is left in memory when it is over", async () => {
    const brain = await scriptBrain();
    const left: WeakRef<TalkClient>[] = [];
    const one = async () => {
      const client = createTalkClient({ url: brain.url, apiKey: "sk-test", env: {} });
      left.push(new WeakRef(client));
      using page = await FakeBrowser.create();
      await page.accept(await client.handleWebRTCOffer(await page.offer()));
      await until(() => page.channel.isOpen() && page.heard.length > 0, "no sound");
      await client.disconnect();
    };
    for (let i = 0; i < 8; i++) await one();
    // What a collector finds on the stack by chance stays.
    await until(
      () => {
        Bun.gc(true);
        return left.filter((client) => client.deref()).length <= 2;
      },
      () => `${left.filter((client) => client.deref()).length} of 8 clients are left`,
    );
    await brain.close();
  });

  test("a listener that throws disturbs neither the call nor the others", async () => {
    await using kit = await talk({ hears: ["hello"], answers: ["good morning"] });
    const broken = () => {
      throw new Error("broken");
    };
    for (const type of TYPES) kit.client.on(type, broken);
    kit.page.say(await sentence(15));
    await until(() => kit.all("audioEnd").length > 0, "no answer");
    expect(kit.all("error").every(({ code }) => code === "LISTENER_FAILED")).toBeTrue();
    expect(kit.all("error").length).toBeGreaterThan(0);
  });

  test("a server that refuses the key is told of, and the offer was answered all the same", async () => {
    const brain = await scriptBrain({ apiKey: "sk-right" });
    const client = createTalkClient({ url: brain.url, apiKey: "sk-wrong", env: {} });
    const errors: TalkEvents["error"][] = [];
    client.on("error", (error) => errors.push(error));
    using page = await FakeBrowser.create();
    await page.accept(await client.handleWebRTCOffer(await page.offer()));
    await expect(client.initialize()).rejects.toMatchObject({ code: "LINK_AUTH" });
    expect(errors).toMatchObject([{ code: "LINK_AUTH", fatal: true }]);
    expect(JSON.stringify(errors)).not.toContain("sk-wrong");
    await client.disconnect();
    await brain.close();
  });
});

describe("a safe summary", () => {
  const tools = [
    {
      name: "read_door",
      description: "Reads the door.",
      parameters: { type: "object", properties: { which: { type: "string" } } },
    },
  ];

  test("answers what the model wanted done, as a note it is asked to speak about", async () => {
    await using kit = await talk(
      {
        hears: ["is the door closed"],
        answers: (conversation) =>
          conversation.at(-1)?.kind === "user"
            ? { calls: [{ name: "read_door", arguments: { which: "front" } }] }
            : "The front door is closed.",
      },
      { tools, instructions: "You mind the house." },
    );
    kit.page.say(await sentence(15));
    const [action] = await having(() => kit.all("action"));
    expect(action).toMatchObject({ name: "read_door", arguments: { which: "front" } });
    const raw = { door: "front", closed: true, token: "f3a9c1" };
    kit.client.sendSafeSummary(`The ${raw.door} door is closed.`, { callId: action!.callId });
    const [told] = await having(() => kit.all("safeSummary"));
    expect(told).toEqual({ text: "The front door is closed.", callId: action!.callId });
    await until(
      () =>
        kit.all("transcript").some(({ role, text, final }) => role === "assistant" && final && text !== ""),
      "the model did not speak",
    );
    const sent = kit.brain.received.map(({ event }) => event);
    const items = sent.filter(({ type }) => type === "conversation.item.create").map(({ item }) => item);
    expect(items).toMatchObject([
      { type: "function_call_output", call_id: action!.callId },
      {
        type: "message",
        role: "system",
        content: [{ type: "input_text", text: "The front door is closed." }],
      },
    ]);
    const request = sent.findLast(({ type }) => type === "response.create") as {
      response: { instructions: string };
    };
    expect(request.response.instructions).toStartWith("You mind the house.\n\nTell the user");
    expect(JSON.stringify(sent)).not.toContain(raw.token);
  });

  test("waits for the answer that is under way", async () => {
    await using kit = await talk({ hears: ["hello"], answers: [{ say: "one", delayMs: 300 }, "two"] });
    kit.page.say(await sentence(15));
    await until(() => kit.brain.asked.length > 0, "nobody was asked");
    kit.client.sendSafeSummary("The kettle is on.");
    await until(() => kit.all("audioEnd").length === 2, "not both were said");
    expect(kit.all("transcript").filter(({ role, final }) => role === "assistant" && final)).toMatchObject([
      { text: "one" },
      { text: "two" },
    ]);
    expect(kit.all("error")).toEqual([]);
  });

  test("of data is refused, and nothing is sent", async () => {
    await using kit = await talk();
    expect(() => kit.client.sendSafeSummary('{"temperature":21.5}')).toThrow("it is JSON, not words");
    expect(kit.brain.received.map(({ type }) => type)).not.toContain("conversation.item.create");
  });
});

describe("a hostile page", () => {
  const junk = (length: number, seed = 1) =>
    Uint8Array.from({ length }, (_, i) => (Math.imul(i + seed, 2_654_435_761) >>> 13) & 0xff);
  const withHeader = (payload: Uint8Array, type = 111) =>
    Uint8Array.from([0x80, type, 0xff, 0xff, 0, 0, 0, 1, 0x10, 0x20, 0x30, 0x40, ...payload]);

  const ATTACKS: [string, (page: FakeBrowser) => void][] = [
    ["sends bytes that are no RTP", (page) => void page.sendRaw(junk(200))],
    ["sends one byte", (page) => void page.sendRaw(Uint8Array.of(0x80))],
    ["sends Opus that is none", (page) => void page.sendRaw(withHeader(junk(100)))],
    ["sends the largest packet", (page) => void page.sendRaw(withHeader(junk(1100)))],
    ["sends another codec", (page) => void page.sendRaw(withHeader(junk(160), 0))],
    [
      "sends 500 reports",
      (page) => {
        for (let i = 0; i < 500; i++) page.sendRaw(Uint8Array.from([0x80, 203, 0, 0, ...junk(8, i)]));
      },
    ],
    ["sends a claim of 15 sources", (page) => void page.sendRaw(Uint8Array.from([0x8f, 111, ...junk(12)]))],
    [
      "sends packets out of all order",
      (page) => {
        for (let i = 0; i < 300; i++) {
          const packet = Buffer.from(withHeader(Uint8Array.of(0xf8, 0xff, 0xfe)));
          packet.writeUInt16BE((i * 7919) & 0xffff, 2);
          page.sendRaw(packet);
        }
      },
    ],
    ["says nonsense on the channel", (page) => page.tell("{]")],
    ["says 4 kB of nonsense", (page) => page.tell("x".repeat(4000))],
    ["says bytes on the channel", (page) => void page.channel.sendMessageBinary(Buffer.from(junk(100)))],
    [
      "says a thousand things at once",
      (page) => {
        for (let i = 0; i < 1000; i++) page.tell({ type: "playout", delay_ms: i % 7 });
      },
    ],
    [
      "opens twenty more channels",
      (page) => {
        for (let i = 0; i < 20; i++) page.connection.createDataChannel(`more-${i}`);
      },
    ],
    ["opens the same channel again", (page) => void page.connection.createDataChannel("myna")],
  ];

  test("neither ends the call nor the program, whatever it sends", async () => {
    await using kit = await talk({ hears: ["hello", "hello"], answers: ["good morning"] });
    await until(() => kit.page.channel.isOpen(), "no channel");
    for (const [, attack] of ATTACKS) {
      attack(kit.page);
      await Bun.sleep(20);
      expect(kit.client.isConnected()).toBeTrue();
    }
    await until(() => (kit.client.counters()["messages_refused"] ?? 0) > 900, "it was listened to");
    // Its own sound may be spoilt; the next page's is not.
    using next = await FakeBrowser.create();
    await next.accept(await kit.client.handleWebRTCOffer(await next.offer()));
    next.say(await sentence(15));
    await until(
      () => kit.all("transcript").some(({ text }) => text === "good morning"),
      "no answer any more",
    );
  });

  test("and a stranger may throw what they like at the port of the call", async () => {
    await using kit = await talk({ hears: ["hello"], answers: ["good morning"] });
    const port = Number(/ \d+\.\d+\.\d+\.\d+ (\d+) typ host/.exec(kit.page.answer)?.[1]);
    expect(port).toBeGreaterThan(0);
    const socket = await Bun.udpSocket({ hostname: "127.0.0.1" });
    // STUN binding request (RFC 8489 §5): type, length, cookie, transaction; then attributes that are none.
    const stun = (length: number, body: Uint8Array) =>
      Buffer.concat([Buffer.from([0, 1, length >> 8, length & 255, 0x21, 0x12, 0xa4, 0x42]), junk(12), body]);
    const throws: Uint8Array[] = [
      junk(1),
      junk(1400),
      stun(0, new Uint8Array(0)),
      stun(0xffff, junk(20)),
      stun(24, Buffer.from([0, 6, 0xff, 0xff, ...junk(20)])),
      stun(8, Buffer.from([0, 6, 0, 4, 58, 58, 58, 58])),
      // DTLS: an alert, half a hello, a record that claims 64 kB.
      Buffer.from([21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 2, 40]),
      Buffer.from([22, 0xfe, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 1, 0, 0]),
      Buffer.from([23, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0xff, 0xff, ...junk(60)]),
      withHeader(junk(100)),
    ];
    for (let round = 0; round < 20; round++)
      for (const bytes of throws) socket.send(bytes, port, "127.0.0.1");
    await Bun.sleep(100);
    socket.close();
    expect(kit.client.isConnected()).toBeTrue();
    kit.page.say(await sentence(15));
    await until(() => kit.all("transcript").some(({ text }) => text === "good morning"), "no answer");
  });

  test("may offer what it likes: the program lives, and answers the next offer", async () => {
    const brain = await scriptBrain();
    const client = createTalkClient({ url: brain.url, apiKey: "sk-test", env: {} });
    const good = await (async () => {
      using page = await FakeBrowser.create();
      return await page.offer();
    })();
    const lines = good.split("\r\n");
    let answered = 0;
    // Each line left out, doubled, cut in half, and with its digits inflated.
    for (const [at, line] of lines.entries()) {
      const spoilt = [
        lines.toSpliced(at, 1),
        lines.toSpliced(at, 0, line),
        lines.with(at, line.slice(0, line.length / 2)),
        lines.with(at, line.replace(/\d+/g, "99999999999999999999")),
        lines.with(at, `${line}${"A".repeat(2000)}`),
      ];
      for (const one of spoilt) {
        const outcome = await Promise.race([
          client.handleWebRTCOffer(one.join("\r\n")).then(
            () => "answered",
            (error: { code?: string }) => error.code ?? String(error),
          ),
          Bun.sleep(5000).then(() => `hung at ${JSON.stringify(line)}`),
        ]);
        expect(["answered", "ARGUMENT_INVALID", "LINK_CLOSED"]).toContain(outcome);
        if (outcome === "answered") answered++;
      }
    }
    expect(answered).toBeGreaterThan(10);
    using page = await FakeBrowser.create();
    await page.accept(await client.handleWebRTCOffer(await page.offer()));
    await client.disconnect();
    await brain.close();
  });
});
