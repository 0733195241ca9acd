import { readFile } from "node:fs/promises";
import { type Command, Option } from "commander";
import { messageOf, TidemarkError } from "../../errors.ts";
import type { CursorRange } from "../../model/position.ts";
import { compareStreamKeys, formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { RunRecord, StateStore, StreamState } from "../../state/contract.ts";
import { examples, optionsOf } from "../commands.ts";
import { invalidArgument } from "../failure.ts";
import { formatCount } from "../format.ts";
import { withState } from "../state-access.ts";
import { storedStream, streamOrAll, takesStreamOrAll } from "../stream.ts";
import { type Column, Table } from "../table.ts";
import { note, print, printJson, shown, style } from "../terminal.ts";
import { pagesOf } from "../views.ts";
import { parseExport } from "./export-file.ts";
import {
  type Change,
  changesBetween,
  exportedSnapshot,
  runSnapshot,
  type Snapshot,
  storedSnapshot,
} from "./snapshot.ts";

interface DiffOptions {
  readonly run?: readonly string[];
  readonly against?: string;
}

export function defineDiff(command: Command): void {
  takesStreamOrAll(command)
    .addOption(
      new Option(
        "--run <id...>",
        "compare the state after this run with now, or with a second --run",
      ).conflicts("against"),
    )
    .option("--against <url|file>", "compare with another state, or with a file from `state export`")
    .action((connector: string | undefined, stream: string | undefined) =>
      diff(streamOrAll(connector, stream), optionsOf(command)),
    );
  command.addHelpText(
    "after",
    "\nThe left side is the current state, or the first run. For a run, only the watermark and the epoch\ncan be compared.",
  );
  examples(command, [
    ["tidemark state diff sap_eu suppliers --run ID", "what has changed since that run"],
    ["tidemark state diff sap_eu suppliers --run ID --run ID", "between two runs"],
    ["tidemark state diff --against postgres://…", "between two stores, all streams"],
    ["tidemark state diff --against state.json --json", "since an export was written"],
  ]);
}

async function diff(
  key: StreamKey | null,
  options: ReturnType<typeof optionsOf<DiffOptions>>,
): Promise<void> {
  const { run = [], against } = options;
  if (against !== undefined) return diffStores(key, against, options);
  if (run.length === 0) {
    throw invalidArgument("it is not said what to compare with", "Give --run ID, or --against URL|FILE.");
  }
  if (run.length > 2) throw invalidArgument("more than two runs are given", "Give --run once or twice.");
  if (key === null) {
    throw invalidArgument("runs belong to a stream, and none is named", "Give the connector and the stream.");
  }
  const [first = "", second] = run;
  const found = await withState(options.state, { create: false }, (state) =>
    runSides(state, key, first, second),
  );
  await tell([found], options.json);
}

/** One stream's two sides. */
interface Found {
  readonly key: StreamKey;
  readonly from: Side;
  readonly to: Side;
}

/** Where a side stands; the snapshot is null where it has no such stream. */
interface Side {
  readonly name: string;
  readonly snapshot: Snapshot | null;
}

async function runSides(
  state: StateStore,
  key: StreamKey,
  first: string,
  second: string | undefined,
): Promise<Found> {
  const stream = await storedStream(state, key);
  const wanted = new Set(second === undefined ? [first] : [first, second]);
  const runs = new Map<string, RunRecord>();
  for await (const page of pagesOf((options) => state.runs(key, options))) {
    for (const record of page) if (wanted.has(record.runId)) runs.set(record.runId, record);
    if (runs.size === wanted.size) break;
  }
  const sideOf = (id: string): Side => {
    const record = runs.get(id);
    if (record === undefined) throw noRun(key, id, "is not in the history");
    if (record.kind !== "live") throw noRun(key, id, "is a backfill, which leaves the watermark alone");
    if (record.outcome === "running") throw noRun(key, id, "has not ended");
    return { name: `run ${id}`, snapshot: runSnapshot(record) };
  };
  const { watermark } = stream.position;
  const to =
    second === undefined ? { name: "now", snapshot: { watermark, epoch: stream.epoch } } : sideOf(second);
  return { key, from: sideOf(first), to };
}

function noRun(key: StreamKey, id: string, why: string): TidemarkError {
  return new TidemarkError("RUN_NOT_FOUND", `the run ${shown(id)} ${why}`, { stream: formatStreamKey(key) });
}

async function diffStores(
  key: StreamKey | null,
  against: string,
  options: ReturnType<typeof optionsOf<DiffOptions>>,
): Promise<void> {
  const [here, there] = isUrl.test(against)
    ? [
        await withState(options.state, { create: false }, (state) => snapshotsOf(state, key)),
        await withState(against, { create: false }, (state) => snapshotsOf(state, key)),
      ]
    : [
        await withState(options.state, { create: false }, (state) => snapshotsOf(state, key)),
        await exportedSnapshots(against, key),
      ];
  if (key !== null && here.size === 0 && there.size === 0) {
    const stream = formatStreamKey(key);
    throw new TidemarkError("STREAM_NOT_FOUND", `neither side has ${stream}`, { stream });
  }
  const keys = new Map([...there, ...here].map(([name, { key: known }]) => [name, known]));
  const found = [...keys]
    .sort(([, a], [, b]) => compareStreamKeys(a, b))
    .map(([name, known]) => ({
      key: known,
      from: { name: "here", snapshot: here.get(name)?.snapshot ?? null },
      to: { name: "there", snapshot: there.get(name)?.snapshot ?? null },
    }));
  await tell(found, options.json);
}

const isUrl = /^[a-z][a-z0-9+.-]+:/i;

type Snapshots = Map<string, { readonly key: StreamKey; readonly snapshot: Snapshot }>;

async function snapshotsOf(state: StateStore, only: StreamKey | null): Promise<Snapshots> {
  const snapshots: Snapshots = new Map();
  const add = async (stream: StreamState): Promise<void> => {
    snapshots.set(formatStreamKey(stream.key), {
      key: stream.key,
      snapshot: await storedSnapshot(state, stream),
    });
  };
  if (only !== null) {
    const stream = await state.get(only);
    if (stream !== null) await add(stream);
    return snapshots;
  }
  for await (const streams of pagesOf<StreamState>((page) => state.list(page))) {
    for (const stream of streams) await add(stream);
  }
  return snapshots;
}

async function exportedSnapshots(file: string, only: StreamKey | null): Promise<Snapshots> {
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw invalidArgument(
      `${file} cannot be read: ${messageOf(error)}`,
      "Give a file that `tidemark state export` wrote, or a state URL.",
    );
  });
  return new Map(
    parseExport(text, file)
      .filter(
        ({ connector, stream }) => only === null || (connector === only.connector && stream === only.stream),
      )
      .map((exported) => {
        const key = { connector: exported.connector, stream: exported.stream };
        return [formatStreamKey(key), { key, snapshot: exportedSnapshot(exported) }];
      }),
  );
}

