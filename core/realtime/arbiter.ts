import type { ClientEvent, ServerFault } from "./events.ts";
import { newId } from "./events.ts";

/** After the robot's own ears heard speech, how long the server may take to hear it too. */
const EARS_MS = 1500;

/** A link that turns out to be dead so long after a request was given up never carried it: longer than pings take. */
const UNHEARD_MS = 60_000;

/** What {@link Arbiter} works with. */
export interface ArbiterDeps {
  send: (event: ClientEvent) => void;
  /** True when the link is ready. */
  ready: () => boolean;
  /** The server answers by itself when the user has spoken. */
  answersItself: boolean;
  /** Time limit for the server to begin a response, ms. */
  responseMs: number;
  /** The server did not begin a response in time; the wish for it is given up. */
  onTimeout: () => void;
  /** How long no response may be asked for, ms; asked before each request. */
  holdMs?: () => number;
  /** True where a request that was refused with this error shall be made again when {@link holdMs} allows. */
  again?: (fault: ServerFault) => boolean;
}

/** Somebody wants an answer of the model. */
export interface Wish {
  instructions: string | undefined;
  /** Wanted by the tool loop: what the server answers by itself to the user's next words covers it. */
  automatic: boolean;
}

/** A `response.create` under way. */
interface Request extends Wish {
  eventId: string;
  /** "sent": nothing heard; "assumed": a response began that does not say whose it is; "confirmed": ours began. */
  state: "sent" | "assumed" | "confirmed";
  /** Cancel it as soon as it begins. */
  unwanted: boolean;
  /** A response ended since it was sent. */
  overtaken: boolean;
}

/** A wish for an answer under further instructions: a response's own replace those of the session, which go in front. */
export function wishOf(
  session: { instructions: string },
  instructions: string | undefined,
): { instructions?: string } {
  if (instructions === undefined) return {};
  return {
    instructions: session.instructions === "" ? instructions : `${session.instructions}\n\n${instructions}`,
  };
}

/**
 * The only place that asks for responses and cancels them: at most one is outstanding, wishes that come meanwhile
 * become one, and one that the server refused because of a race is asked again once after the running one.
 */
export class Arbiter {
  readonly #deps: ArbiterDeps;
  #wish: Wish | null = null;
  #request: Request | null = null;
  /** The last request that ended without a word whose response it was: its refusal may still come. */
  #doubtful: Request | null = null;
  /** The last request that was given up; the server has said nothing since, so its link may be dead. */
  #givenUp: { request: Request; atMs: number } | null = null;
  /** Response that runs at the server. */
  #active: string | null = null;
  #cancelled = "";
  /** The user speaks, or has spoken and the server is about to answer. */
  #turn: "none" | "speaking" | "answer_due" = "none";
  /** Speech of the user is in the conversation, and the server has not begun to answer it. */
  #owed = false;
  /** What the user said so far is to have no answer: one that begins is cancelled, until they speak anew. */
  #dismissed = false;
  #turnTimer: ReturnType<typeof setTimeout> | undefined;
  #requestTimer: ReturnType<typeof setTimeout> | undefined;
  #holdTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #counters = { asked: 0, coalesced: 0, retried: 0, cancelled: 0, timed_out: 0, reminded: 0 };

  constructor(deps: ArbiterDeps) {
    this.#deps = deps;
  }

  /** The response that runs at the server, ours or its own; null when there is none. */
  get active(): string | null {
    return this.#active;
  }

  /** Nothing runs, nothing is wanted and the user is silent. */
  get atRest(): boolean {
    return !this.#wish && !this.#request && this.#active === null && this.#turn === "none";
  }

  /** The server hears the user. */
  get hears(): boolean {
    return this.#turn === "speaking";
  }

  /** The server is to do the next thing: it was asked, it answers, or the user speaks to it. */
  get awaits(): boolean {
    return this.#request !== null || this.#active !== null || this.#turn !== "none";
  }

