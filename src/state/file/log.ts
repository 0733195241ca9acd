import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { z } from "zod";
import { TidemarkError } from "../../errors.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { readAuditRecord, readRunRow } from "../codec.ts";
import type { AuditRecord } from "../contract.ts";
import { isoTime, type RunRow } from "../rows.ts";

/**
 * A stream's history and audit log: one JSON line for each run as it began and as it ended, and for
 * each audited act. Lines beyond the length that the stream's file commits to do not count.
 */
export interface LogLines {
  /** Runs in the order in which they began, each as its last line has it. */
  readonly runs: readonly { readonly number: number; readonly run: RunRow }[];
  readonly audit: readonly AuditRecord[];
}

const lineSchema = z.union([
  z.strictObject({ run: z.record(z.string(), z.unknown()) }),
  z.strictObject({ audit: z.record(z.string(), z.unknown()) }),
]);

/** Reads the committed part; `bytes` null takes all whole lines, where no file says how much counts. */
export function readLog(file: string, key: StreamKey, bytes: number | null): LogLines {
  const stat = statSync(file, { throwIfNoEntry: false });
  const length = bytes ?? stat?.size ?? 0;
  if ((stat?.size ?? 0) < length)
    throw unreadable(file, `${length} bytes were committed and ${stat?.size ?? 0} are there`);
  const runs = new Map<string, { number: number; run: RunRow }>();
  const audit: AuditRecord[] = [];
  if (length === 0) return { runs: [], audit };
  const text = readFileSync(file).subarray(0, length).toString("utf8");
  const lines = text.split("\n");
  // What follows the last line break is a line that was cut off.
  lines.pop();
  for (const [index, line] of lines.entries()) {
    const entry = parseLine(line, `${file}:${index + 1}`);
    if ("audit" in entry) audit.push(readAuditRecord({ ...entry.audit, ...key }, file));
    else {
      const { run } = readRunRow({ ...entry.run, ...key, number: 0 }, file);
      runs.set(run.runId, { number: runs.get(run.runId)?.number ?? runs.size + 1, run });
    }
  }
  return { runs: [...runs.values()], audit };
}

/** Appends lines after the committed length, cutting off what a crash left there; returns the new length. */
export function appendLog(file: string, committed: number, lines: readonly string[]): number {
  const handle = openSync(file, "a+");
  try {
    ftruncateSync(handle, committed);
    const text = Buffer.from(lines.map((line) => `${line}\n`).join(""));
    for (let written = 0; written < text.length; ) written += writeSync(handle, text, written);
    fsyncSync(handle);
    return committed + text.length;
  } finally {
    closeSync(handle);
  }
}

export function runLine(run: RunRow): string {
  return stringifyJson({
    run: {
      run_id: run.runId,
      kind: run.kind,
      epoch: run.epoch,
      outcome: run.outcome,
      started_at_utc: isoTime(run.startedAt),
      ended_at_utc: run.endedAt === null ? null : isoTime(run.endedAt),
      lower_bound: run.lowerBound,
      new_cursor: run.newCursor,
      records_processed: run.recordsProcessed,
      checkpoints: run.checkpoints,
      error: run.error,
      metadata: run.metadata === null ? null : stringifyJson(run.metadata),
      actor: run.actor,
      end_position: run.endPosition,
    },
  });
}

export function auditLine(record: AuditRecord): string {
  return stringifyJson({
    audit: {
      number: record.number,
      at_utc: record.atUtc,
      actor: record.actor,
      action: record.action,
      old_cursor: record.oldCursor,
      new_cursor: record.newCursor,
      reason: record.reason,
      run_id: record.runId,
      hash: record.hash,
    },
  });
}

function parseLine(line: string, place: string): z.infer<typeof lineSchema> {
  try {
    return lineSchema.parse(parseJson(line));
  } catch (cause) {
    throw unreadable(place, "it is no line of the log", cause);
  }
}

function unreadable(place: string, why: string, cause?: unknown): TidemarkError {
  return new TidemarkError("STATE_UNREADABLE", `${place}: the history cannot be read: ${why}`, {
    cause,
    hint: "Restore the file. To start over on purpose, remove it together with the stream's state file.",
  });
}
