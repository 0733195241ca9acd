import type { Command } from "commander";
import { type CursorType, isOrdered } from "../../model/cursor.ts";
import type { CursorRange } from "../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { BackfillState, StateStore } from "../../state/contract.ts";
import { examples, optionsOf } from "../commands.ts";
import { formatCount } from "../format.ts";
import { withState } from "../state-access.ts";
import { storedStream, takesStream } from "../stream.ts";
import { type Column, formatFields, Table } from "../table.ts";
import { note, print, printJson, shown, style } from "../terminal.ts";
import { type CoverageRange, coverageBar, coverageRanges, lengthOf } from "./coverage-bar.ts";
import { storedPartition } from "./partition-move.ts";

interface CoverageOptions {
  readonly partition?: string;
}

export function defineCoverage(command: Command): void {
  takesStream(command)
    .option("--partition <name>", "only this partition of the stream")
    .action((connector: string, stream: string) => coverage({ connector, stream }, optionsOf(command)));
  command.addHelpText(
    "after",
    "\nShows the ranges that live runs and backfills have read completely, and the gaps between them.\nA stream that your own code moves (deltaRun) has no ranges: everything up to its watermark counts as delivered.",
  );
  examples(command, [
    ["tidemark state coverage meters readings", ""],
    ["tidemark state coverage forge issues --partition acme/website", "one partition"],
    ["tidemark state coverage meters readings --json | jq .gaps", "only the gaps"],
  ]);
}

interface Covered {
  readonly key: StreamKey;
  readonly cursorType: CursorType | null;
  readonly partition: string | null;
  readonly watermark: string | null;
  readonly coverage: readonly CursorRange[];
  readonly backfills: readonly BackfillState[];
}

async function coverage(
  key: StreamKey,
  options: ReturnType<typeof optionsOf<CoverageOptions>>,
): Promise<void> {
  const covered = await withState(options.state, { create: false }, (state) =>
    coveredOf(state, key, options.partition ?? null),
  );
  if (options.json) return printJson(coverageJson(covered));
  await printCoverage(covered);
}

async function coveredOf(state: StateStore, key: StreamKey, partition: string | null): Promise<Covered> {
  const backfills = await state.backfills(key);
  // A stream that was only ever backfilled has no state of its own yet.
  const live = backfills.length > 0 ? await state.get(key) : await storedStream(state, key);
  const cursorType = live?.cursorType ?? backfills[0]?.cursorType ?? null;
  if (partition === null) {
    const watermark = live?.position.watermark ?? null;
    return { key, cursorType, partition, watermark, coverage: await state.coverage(key), backfills };
  }
  const watermark = await storedPartition(state, key, partition);
  const coverage = await state.coverage(key, { partition });
  return { key, cursorType, partition, watermark, coverage, backfills };
}

function splitOf({ cursorType, coverage: intervals }: Covered): CoverageRange[] {
  return cursorType === null || !isOrdered(cursorType) ? [] : coverageRanges(cursorType, intervals);
}

function coverageJson(covered: Covered): Record<string, unknown> {
  const { key, cursorType, partition, watermark, backfills } = covered;
  const ranges = splitOf(covered);
  const plain = ({ lower, upper }: CursorRange): CursorRange => ({ lower, upper });
  return {
    connector: key.connector,
    stream: key.stream,
    partition,
    cursor_type: cursorType,
    watermark,
    covered: ranges.filter(({ covered: isCovered }) => isCovered).map(plain),
    gaps: ranges.filter(({ covered: isCovered }) => !isCovered).map(plain),
    backfills: backfills.map((backfill) => ({
      backfill: backfill.backfill,
      status: backfill.status,
      range: backfill.range,
      covered: backfill.coverage,
      started_at_utc: backfill.startedAtUtc,
      records_processed: backfill.recordsProcessed,
      error: backfill.lastError,
    })),
  };
}

async function printCoverage(covered: Covered): Promise<void> {
  const { key, cursorType, partition, watermark, backfills } = covered;
  const fields: [string, string][] = [["stream", formatStreamKey(key)]];
  if (partition !== null) fields.push(["partition", shown(partition)]);
  fields.push(["watermark", watermark ?? "none yet"]);
  await print(formatFields(fields, (name) => style("dim", name)));
  const ranges = splitOf(covered);
  if (cursorType !== null && ranges.length > 0) {
    await print(`${process.stdout.isTTY ? barText(covered, ranges) : ""}\n`);
    const table = new Table(rangeColumns(covered));
    await print(table.lines(ranges, (title) => style("bold", title)));
  } else {
    note("no ranges are kept: all that is at or below the watermark counts as delivered\n");
  }
  if (backfills.length === 0) return;
  const table = new Table(backfillColumns);
  await print(`\n${table.lines(backfills, (title) => style("bold", title))}`);
}

function barText({ cursorType }: Covered, ranges: readonly CoverageRange[]): string {
  const width = Math.max(20, Math.min(100, (process.stdout.columns ?? 80) - 2));
  const bar = cursorType === null ? null : coverageBar(cursorType, ranges, width);
  return bar === null ? "" : `\n${style("green", bar)}\n`;
}

function rangeColumns({ cursorType }: Covered): Column<CoverageRange>[] {
  return [
    { title: "AFTER", text: ({ lower }) => lower ?? "the beginning" },
    { title: "UP TO", text: ({ upper }) => upper },
    {
      title: "STATE",
      text: ({ covered }) => (covered ? "covered" : "gap"),
      style: (text, { covered }) => style(covered ? "green" : "yellow", text),
    },
    {
      title: "LENGTH",
      text: (range) => (cursorType === null ? "" : lengthOf(cursorType, range)),
      right: true,
    },
  ];
}

const backfillColumns: Column<BackfillState>[] = [
  { title: "BACKFILL", text: ({ backfill }) => backfill },
  { title: "STATUS", text: ({ status }) => status },
  {
    title: "RANGE",
    text: ({ range }) =>
      range === null ? "-" : `(${range.lower ?? "the beginning"}, ${range.upper ?? "now"}]`,
  },
  { title: "STRETCHES", text: ({ coverage: done }) => formatCount(done.length), right: true },
  { title: "RECORDS", text: ({ recordsProcessed }) => formatCount(recordsProcessed), right: true },
  { title: "ERROR", text: ({ lastError }) => (lastError === null ? "" : shown(lastError)) },
];
