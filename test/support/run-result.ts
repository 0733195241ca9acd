import type { RunResult } from "../../src/engine/run/result.ts";

/** What came of a completed run that did nothing, but for what is given. */
export function runResult(given: Partial<RunResult> = {}): RunResult {
  return {
    pipeline: "events",
    connector: "acme",
    stream: "events",
    status: "completed",
    runId: null,
    recordsRead: 0,
    recordsWritten: 0,
    recordsRefused: 0,
    recordsDeadLettered: 0,
    filters: [],
    pages: 0,
    checkpoints: 0,
    lowerBound: null,
    newCursor: null,
    durationMs: 0,
    warnings: [],
    error: null,
    ...given,
  };
}
