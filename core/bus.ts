import { RETAINED_TOPICS } from "./topics.ts";
import type { TopicName, Topics } from "./topics.ts";

type Handler = (event: unknown) => void;

/** Told of every handler that throws; the other handlers still run. */
export type HandlerFault = (owner: string, topic: string, error: unknown) => void;

class Topic {
  /** Replaced, never changed in place, so that a dispatch under way keeps its list. */
  handlers: Handler[] = [];
  owners: string[] = [];
  readonly retained: boolean;
  last: unknown = undefined;
  published = 0;

  constructor(name: string) {
    this.retained = RETAINED_TOPICS.has(name);
  }
}

/** Typed publish and subscribe: synchronous, in order of subscription, each handler isolated from the others. */
export class Bus {
  readonly #topics = new Map<string, Topic>();
  #taps: ((topic: string, event: unknown) => void)[] = [];
  #tapOwners: string[] = [];
  readonly #onFault: HandlerFault;
  #faults = 0;

  constructor(onFault: HandlerFault = () => {}) {
    this.#onFault = onFault;
  }

  publish<T extends TopicName>(topic: T, event: Topics[T]): void {
    const entry = this.#topics.get(topic) ?? this.#add(topic);
    entry.published++;
    if (entry.retained) entry.last = event;
    const handlers = entry.handlers;
    for (let i = 0; i < handlers.length; i++) {
      try {
        handlers[i]!(event);
      } catch (error) {
        this.#fault(entry.owners[i] ?? "?", topic, error);
      }
    }
    const taps = this.#taps;
    for (let i = 0; i < taps.length; i++) {
      try {
        taps[i]!(topic, event);
      } catch (error) {
        this.#fault(this.#tapOwners[i] ?? "?", topic, error);
      }
    }
  }

  /** A retained topic's last event is delivered before `on` returns. */
  on<T extends TopicName>(topic: T, handler: (event: Topics[T]) => void, owner = "core"): () => void {
    const entry = this.#topics.get(topic) ?? this.#add(topic);
    const added = handler as Handler;
    entry.handlers = [...entry.handlers, added];
    entry.owners = [...entry.owners, owner];
    if (entry.last !== undefined) {
      try {
        added(entry.last);
      } catch (error) {
        this.#fault(owner, topic, error);
      }
    }
    return once(() => {
      const at = entry.handlers.indexOf(added);
      entry.handlers = entry.handlers.toSpliced(at, 1);
      entry.owners = entry.owners.toSpliced(at, 1);
    });
  }

  /** Sees every event after the topic's own handlers. */
  tap(handler: (topic: string, event: unknown) => void, owner = "core"): () => void {
    this.#taps = [...this.#taps, handler];
    this.#tapOwners = [...this.#tapOwners, owner];
    return once(() => {
      const at = this.#taps.indexOf(handler);
      this.#taps = this.#taps.toSpliced(at, 1);
      this.#tapOwners = this.#tapOwners.toSpliced(at, 1);
    });
  }

  /** The last event of a retained topic. */
  last<T extends TopicName>(topic: T): Topics[T] | undefined {
    return this.#topics.get(topic)?.last as Topics[T] | undefined;
  }

  counters(): Record<string, unknown> {
    const published: Record<string, number> = {};
    for (const [name, topic] of this.#topics) if (topic.published > 0) published[name] = topic.published;
    return { published, handler_faults: this.#faults };
  }

  #add(name: string): Topic {
    const topic = new Topic(name);
    this.#topics.set(name, topic);
    return topic;
  }

  #fault(owner: string, topic: string, error: unknown): void {
    this.#faults++;
    this.#onFault(owner, topic, error);
  }
}

/** `run`, at the first call only. */
export function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}
