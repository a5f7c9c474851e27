import { withoutSecretFields } from "myna";
import type { PluginContext, Topics } from "myna";
import { bounded } from "./bounded.ts";
import type { LiveModel } from "./live-model.ts";
import type { Talk } from "./wire.ts";

type Motion = Topics["motion.stopped"];

/** How a stream of intents ends when nothing stands in its way. */
const BY_HAND: ReadonlySet<string> = new Set(["lease", "stopped", "superseded"]);

/** What was said, heard, cut off and done, as entries of the list "talk". */
export class Conversation {
  readonly #model: LiveModel;
  #link = "";
  #typing = false;

  constructor(ctx: Pick<PluginContext, "on">, model: LiveModel) {
    this.#model = model;
    ctx.on("user.transcript", ({ item_id, text, final }) => {
      const at = this.#at("user", item_id);
      const typed = this.#typing || this.#typed(item_id);
      this.#put(item_id, { kind: "user", at, text, final, typed });
    });
    ctx.on("assistant.transcript", (event) => this.#spoken(event));
    ctx.on("assistant.interrupted", ({ played_ms }) =>
      this.note(`interrupted after ${(played_ms / 1000).toFixed(1)} s`),
    );
    ctx.on("assistant.resumed", ({ rest_ms }) =>
      this.note(`nobody spoke after all: goes on with the last ${(rest_ms / 1000).toFixed(1)} s`),
    );
    ctx.on("tool.started", ({ call_id, name, arguments: given }) =>
      this.#put(call_id, {
        kind: "tool",
        at: performance.now(),
        name,
        arguments: bounded(given),
        progress: null,
        motion: "",
        state: "running",
        result: null,
        code: "",
        duration_ms: null,
      }),
    );
    ctx.on("tool.progress", ({ call_id, progress }) => {
      const tool = this.#tool(call_id);
      if (tool) this.#put(call_id, { ...tool, progress: bounded(progress) });
    });
    ctx.on("tool.finished", ({ call_id, ok, result, code, duration_ms }) => {
      const tool = this.#tool(call_id);
      if (!tool) return;
      const state = ok ? "done" : "failed";
      this.#put(call_id, { ...tool, state, result: bounded(result), code: code ?? "", duration_ms });
    });
    ctx.on("motion.stopped", (motion) => this.#moved(motion));
    ctx.on("keyword.heard", ({ phrase, role }) => this.note(`heard "${phrase}" (${role} word)`));
    ctx.on("session.error", ({ code, message }) => this.note(`${code}: ${message}`, "bad"));
    ctx.on("response.finished", ({ status, message }) => {
      if (status === "failed" || status === "incomplete")
        this.note(`the answer is ${status}${message === undefined ? "" : `: ${message}`}`, "bad");
    });
    ctx.on("session.hung_up", ({ reason }) =>
      this.note(
        reason === "idle" ? "hung up: nobody spoke; speak or type to go on" : "hung up: the budget is spent",
      ),
    );
    ctx.on("budget.warned", ({ spent_usd, cap_usd }) =>
      this.note(`$${spent_usd.toFixed(2)} of $${cap_usd.toFixed(2)} are spent`, "bad"),
    );
    ctx.on("session.state_changed", ({ state }) => {
      if (this.#link === "ready" && state !== "ready") {
        this.#settle();
        this.note("the link to the Realtime server is down", "bad");
      }
      if (this.#link !== "" && this.#link !== "ready" && state === "ready")
        this.note("the link is up", "good");
      this.#link = state;
    });
  }

  /** `say` hands a typed sentence to the session, which tells it as what the user said; nothing is told of an order to stop. */
  typed(text: string, say: () => void): void {
    const before = this.#model.revision;
    this.#typing = true;
    try {
      say();
    } finally {
      this.#typing = false;
    }
    if (this.#model.revision === before)
      this.#put(key(), { kind: "user", at: performance.now(), text, final: true, typed: true });
  }

  note(text: string, tone: "plain" | "good" | "bad" = "plain"): void {
    this.#put(key(), { kind: "note", at: performance.now(), tone, text });
  }

  #spoken({ item_id, text: said, final, interrupted }: Topics["assistant.transcript"]): void {
    const text = String(withoutSecretFields(said));
    const before = this.#model.entry("talk", item_id);
    const at = this.#at("robot", item_id);
    const received = before?.kind === "robot" ? before.text : "";
    if (!final) {
      this.#put(item_id, { kind: "robot", at, text, heard_chars: null, state: "speaking" });
    } else if (interrupted) {
      // The last event holds what was heard; what was received before it may be more.
      const heard = text.trimEnd();
      const whole = received.startsWith(heard) ? received : heard;
      this.#put(item_id, { kind: "robot", at, text: whole, heard_chars: heard.length, state: "interrupted" });
    } else {
      this.#put(item_id, { kind: "robot", at, text, heard_chars: null, state: "heard" });
    }
  }

  /** What was being understood on a link that is gone is told anew on the next one, by another id. */
  #settle(): void {
    for (;;) {
      const open = this.#model.newest("talk", (entry) => entry.kind === "user" && !entry.final);
      if (open?.value.kind !== "user") return;
      this.#put(open.key, { ...open.value, final: true });
    }
  }

  #moved(motion: Motion): void {
    // A hand that drives ends its stream with every stop: that is no part of a conversation.
    if (motion.kind === "drive" && BY_HAND.has(motion.ended)) return;
    const running = this.#model.newest("talk", (entry) => entry.kind === "tool" && entry.state === "running");
    const text = motionText(motion);
    if (motion.kind !== "drive" && running?.value.kind === "tool")
      this.#put(running.key, { ...running.value, motion: text });
    else this.note(text);
  }

  #tool(callId: string): Extract<Talk, { kind: "tool" }> | undefined {
    const entry = this.#model.entry("talk", callId);
    return entry?.kind === "tool" ? entry : undefined;
  }

  /** When the entry began; now for a new one. */
  #at(kind: Talk["kind"], key: string): number {
    const entry = this.#model.entry("talk", key);
    return entry?.kind === kind ? entry.at : performance.now();
  }

  #put(key: string, entry: Talk): void {
    this.#model.put("talk", key, withoutSecretFields(entry) as Talk);
  }

  #typed(itemId: string): boolean {
    const entry = this.#model.entry("talk", itemId);
    return entry?.kind === "user" && entry.typed;
  }
}

/** Of an entry that has no id of its own. */
function key(): string {
  return `console_${crypto.randomUUID()}`;
}

/** "drove 0.50 m, obstacle". */
function motionText({ kind, ended, moved_m, turned_deg }: Motion): string {
  const way = `${moved_m < 0 ? "backed" : "drove"} ${Math.abs(moved_m).toFixed(2)} m`;
  const turn = `turned ${Math.round(turned_deg)}°`;
  const did = kind === "turn" ? turn : Math.abs(turned_deg) >= 1 ? `${way}, ${turn}` : way;
  return `body: ${did} (${ended.replaceAll("_", " ")})`;
}
