import type { Command } from "commander";
import { compareStreamKeys } from "../../model/stream-key.ts";
import type { StateStore, StreamState } from "../../state/contract.ts";
import { entriesOf, type UnreadableStream } from "../../state/unreadable.ts";
import { examples, optionsOf } from "../commands.ts";
import { errorJson, exitCodes, formatError } from "../failure.ts";
import { counted, formatAgo, formatCount } from "../format.ts";
import { withState } from "../state-access.ts";
import { type Column, Table } from "../table.ts";
import { note, print, printJsonList, style } from "../terminal.ts";
import { mapPages, pagesOf, streamJson } from "../views.ts";
import { statusOf, styleStatus } from "./status.ts";

interface ListOptions {
  readonly connector?: string;
}

export function defineList(command: Command): void {
  command
    .option("--connector <name>", "only the streams of this connector")
    .action(() => list(optionsOf<ListOptions>(command)));
  examples(command, [
    ["tidemark state list", ""],
    ["tidemark state list --connector sap_eu", ""],
    [
      "tidemark state list --json | jq '.[] | select(.status == \"failed\")'",
      "streams whose last run failed",
    ],
  ]);
}

type Listed = StreamState | UnreadableStream;

async function list(options: ReturnType<typeof optionsOf<ListOptions>>): Promise<void> {
  const { connector } = options;
  const broken: UnreadableStream[] = [];
  await withState(options.state, { create: false }, async (state) => {
    const pages = pagesOf<Listed>(async (page) => {
      const where = connector === undefined ? {} : { connector };
      const listed = await state.list({ ...page, ...where, unreadable: "include" });
      broken.push(...(listed.unreadable ?? []));
      return { items: entriesOf(listed, compareStreamKeys), next: listed.next };
    });
    await (options.json ? printJsonList(mapPages(pages, listedJson)) : printTable(state, pages));
  });
  if (broken.length === 0) return;
  for (const { error } of broken) note(formatError(error));
  process.exitCode = exitCodes.failed;
}

function listedJson(listed: Listed): Record<string, unknown> {
  if (!("error" in listed)) return streamJson(listed);
  const { connector, stream } = listed.key;
  return { connector, stream, status: "unreadable", error: errorJson(listed.error) };
}

async function printTable(state: StateStore, pages: AsyncIterable<readonly Listed[]>): Promise<void> {
  const counts = new Map<StreamState, string>();
  const table = new Table(columns(Date.now(), counts));
  let empty = true;
  for await (const streams of pages) {
    counts.clear();
    for (const stream of streams) if (!("error" in stream)) await countPartitions(state, stream, counts);
    await print(table.lines(streams, (title) => style("bold", title)));
    empty = false;
  }
  if (empty) note("no streams are stored; a stream appears with its first run\n");
}

/** A stream in partitions has no watermark of its own: the number of partitions is shown instead. */
async function countPartitions(
  state: StateStore,
  stream: StreamState,
  counts: Map<StreamState, string>,
): Promise<void> {
  if (stream.position.watermark !== null || stream.cursorType === null) return;
  const { items, next } = await state.partitions(stream.key, { limit: mostCounted });
  if (items.length === 0) return;
  const count = counted(items.length, "partition");
  counts.set(stream, next === null ? count : `more than ${count}`);
}

const mostCounted = 1000;

function columns(now: number, counts: ReadonlyMap<StreamState, string>): Column<Listed>[] {
  // Times for programs, durations for people.
  const shown = process.stdout.isTTY
    ? (time: string): string => formatAgo(time, now)
    : (time: string): string => time;
  const known =
    (text: (stream: StreamState) => string) =>
    (listed: Listed): string =>
      "error" in listed ? "-" : text(listed);
  return [
    { title: "CONNECTOR", text: ({ key }) => key.connector },
    { title: "STREAM", text: ({ key }) => key.stream },
    {
      title: "STATUS",
      text: (listed) => ("error" in listed ? "unreadable" : statusOf(listed, now)),
      style: (text, listed) => ("error" in listed ? style("red", text) : styleStatus(text, listed)),
    },
    { title: "WATERMARK", text: known((stream) => stream.position.watermark ?? counts.get(stream) ?? "-") },
    { title: "RECORDS", text: known((stream) => formatCount(stream.recordsProcessed)), right: true },
    {
      title: "LAST RUN",
      text: known(({ startedAtUtc }) => (startedAtUtc === null ? "-" : shown(startedAtUtc))),
    },
    { title: "EPOCH", text: known(({ epoch }) => String(epoch)), right: true },
  ];
}
