import { MynaError, definePlugin } from "myna";
import type { LineReading } from "myna";
import { z } from "zod";
import { grayscaleStep } from "./calibration.ts";
import { readLine } from "./read-line.ts";

/** At rest the motion process tells what it sees twice a second. */
const FRESH_MS = 1500;

const reference = z.number().int().min(0).max(4095);
const references = z.tuple([reference, reference, reference]);

/** The three grayscale sensors of the PiCar-X: the motion process reads them, for its guard; this tells lines from floor. */
export default definePlugin({
  name: "line-grayscale",
  config: z.object({
    /** Raw values of left, middle and right: at or below, there is a line. */
    line_reference: references.default([1000, 1000, 1000]),
    /** At or below, there is no floor. */
    cliff_reference: references.default([200, 200, 200]),
  }),
  requires: ["body"],
  provides: ["line"],
  calibrate: { grayscale: grayscaleStep },
  setup(ctx) {
    const { line_reference, cliff_reference } = ctx.config;
    const body = ctx.use("body");
    const handlers = new Set<(reading: LineReading) => void>();
    ctx.defer(
      body.onState(({ grayscale }) => {
        if (!grayscale || handlers.size === 0) return;
        const reading = readLine(grayscale, line_reference, cliff_reference);
        for (const handler of handlers) handler(reading);
      }),
    );
    const read = (): LineReading => {
      const state = body.state();
      if (!state?.grayscale || performance.now() - state.atMs > FRESH_MS)
        throw new MynaError("DEVICE_FAILED", "the line sensors tell nothing");
      return readLine(state.grayscale, line_reference, cliff_reference);
    };
    ctx.provide("line", {
      read,
      onReading(handler) {
        handlers.add(handler);
        return () => handlers.delete(handler);
      },
    });
    ctx.inspect(() => {
      const raw = body.state()?.grayscale;
      return raw ? { left: raw[0], middle: raw[1], right: raw[2] } : {};
    });
  },
});
