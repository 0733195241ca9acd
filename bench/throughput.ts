import { join } from "node:path";
import { commandFlags } from "./parts/command-flags.ts";
import {
  alternate,
  median,
  pairedRatio,
  type Row,
  runPart,
  runPartWith,
  withFolder,
  withServer,
} from "./parts/measure.ts";

interface Measured {
  readonly records: number;
  readonly seconds: number;
  readonly peakMemoryBytes: number;
}

const rate = ({ records, seconds }: Measured): number => records / seconds;

function tidemark(
  endpoint: string,
  pagesPerCheckpoint: number,
  flags: readonly string[] = [],
): Promise<Measured> {
  return withFolder((folder) =>
    runPartWith<Measured>(
      flags,
      "tidemark",
      endpoint,
      join(folder, "records.db"),
      join(folder, "state.db"),
      String(pagesPerCheckpoint),
    ),
  );
}

function handWritten(endpoint: string): Promise<Measured> {
  return withFolder((folder) => runPart<Measured>("hand-written", endpoint, join(folder, "records.db")));
}

const thousands = (value: number): string => Math.round(value).toLocaleString("en-US");

/** REST pages into SQLite with a checkpoint each page, against the loop people write by hand. */
export function throughput(records: number, times: number): Promise<Row> {
  return withServer(records, async (endpoint) => {
    const { a, b } = await alternate(
      times,
      () => tidemark(endpoint, 1),
      () => handWritten(endpoint),
    );
    const ratio = pairedRatio(a.map(rate), b.map(rate));
    return {
      what: `REST pages → SQLite, checkpoint each page, against a hand-written loop (${thousands(records)} records)`,
      budget: "≥ 0.80 of its records/s",
      measured: `${ratio.toFixed(2)} (${thousands(median(a.map(rate)))} against ${thousands(median(b.map(rate)))} records/s)`,
      ok: ratio >= 0.8,
      details: { ratio, tidemark: a.map(rate), handWritten: b.map(rate) },
    };
  });
}

/** What a checkpoint each page costs, against one at the end. */
export function checkpointCost(records: number, times: number): Promise<Row> {
  return withServer(records, async (endpoint) => {
    const { a, b } = await alternate(
      times,
      () => tidemark(endpoint, 1),
      () => tidemark(endpoint, 1_000_000),
    );
    const slower = (1 / pairedRatio(a.map(rate), b.map(rate)) - 1) * 100;
    return {
      what: `a checkpoint each page against none (${thousands(records)} records)`,
      budget: "≤ 5 % slower",
      measured: `${slower.toFixed(1)} % slower`,
      ok: slower <= 5,
      details: { slowerPercent: slower, eachPage: a.map(rate), none: b.map(rate) },
    };
  });
}

/** Peak memory of a long run against a short one (promise P13), as the command runs. */
export async function memory(many: number, few: number): Promise<Row> {
  const measure = async (records: number): Promise<number> => {
    const result = await withServer(records, (endpoint) => tidemark(endpoint, 1, commandFlags));
    if (result.records !== records) throw new Error(`${result.records} of ${records} records arrived`);
    return result.peakMemoryBytes / 1024 / 1024;
  };
  const { a, b } = await alternate(
    3,
    () => measure(many),
    () => measure(few),
  );
  const ratio = median(a) / median(b);
  return {
    what: `peak memory at ${thousands(many)} records against ${thousands(few)}`,
    budget: "≤ 1.2 ×",
    measured: `${ratio.toFixed(2)} × (${median(a).toFixed(0)} MB against ${median(b).toFixed(0)} MB)`,
    ok: ratio <= 1.2,
    details: { ratio, many: a, few: b },
  };
}
