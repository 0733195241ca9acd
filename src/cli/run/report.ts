import { type FilterCount, filtersJson } from "../../engine/filter-account.ts";
import { countsOf, type RunResult, type RunStatus } from "../../engine/run/result.ts";
import { redact } from "../../secrets.ts";
import { errorJson } from "../failure.ts";
import { counted, formatCount, formatDuration } from "../format.ts";
import { formatFields } from "../table.ts";
import { shown, style } from "../terminal.ts";

/** A run's result as `--json` gives it. */
export function resultJson(result: RunResult): Record<string, unknown> {
  return {
    pipeline: result.pipeline,
    connector: result.connector,
    stream: result.stream,
    status: result.status,
    run_id: result.runId,
    ...countsOf(result),
    filters: filtersJson(result.filters),
    warnings: result.warnings.map((warning) => ({ ...warning, message: redact(warning.message) })),
    error: result.error === null ? null : errorJson(result.error),
  };
}

export const marks: Readonly<Record<RunStatus, { sign: string; color: "green" | "yellow" | "red" }>> = {
  completed: { sign: "✓", color: "green" },
  skipped: { sign: "-", color: "yellow" },
  failed: { sign: "✗", color: "red" },
  superseded: { sign: "✗", color: "red" },
};

/** What was run: a backfill does not move the stream's watermark, and a dry run changes nothing. */
export type Ran = "live" | "dry run" | "backfill";

/** A run's result for people; the error is printed separately. */
export function formatResult(result: RunResult, ran: Ran, stream: NodeJS.WriteStream): string {
  const { sign, color } = marks[result.status];
  const what = ran === "dry run" ? "dry run " : "";
  const head = `${style(color, sign, stream)} ${style("bold", shown(result.pipeline), stream)}  ${what}${style(color, result.status, stream)} in ${formatDuration(result.durationMs)}\n`;
  const fields = result.status === "skipped" ? [] : countFields(result, ran);
  for (const { code, message, count } of result.warnings) {
    const times = count > 1 ? ` (${formatCount(count)} times)` : "";
    fields.push(["warning", `${style("yellow", code, stream)}  ${shown(message)}${times}`]);
  }
  if (fields.length === 0) return head;
  const lines = formatFields(fields, (name) => style("dim", name, stream));
  return head + lines.replace(/^(?=.)/gm, "    ");
}

function countFields(result: RunResult, ran: Ran): [string, string][] {
  const dryRun = ran === "dry run";
  const { recordsRead, recordsWritten, recordsRefused, pages, checkpoints, lowerBound, newCursor } = result;
  const watermark = ran === "backfill" ? "left as it is" : watermarkText(lowerBound, newCursor, dryRun);
  // A run that failed before it began has not read the stream's position.
  const isUnknown = result.error !== null && result.runId === null && lowerBound === null;
  const written = dryRun ? "would be written" : "written";
  const refused = recordsRefused === 0 ? "" : `, ${formatCount(recordsRefused)} refused`;
  const committed = dryRun ? "" : `, ${counted(checkpoints, "checkpoint")}`;
  return [
    ["records", `${formatCount(recordsRead)} read, ${formatCount(recordsWritten)} ${written}${refused}`],
    ...filterFields(result.filters),
    ["pages", `${formatCount(pages)}${committed}`],
    ...(isUnknown ? [] : [["watermark", watermark] satisfies [string, string]]),
  ];
}

/** Which filters left records out, and which fields were to be removed that no record had. */
function filterFields(filters: readonly FilterCount[]): [string, string][] {
  return filters.flatMap((count) => {
    const { index, type, name, dropped, missingField, refused, defaulted, absentFields } = count;
    const missing = missingField === 0 ? "" : ` (${formatCount(missingField)} without a field that it needs)`;
    const parts = [
      ...(dropped === 0 ? [] : [`${formatCount(dropped)} dropped${missing}`]),
      ...(refused === 0 ? [] : [`${formatCount(refused)} refused`]),
      ...(defaulted === 0 ? [] : [`${formatCount(defaulted)} values by default`]),
      ...(type !== "remove" || absentFields.length === 0
        ? []
        : [`no record has ${absentFields.map(shown).join(", ")}`]),
    ];
    if (parts.length === 0) return [];
    const called = name === type ? name : `${type} ${shown(name)}`;
    return [[`filters[${index}]`, `${parts.join("; ")}: ${called}`] satisfies [string, string]];
  });
}

function watermarkText(from: string | null, to: string | null, dryRun: boolean): string {
  const old = from === null ? "none" : shown(from);
  if (to === null || to === from) return from === null ? "none" : `${old}, unchanged`;
  return dryRun ? `${old} → ${shown(to)} (not moved)` : `${old} → ${shown(to)}`;
}

/** One line for several runs: `3 pipelines: 2 completed, 1 failed`. */
export function summaryOf(results: readonly Pick<RunResult, "status">[]): string {
  const statuses = new Map<RunStatus, number>();
  for (const { status } of results) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const parts = [...statuses].map(([status, count]) => `${count} ${status}`);
  return `${counted(results.length, "pipeline")}: ${parts.join(", ")}`;
}
