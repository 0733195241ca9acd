import type { RunResult, RunStatus, RunWarning } from "../../engine/run/result.ts";
import type { LoadedPipeline, LoadedSet } from "../../pipeline/check.ts";
import { formatError } from "../failure.ts";
import { counted, formatCount, formatDuration } from "../format.ts";
import { shown, style } from "../terminal.ts";
import { marks, resultJson } from "./report.ts";

/** What the streams of one document did. */
export interface SetResults {
  readonly set: LoadedSet;
  readonly results: readonly RunResult[];
  /** Streams whose turn did not come, since the command was asked to stop. */
  readonly notRun: readonly LoadedPipeline[];
  readonly durationMs: number;
}

/** The most errors that are shown in full. */
const mostErrors = 20;

/** One line about a stream that has ended; `width` is that of the longest name. */
export function streamLine(result: RunResult, width: number, to: NodeJS.WriteStream): string {
  const { sign, color } = marks[result.status];
  const name = shown(result.stream).padEnd(width);
  return `${style(color, sign, to)} ${style("bold", name, to)}  ${outcome(result)}\n`;
}

function outcome(result: RunResult): string {
  const { status, error, warnings, recordsRead, recordsWritten, recordsRefused, durationMs } = result;
  if (error !== null) return `${error.code}  ${shown(error.message)}`;
  if (status === "skipped") return shown(warnings[0]?.message ?? "skipped");
  const refused = recordsRefused === 0 ? [] : [`${formatCount(recordsRefused)} refused`];
  const warned = warnings.length === 0 ? [] : [counted(warnings.length, "warning")];
  return [
    `${formatCount(recordsRead)} read`,
    `${formatCount(recordsWritten)} written`,
    ...refused,
    watermark(result),
    formatDuration(durationMs),
    ...warned,
  ].join("  ");
}

function watermark({ lowerBound, newCursor }: RunResult): string {
  const from = lowerBound === null ? "none" : shown(lowerBound);
  return newCursor === null || newCursor === lowerBound ? from : `${from} → ${shown(newCursor)}`;
}

/** The last lines about a document: warnings and errors of its streams, and their total. */
export function setSummary(set: SetResults, to: NodeJS.WriteStream): string {
  return [...warningLines(set.results, to), ...errorLines(set.results), `${totalLine(set)}\n`].join("");
}

/** Each warning once, with its first message. */
function warningLines(results: readonly RunResult[], to: NodeJS.WriteStream): string[] {
  const byCode = new Map<string, { warning: RunWarning; streams: number }>();
  for (const { warnings, status } of results) {
    if (status === "skipped") continue;
    for (const warning of warnings) {
      const known = byCode.get(warning.code);
      byCode.set(warning.code, { warning: known?.warning ?? warning, streams: (known?.streams ?? 0) + 1 });
    }
  }
  return [...byCode.values()].map(({ warning: { code, message }, streams }) => {
    const where = streams === 1 ? "" : ` (in ${formatCount(streams)} streams)`;
    return `${style("yellow", code, to)}  ${shown(message)}${where}\n`;
  });
}

function errorLines(results: readonly RunResult[]): string[] {
  const failed = results.flatMap(({ stream, error }) => (error === null ? [] : [{ stream, error }]));
  const lines = failed
    .slice(0, mostErrors)
    .map(({ stream, error }) => `${shown(stream)}: ${formatError(error)}`);
  const more = failed.length - mostErrors;
  return more > 0 ? [...lines, `… and ${counted(more, "more error")}\n`] : lines;
}

/** `shop  30 streams: 28 completed, 1 failed (customers), 1 skipped  604,100 read, 604,011 written in 14.2 s`. */
function totalLine({ set, results, notRun, durationMs }: SetResults): string {
  const statuses = Map.groupBy(results, ({ status }) => status);
  const parts = [...statuses].map(([status, of]) => {
    const names = status === "failed" || status === "superseded" ? ` (${listed(of)})` : "";
    return `${formatCount(of.length)} ${status}${names}`;
  });
  if (notRun.length > 0) parts.push(`${formatCount(notRun.length)} not run`);
  const [read, written] = [sum(results, "recordsRead"), sum(results, "recordsWritten")];
  const total = counted(results.length + notRun.length, "stream");
  return `${shown(set.name)}  ${total}: ${parts.join(", ")}  ${formatCount(read)} read, ${formatCount(written)} written in ${formatDuration(durationMs)}`;
}

function listed(results: readonly RunResult[]): string {
  const names = results.slice(0, mostErrors).map(({ stream }) => shown(stream));
  const more = results.length - names.length;
  return [...names, ...(more > 0 ? [`${formatCount(more)} more`] : [])].join(", ");
}

function sum(results: readonly RunResult[], count: "recordsRead" | "recordsWritten"): number {
  return results.reduce((total, result) => total + result[count], 0);
}

/** What all streams of a document come to. */
export function statusOf({ results, notRun }: Pick<SetResults, "results" | "notRun">): RunStatus {
  const statuses = new Set(results.map(({ status }) => status));
  if (statuses.has("failed") || statuses.has("superseded") || notRun.length > 0) return "failed";
  return statuses.has("completed") ? "completed" : "skipped";
}

/** What `--json` says of a document's streams; `more` is added to a stream's object. */
export function setJson(
  { set, results, notRun, durationMs }: SetResults,
  more: ReadonlyMap<RunResult, Readonly<Record<string, unknown>>>,
): Record<string, unknown> {
  const of = (status: RunStatus) => results.filter((result) => result.status === status);
  const failed = [...of("failed"), ...of("superseded")];
  return {
    pipeline: set.name,
    connector: set.connector,
    status: statusOf({ results, notRun }),
    completed: of("completed").length,
    skipped: of("skipped").length,
    failed: of("failed").length,
    superseded: of("superseded").length,
    failed_streams: failed.map(({ stream }) => stream),
    not_run: notRun.map(({ key }) => key.stream),
    records_read: sum(results, "recordsRead"),
    records_written: sum(results, "recordsWritten"),
    duration_ms: durationMs,
    streams: results.map((result) => ({ ...resultJson(result), ...more.get(result) })),
  };
}
