import { z } from "zod";

/** Keys of a plugin that sends sound as Opus: the same words and limits for all. */
export const OPUS_KEYS = {
  bitrate_bps: z
    .number()
    .int()
    .min(6000)
    .max(128_000)
    .default(32_000)
    .describe("Sound that is sent, bits a second"),
  complexity: z
    .number()
    .int()
    .min(0)
    .max(10)
    .default(5)
    .describe("Effort of the Opus encoder: quality against CPU"),
  expected_loss_percent: z
    .number()
    .int()
    .min(0)
    .max(50)
    .default(5)
    .describe("Packet loss that what is sent is protected against (in-band FEC); 0 is none"),
};
