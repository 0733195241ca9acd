import { faultKinds } from "./fault-kinds.ts";
import { incidentKinds } from "./incident-kinds.ts";
import type { NumberedResult } from "./lab.ts";
import { outputKinds } from "./world.ts";

interface OutputRow {
  readonly output: string;
  readonly schedules: number;
  readonly disturbedRuns: number;
  readonly delivered: number;
  readonly lost: number;
  readonly repeated: number;
}

/** What was counted, output by output, and in all. */
export function outputRows(results: readonly NumberedResult[]): OutputRow[] {
  const sum = (output: string, of: readonly NumberedResult[]): OutputRow => ({
    output,
    schedules: of.length,
    disturbedRuns: of.reduce((total, { faults }) => total + faults.length, 0),
    delivered: of.reduce((total, { delivered }) => total + delivered, 0),
    lost: of.reduce((total, { lost }) => total + lost, 0),
    repeated: of.reduce((total, { repeated }) => total + repeated, 0),
  });
  const rows = outputKinds.map((kind) =>
    sum(
      kind,
      results.filter(({ world }) => world.output === kind),
    ),
  );
  return [...rows.filter(({ schedules }) => schedules > 0), sum("all", results)];
}

export function faultCounts(results: readonly NumberedResult[]): Record<string, number> {
  const all = results.flatMap(({ faults }) => faults);
  const kinds = [...faultKinds, ...incidentKinds];
  return Object.fromEntries(kinds.map((kind) => [kind, all.filter((fault) => fault === kind).length]));
}

export function outcomeCounts(results: readonly NumberedResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcomes } of results) {
    for (const [outcome, count] of Object.entries(outcomes)) counts[outcome] = (counts[outcome] ?? 0) + count;
  }
  return Object.fromEntries(Object.entries(counts).sort(([, a], [, b]) => b - a));
}

export function tables(results: readonly NumberedResult[]): string {
  const outputs = outputRows(results).map(
    ({ output, schedules, disturbedRuns, delivered, lost, repeated }) =>
      `| ${output} | ${schedules} | ${disturbedRuns} | ${delivered} | ${lost} | ${repeated} |`,
  );
  const counts = Object.entries(faultCounts(results)).map(([kind, count]) => `| ${kind} | ${count} |`);
  const ends = Object.entries(outcomeCounts(results)).map(([outcome, count]) => `| ${outcome} | ${count} |`);
  return [
    "| output | schedules | disturbed runs | records at the sink | lost | repeated |",
    "|---|---|---|---|---|---|",
    ...outputs,
    "",
    "| fault | times |",
    "|---|---|",
    ...counts,
    "",
    "| processes ended | times |",
    "|---|---|",
    ...ends,
  ].join("\n");
}
