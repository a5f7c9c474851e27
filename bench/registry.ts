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
};
