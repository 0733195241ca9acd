import { type Finding, settingError, settingWarning } from "../findings.ts";
import { jitterMs } from "./schedule-keys.ts";
import type { InputConfig } from "./schema.ts";

/** When `tidemark start` runs a pipeline. */
export interface DeclaredSchedule {
  readonly expression: string;
  readonly timezone: string;
  /** How much later than scheduled a run may begin, in milliseconds. */
  readonly jitterMs: number;
}

/** When an input is to be read; null where it does not say. */
export function declaredSchedule({ schedule, timezone, jitter }: InputConfig): DeclaredSchedule | null {
  if (schedule === undefined) return null;
  return { expression: schedule, timezone, jitterMs: jitter === undefined ? 0 : jitterMs(jitter) };
}

/** The errors and warnings about an input's schedule. */
export async function scheduleFindings({ schedule, timezone, jitter }: InputConfig): Promise<Finding[]> {
  if (schedule === undefined) {
    if (jitter === undefined) return [];
    const message = "`jitter` means nothing without a `schedule`";
    return [settingError("CONFIG_INCOHERENT", ["input", "jitter"], message, { part: "key" })];
  }
  const key = JSON.stringify([schedule, timezone]);
  const known = checked.get(key);
  if (known !== undefined) return [...known];
  const findings = await expressionFindings(schedule, timezone);
  if (checked.size === mostChecked) checked.clear();
  checked.set(key, findings);
  return findings;
}

/** Checking an expression takes most of the time of a stream's check, and many streams have the same. */
const checked = new Map<string, readonly Finding[]>();
const mostChecked = 1000;

async function expressionFindings(schedule: string, timezone: string): Promise<Finding[]> {
  // Loaded here, since most pipelines are run by another clock than ours.
  const { cronProblem, parseCron } = await import("../model/cron.ts");
  const path = ["input", "schedule"];
  const problem = cronProblem(schedule);
  if (problem !== null) {
    const { message, offset } = problem;
    return [settingError("VALUE_INVALID", path, `\`input.schedule\`: ${message}`, { offset })];
  }
  if (parseCron(schedule, timezone).next(someTime) !== null) return [];
  const message = "no such time ever comes, so the pipeline is never run";
  return [settingWarning("SCHEDULE_NEVER", path, message, { part: "value" })];
}

/** Expressions know no years, so that any time will do to ask what follows it. */
const someTime = Date.UTC(2026, 0, 1);
