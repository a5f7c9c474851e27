/**
 * Where a scripted fault strikes: when a client asks for the socket ("upgrade"), before or after the server sends an event
 * ("before:response.done"), or when it received one ("received:session.update"). With "*" in place of the type, any event.
 */
export type FaultPoint = "upgrade" | `before:${string}` | `after:${string}` | `received:${string}`;

/** What goes wrong. */
export type FaultAction =
  /** The TCP connection dies without a close frame: the client sees 1006. */
  | { kind: "drop" }
  | { kind: "close"; code: number; reason?: string }
  /** Refuses the upgrade; only at "upgrade". */
  | { kind: "http"; status: number; body?: string; headers?: Record<string, string> }
  /** Nothing more goes out, for `ms` or for ever; what was held back follows then. */
  | { kind: "stall"; ms?: number }
  /** The event itself is not sent, or the client's event is ignored. */
  | { kind: "swallow" }
  /** The event is sent twice, with the same event_id. */
  | { kind: "repeat" }
  /** The event comes `ms` late; others overtake it. */
  | { kind: "delay"; ms: number }
  /** One more frame: an object as an event, a string as it is (it need not be JSON), bytes as a binary frame. */
  | { kind: "inject"; frame: Record<string, unknown> | string | Uint8Array<ArrayBuffer> };

export interface Fault {
  at: FaultPoint;
  /** Strikes at this occurrence of the point, counted over all sessions from 1; every time when 0. 1 if not given. */
  nth?: number;
  do: FaultAction;
}

/** The faults of a script and how often each point was passed. */
export class Faults {
  #byPoint = new Map<string, { fault: Fault; passed: number }[]>();

  constructor(faults: readonly Fault[] = []) {
    for (const fault of faults) this.add(fault);
  }

  /** May be called while sessions run; counts from now. */
  add(fault: Fault): void {
    const entries = this.#byPoint.get(fault.at) ?? [];
    entries.push({ fault, passed: 0 });
    this.#byPoint.set(fault.at, entries);
  }

  /** The actions due at this passing of a point. */
  at(point: FaultPoint): FaultAction[] {
    if (this.#byPoint.size === 0) return [];
    const due: FaultAction[] = [];
    const any = `${point.slice(0, point.indexOf(":"))}:*`;
    for (const entry of [...(this.#byPoint.get(point) ?? []), ...(this.#byPoint.get(any) ?? [])]) {
      entry.passed += 1;
      const nth = entry.fault.nth ?? 1;
      if (nth === 0 || nth === entry.passed) due.push(entry.fault.do);
    }
    return due;
  }

  /** False when there is nothing to look for. */
  get any(): boolean {
    return this.#byPoint.size > 0;
  }
}
