import { expect, it } from "vitest";
import { runResult } from "../../../test/support/run-result.ts";
import { TidemarkError } from "../../errors.ts";
import { formatResult, type Ran } from "./report.ts";

const result = runResult({
  runId: "r",
  recordsRead: 3,
  recordsWritten: 3,
  pages: 1,
  checkpoints: 1,
  durationMs: 12,
});

const watermarkOf = (ran: Ran, cursors = {}) =>
  /watermark +(.*)/.exec(formatResult({ ...result, ...cursors }, ran, process.stderr))?.[1];

it("a backfill says that it leaves the watermark, and not that there is none", () => {
  expect(watermarkOf("backfill")).toBe("left as it is");
  expect(watermarkOf("live")).toBe("none");
  expect(watermarkOf("live", { newCursor: "7" })).toBe("none → 7");
  expect(watermarkOf("dry run", { lowerBound: "7", newCursor: "9" })).toBe("7 → 9 (not moved)");
});

it("a run that failed before it read the stream's position says nothing of the watermark", () => {
  const error = new TidemarkError("ARGUMENT_INVALID", "since is no time");
  const failed = { runId: null, status: "failed", error } as const;
  expect(watermarkOf("live", failed)).toBeUndefined();
  expect(watermarkOf("live", { ...failed, lowerBound: "7", newCursor: "7" })).toBe("7, unchanged");
  expect(watermarkOf("live", { ...failed, runId: "r" })).toBe("none");
});
