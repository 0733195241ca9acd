import { z } from "zod";
import { readableBy } from "../inputs/readable-by.ts";
import { parsePrecision, precisionNanoseconds } from "../model/precision.ts";

const shortestMs = 1000;
const longestMs = 7 * 24 * 60 * 60 * 1000;

/** The setting that limits a run's whole time. */
export const deadlineSchema = z
  .string()
  .superRefine(readableBy(deadlineMs))
  .optional()
  .describe(
    "How long one run may take, such as `30m` or `PT2H` (1 s to 7 days). The run then fails after its next checkpoint, and a later run goes on from there. A run that hangs is cut off 30 s later. Default: no limit.",
  );

/** A deadline in whole milliseconds. Throws for what is no length of time, for less than 1 s and more than 7 days. */
export function deadlineMs(text: string): number {
  const milliseconds = Number(precisionNanoseconds(parsePrecision(text)) / 1_000_000n);
  if (milliseconds < shortestMs || milliseconds > longestMs) throw new Error("must be from 1 s to 7 days");
  return milliseconds;
}