  /** Asks for an answer, now or as soon as that is allowed. */
  want(wish: { instructions?: string | undefined; automatic?: boolean } = {}): void {
    if (this.#wish) this.#counters.coalesced++;
    this.#wish = {
      instructions: wish.instructions ?? this.#wish?.instructions,
      automatic: (wish.automatic ?? false) && (this.#wish?.automatic ?? true),
    };
    this.pump();
  }

  /** The server said something: its link is alive, and what it did not answer it does not mean to. */
  heard(): void {
    this.#givenUp = null;
  }

  /** Sends the waiting wish if nothing stands against it. */
  pump(): void {
    if (!this.#wish || this.#request || this.#active !== null || this.#turn !== "none") return;
    if (!this.#deps.ready()) return;
    clearTimeout(this.#holdTimer);
    const holdMs = this.#deps.holdMs?.() ?? 0;
    if (holdMs > 0) {
      this.#holdTimer = setTimeout(() => this.pump(), holdMs);
      return;
    }
    const request: Request = {
      ...this.#wish,
      eventId: newId("event"),
      state: "sent",
      unwanted: false,
      overtaken: false,
    };
    this.#wish = null;
    this.#doubtful = null;
    this.#request = request;
    this.#counters.asked++;
    this.#requestTimer = setTimeout(() => this.#giveUp(request), this.#deps.responseMs);
    this.#deps.send({
      type: "create_response",
      eventId: request.eventId,
      instructions: request.instructions,
    });
  }

  /**
   * Silences the model: cancels what runs or is about to, unless the server does so by itself. A wish that waits is
   * forgotten when it is one of the tool loop, or when `all` is.
   */
  stop({ serverCancels = false, all = false }: { serverCancels?: boolean; all?: boolean } = {}): void {
    if (all || this.#wish?.automatic) this.#wish = null;
    if (all || this.#givenUp?.request.automatic) this.#givenUp = null;
    if (this.#request?.state === "sent") this.#request.unwanted = true;
    if (this.#active !== null && !serverCancels) this.#cancel(this.#active);
  }

  /** The user wants nothing of what they asked for: as {@link stop} for all, and what the server is about to answer as well. */
  dismiss(): void {
    this.stop({ all: true });
    this.#owed = false;
    this.#dismissed = this.#deps.answersItself;
  }

  /** True where the response is unwanted by now and was cancelled at once. */
  created(responseId: string, clientEventId: string | undefined): boolean {
    this.#active = responseId;
    this.#owed = false;
    const request = this.#request;
    const ours =
      request?.state === "sent" && (clientEventId === undefined || clientEventId === request.eventId);
    if (this.#dismissed && (!ours || (clientEventId === undefined && this.#turn === "answer_due"))) {
      this.#endTurn();
      this.#cancel(responseId);
      return true;
    }
    if (ours) {
      clearTimeout(this.#requestTimer);
      request.state = clientEventId === undefined ? "assumed" : "confirmed";
      // What may as well be the server's own answer to the user is not cancelled on a guess.
      if (request.unwanted && (request.state === "confirmed" || this.#turn !== "answer_due")) {
        this.#cancel(responseId);
        return true;
      }
    }
    if (this.#turn === "answer_due") {
      this.#endTurn();
      // The model answers the user's words with the results of the tools before its eyes.
      if (this.#wish?.automatic) this.#wish = null;
    }
    return false;
  }

  /** Returns the wish that the response answered, where it was one of ours. */
  done(responseId: string, clientEventId: string | undefined): Wish | null {
    if (this.#active !== null && this.#active !== responseId) return null;
    this.#active = null;
    const request = this.#request;
    const ours = request && (request.state !== "sent" || clientEventId === request.eventId);
    if (ours) {
      if (request.state === "assumed") this.#doubtful = request;
      this.#forget();
    } else if (request) request.overtaken = true;
    this.pump();
    return ours ? request : null;
  }

  /**
   * Takes errors that concern responses; false for all others. A refused request becomes a wish again: it is sent
   * after the running response, or after the server's silence where none is known to run.
   */
  fault(fault: ServerFault): boolean {
    const request = this.#request ?? this.#doubtful;
    const named = request !== null && fault.eventId === request.eventId;
    if (fault.code === "conversation_already_has_active_response") {
      if (request && (named || fault.eventId === undefined) && request.state !== "confirmed") {
        const over = request.overtaken || request === this.#doubtful;
        this.#doubtful = null;
        this.#forget();
        if (!request.unwanted) this.#retry(request, over);
      } else if (!request && this.#turn === "answer_due") {
        // The server's own answer to the user was refused: a response runs that nobody cancelled.
        this.#endTurn();
        if (this.#owed) this.#remind();
        this.pump();
      }
      return true;
    }
    if (fault.code === "response_cancel_not_active") return true;
    if (!named) return false;
    this.#forget();
    const again = !request.unwanted && (this.#deps.again?.(fault) ?? false);
    if (again) this.#wish ??= { instructions: request.instructions, automatic: request.automatic };
    this.pump();
    return again;
  }

  /** The server hears the user speak; `dismissed` where they began before {@link dismiss}. */
  speechStarted(dismissed = false): void {
    this.#dismissed &&= dismissed;
    this.#endTurn();
    if (this.#deps.answersItself) this.#turn = "speaking";
  }

  /** The server heard the end of an utterance; with its own answering, a response is due. */
  speechStopped(): void {
    if (this.#deps.answersItself) this.#awaitAnswer(this.#deps.responseMs);
  }

  /** What the user said is in the conversation: where the server answers by itself, it owes that. */
  committed(): void {
    this.#owed = this.#deps.answersItself && !this.#dismissed;
  }

  /** The robot's own ears hear speech, before the server says so. */
  speechNoticed(): void {
    if (this.#deps.answersItself && this.#turn === "none") this.#awaitAnswer(EARS_MS);
  }

  /**
   * The link is gone. What was asked for and not answered is wanted of the next session; `whole` where the running
   * response needs no other: all of it that matters is here.
   */
  linkLost(whole: boolean): void {
    const request = this.#request;
    const wish = this.#wish;
    const unheard = this.#givenUp;
    const cut = this.#active !== null && this.#cancelled === this.#active;
    const ours = request !== null && request.state !== "sent";
    const asked = request !== null && !request.unwanted && (!ours || (!whole && !cut));
    const running = this.#active !== null && !ours && !whole && !cut;
    this.reset();
    if (wish) this.#wish = wish;
    if (asked) this.want({ instructions: request.instructions, automatic: request.automatic });
    if (running) this.want({ automatic: true });
    if (unheard && performance.now() - unheard.atMs < UNHEARD_MS) this.want(unheard.request);
  }

  /** The session hears again what the user said: its own answer to that comes first. */
  answerDue(): void {
    if (this.#deps.answersItself) this.#awaitAnswer(this.#deps.responseMs);
  }

  /** The link is gone for long or for good: what was wanted is forgotten. */
  reset(): void {
    clearTimeout(this.#holdTimer);
    this.#forget();
    this.#endTurn();
    this.#active = null;
    this.#doubtful = null;
    this.#givenUp = null;
    this.#wish = null;
    this.#owed = this.#dismissed = false;
  }

  counters(): Record<string, number> {
    return { ...this.#counters };
  }

  #retry(request: Request, over: boolean): void {
    this.#counters.retried++;
    this.#wish ??= { instructions: request.instructions, automatic: request.automatic };
    if (over) this.pump();
    // A response runs of which we have not heard: its end pumps, or, where that gets lost, the time limit.
    else if (this.#active === null) this.#awaitAnswer(this.#deps.responseMs);
  }

  #cancel(responseId: string): void {
    if (this.#cancelled === responseId) return;
    this.#cancelled = responseId;
    this.#counters.cancelled++;
    this.#deps.send({ type: "cancel_response", eventId: newId("event"), responseId });
  }

  #awaitAnswer(limitMs: number): void {
    this.#endTurn();
    this.#turn = "answer_due";
    this.#turnTimer = setTimeout(() => {
      this.#turn = "none";
      if (this.#owed) this.#remind();
      this.pump();
    }, limitMs);
  }

  /** The server took what the user said and does not answer it: it is asked to. */
  #remind(): void {
    this.#owed = false;
    this.#counters.reminded++;
    this.#wish ??= { instructions: undefined, automatic: true };
  }

  #endTurn(): void {
    clearTimeout(this.#turnTimer);
    this.#turn = "none";
  }

  #giveUp(request: Request): void {
    if (this.#request !== request) return;
    this.#request = null;
    if (!request.unwanted) this.#givenUp = { request, atMs: performance.now() };
    this.#counters.timed_out++;
    this.#deps.onTimeout();
    this.pump();
  }

  #forget(): void {
    clearTimeout(this.#requestTimer);
    this.#request = null;
  }
}
