/**
 * Compile-time only: the events of `openai` are ours, by name and by shape. A name, a field or a kind of value that one
 * of the two sides does not have is an error of `bun check` in this file. What is left open on purpose stands below.
 */
import type { RealtimeClientEvent, RealtimeServerEvent } from "openai/resources/realtime/realtime";
import type { ClientEventType, ClientWireEvent, ServerEventType, ServerWireEvent } from "myna/realtime";

type Theirs<All extends { type: string }, T> = Extract<All, { type: T }>;

/** Nothing is in one list and not in the other. */
type Missing<A, B> = [Exclude<A, B>, Exclude<B, A>] extends [never, never]
  ? true
  : { onlyInFirst: Exclude<A, B>; onlyInSecond: Exclude<B, A> };

/** How deep fields are compared; the deepest are those of a session's tools. */
type Depth = [never, 0, 1, 2, 3, 4, 5, 6];

/** Left open: JSON Schema, headers, metadata and variables of a prompt are anybody's keys. */
type Open = "parameters" | "headers" | "metadata" | "variables" | "input_schema" | "annotations";

/** Paths of all fields, through lists and alternatives: "response.output.content.text". */
type Paths<T, D extends number = 7> = [D] extends [never]
  ? never
  : T extends readonly (infer Item)[]
    ? Paths<Item, Depth[D]>
    : T extends object
      ? {
          [K in keyof T & string]:
            K | (K extends Open ? never : `${K}.${Paths<NonNullable<T[K]>, Depth[D]>}`);
        }[keyof T & string]
      : never;

type SameFields<Ours, Theirs> = Missing<Paths<Ours>, Paths<Theirs>>;

/** What they receive, we can take. */
type Taken<Their, Our> = [Their] extends [Our] ? true : { notTaken: Their };

type ServerFields = {
  [T in ServerEventType]: SameFields<ServerWireEvent<T>, Theirs<RealtimeServerEvent, T>>;
};
type ServerTaken = {
  [T in ServerEventType]: Taken<Theirs<RealtimeServerEvent, T>, ServerWireEvent<T>>;
};
type ClientFields = {
  [T in ClientEventType]: SameFields<ClientWireEvent<T>, Theirs<RealtimeClientEvent, T>>;
};
type ClientTaken = {
  [T in ClientEventType]: Taken<Theirs<RealtimeClientEvent, T>, ClientWireEvent<T>>;
};

type AllTrue<Record> = { [T in keyof Record]: true };

/** Each line fails to compile where its table has anything but `true`; the message names event and field. */
export type Judged = [
  Check<true, Missing<ServerEventType, RealtimeServerEvent["type"]>>,
  Check<true, Missing<ClientEventType, RealtimeClientEvent["type"]>>,
  Check<AllTrue<ServerFields>, ServerFields>,
  Check<AllTrue<ServerTaken>, ServerTaken>,
  Check<AllTrue<ClientFields>, ClientFields>,
  Check<AllTrue<ClientTaken>, ClientTaken>,
];

type Check<Wanted, Found extends Wanted> = Found;