/** One line of the table. */
interface Row extends Change {
  readonly key: StreamKey;
}

function rowsOf({ key, from, to }: Found): Row[] {
  if (from.snapshot === null || to.snapshot === null) {
    const told = ({ snapshot }: Side): unknown => (snapshot === null ? "not there" : "there");
    return [{ key, field: "stream", from: told(from), to: told(to) }];
  }
  return changesBetween(from.snapshot, to.snapshot).map((change) => ({ key, ...change }));
}

async function tell(found: readonly Found[], json: boolean): Promise<void> {
  const different = found.map((one) => ({ ...one, rows: rowsOf(one) })).filter(({ rows }) => rows.length > 0);
  if (json) {
    return printJson({
      compared: found.length,
      different: different.map(({ key, from, to, rows }) => ({
        connector: key.connector,
        stream: key.stream,
        from: from.name,
        to: to.name,
        changes: rows.map(({ field, from: before, to: after }) => ({ field, from: before, to: after })),
      })),
    });
  }
  if (different.length === 0) {
    note(`nothing differs (${formatCount(found.length)} compared)\n`);
    return;
  }
  const [{ from, to } = { from: { name: "FROM" }, to: { name: "TO" } }] = different;
  const table = new Table(columns(from.name, to.name));
  await print(
    table.lines(
      different.flatMap(({ rows }) => rows),
      (title) => style("bold", title),
    ),
  );
}

function columns(from: string, to: string): Column<Row>[] {
  return [
    { title: "STREAM", text: ({ key }) => formatStreamKey(key) },
    { title: "WHAT", text: ({ field }) => shown(field) },
    { title: from.toUpperCase(), text: (row) => valueText(row.from), style: (text) => style("red", text) },
    { title: to.toUpperCase(), text: (row) => valueText(row.to), style: (text) => style("green", text) },
  ];
}

function valueText(value: unknown): string {
  if (value === null) return "none";
  if (!Array.isArray(value)) return shown(String(value));
  if (value.length === 0) return "none";
  return value.map(({ lower, upper }: CursorRange) => `(${lower ?? "the beginning"}, ${upper}]`).join(", ");
}
