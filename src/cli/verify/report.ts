import type { Difference } from "../../engine/verify/verify-records.ts";
import type { VerifyResult } from "../../engine/verify/verify-result.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";
import { counted, formatCount, formatDuration } from "../format.ts";
import { formatFields, Table } from "../table.ts";
import { shown, style } from "../terminal.ts";
import type { Repair } from "./json.ts";

/** A comparison for people: what was compared, what differs, and how to repair it. */
export function formatComparison(
  result: VerifyResult,
  repairs: readonly Repair[],
  pipeline: LoadedPipeline,
): string {
  const { equal, missing, extra, different } = result;
  const verdict = equal
    ? style("green", "equal")
    : style(
        "red",
        [
          counted(missing, "missing", "missing"),
          counted(extra, "extra", "extra"),
          counted(different, "different", "different"),
        ].join(", "),
      );
  return [
    `${style("bold", shown(result.pipeline))}  ${verdict}\n`,
    formatFields(fieldsOf(result), (text) => style("dim", text)),
    differencesOf(result),
    notesOf(result),
    repairText(result, repairs, pipeline),
  ].join("");
}

function fieldsOf(result: VerifyResult): [string, string][] {
  const { intervals, from, to } = result;
  return [
    ["compared", shown(result.fields)],
    ["range", `${shown(from ?? "the beginning")} to ${shown(to ?? "the end")}`],
    ["source", counted(result.sourceRecords, "record")],
    ["output", counted(result.outputRecords, "row")],
    ["intervals", `${formatCount(intervals.compared)}, ${formatCount(intervals.differing)} of them differ`],
    ["took", formatDuration(result.durationMs)],
  ];
}

function differencesOf({ differences, missing, extra, different }: VerifyResult): string {
  if (differences.length === 0) return "";
  const table = new Table<Difference>([
    { title: "WHAT", text: ({ kind }) => kind },
    { title: "KEY", text: ({ key }) => shown(key) },
    { title: "IN THE SOURCE", text: ({ source }) => shown(source ?? "–") },
    { title: "IN THE OUTPUT", text: ({ output }) => shown(output ?? "–") },
  ]);
  const left = missing + extra + different - differences.length;
  const more = left > 0 ? `… and ${formatCount(left)} more; --limit lists them\n` : "";
  return `\n${table.lines(differences, (text) => style("dim", text))}${more}`;
}

function notesOf({ pending, unlisted, uncovered, warnings }: VerifyResult): string {
  const lines: string[] = [];
  if (pending > 0)
    lines.push(`${counted(pending, "row")} of records that have changed since; the next run brings them`);
  if (unlisted > 0)
    lines.push(`${counted(unlisted, "record")} in intervals that differ, too many to compare one by one`);
  for (const { lower, upper } of uncovered)
    lines.push(`the state itself has not covered ${shown(lower ?? "the beginning")} to ${shown(upper)}`);
  for (const { code, message } of warnings) lines.push(`${code}  ${shown(message)}`);
  return lines.length === 0 ? "" : `\n${lines.map((line) => `${style("yellow", "!")} ${line}\n`).join("")}`;
}

function repairText(result: VerifyResult, repairs: readonly Repair[], { output }: LoadedPipeline): string {
  const { missing, different, extra } = result;
  let text = "";
  if (repairs.length > 0) {
    text += "\nTo read again what is missing or different, use --repair or:\n";
    for (const { command } of repairs) text += `  ${shown(command)}\n`;
  } else if (output.appends && missing + different > 0) {
    text +=
      "\nThe output appends: a backfill reads only what nothing covers yet, and would not add these again.\n";
  }
  if (extra > 0) text += "\nNo backfill takes away what is extra: the source no longer has it.\n";
  return text;
}
