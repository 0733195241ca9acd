import { z } from "zod";
import { readableBy } from "../inputs/readable-by.ts";
import { timezoneSchema } from "../inputs/time-zone-schema.ts";
import { parsePrecision, precisionNanoseconds } from "../model/precision.ts";

const longestJitterMs = 24 * 60 * 60 * 1000;

/**
 * The keys of an input that say when a pipeline runs, the same for every type of input. `schedule.ts` checks the
 * cron expression together with its time zone.
 */
export const scheduleKeys = {
  schedule: z
    .string()
    .min(1)
    .optional()
    .describe(
      "When `tidemark start` runs the pipeline: a cron expression of five fields (minute, hour, day of the month, month, day of the week), of six with seconds first, or @hourly, @daily, @weekly, @monthly, @yearly.",
    ),
  timezone: timezoneSchema
    .default("UTC")
    .describe("IANA time zone of the schedule, such as `Europe/Berlin`."),
  jitter: z
    .string()
    .superRefine(readableBy(jitterMs))
    .optional()
    .describe(
      "How much later than scheduled a run may begin, such as `30s` or `PT5M` (a day at most). The delay is random, so that many pipelines do not start at once. Default: none.",
    ),
};

/** A jitter in whole milliseconds. Throws for what is no length of time, and for more than a day. */
export function jitterMs(text: string): number {
  const milliseconds = Number(precisionNanoseconds(parsePrecision(text)) / 1_000_000n);
  if (milliseconds > longestJitterMs) throw new Error("must be a day at most");
  return milliseconds;
}
