import type { VerifyResult } from "../../engine/verify/verify-result.ts";
import type { LoadedPipeline } from "../../pipeline/check.ts";

/** A backfill that brings what is missing or different. */
export interface Repair {
  readonly from: string;
  readonly to: string;
  /** The command line that runs it. */
  readonly command: string;
}

/** The backfills for what a comparison found; none for outputs that append, to which one would add nothing. */
export function repairsOf(file: string, pipeline: LoadedPipeline, { gaps }: VerifyResult): Repair[] {
  if (pipeline.output.appends) return [];
  return gaps.flatMap(({ from, to }) => {
    if (from === null) return [];
    const command = `tidemark backfill ${quoted(file)} --from ${quoted(from)} --to ${quoted(to)}`;
    return [{ from, to, command }];
  });
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return /^[\w./:+@%-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The result as `--json` gives it. */
export function verifyJson(result: VerifyResult, repairs: readonly Repair[]): Record<string, unknown> {
  return {
    pipeline: result.pipeline,
    connector: result.connector,
    stream: result.stream,
    equal: result.equal,
    compared: result.compared,
    fields: result.fields,
    from: result.from,
    to: result.to,
    source_records: result.sourceRecords,
    output_records: result.outputRecords,
    intervals: result.intervals,
    missing: result.missing,
    extra: result.extra,
    different: result.different,
    unlisted: result.unlisted,
    pending: result.pending,
    differing: result.differing,
    differences: result.differences,
    gaps: result.gaps,
    uncovered: result.uncovered,
    backfills: repairs.map(({ command }) => command),
    duration_ms: result.durationMs,
    warnings: result.warnings,
  };
}
