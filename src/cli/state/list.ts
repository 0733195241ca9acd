import type { Command } from "commander";
import type { StateStore, StreamState } from "../../state/contract.ts";
import { examples, optionsOf } from "../commands.ts";
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
    ["tidemark state list --json | jq '.[] | select(.status == \"failed\")'", "what failed last"],
  ]);
}

async function list(options: ReturnType<typeof optionsOf<ListOptions>>): Promise<void> {
  const { connector } = options;
  await withState(options.state, { create: false }, async (state) => {
    const pages = pagesOf<StreamState>((page) =>
      state.list({ ...page, ...(connector === undefined ? {} : { connector }) }),
    );
    if (options.json) return printJsonList(mapPages(pages, streamJson));
    const counts = new Map<StreamState, string>();
    const table = new Table(columns(Date.now(), counts));
    let empty = true;
    for await (const streams of pages) {
      counts.clear();
      for (const stream of streams) await countPartitions(state, stream, counts);
      await print(table.lines(streams, (title) => style("bold", title)));
      empty = false;
    }
    if (empty) note("no streams are stored; a stream appears with its first run\n");
  });
}

/** A stream in partitions has no watermark of its own: how many there are is told in its place. */
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

function columns(now: number, counts: ReadonlyMap<StreamState, string>): Column<StreamState>[] {
  // Moments are told apart by programs, distances by people.
  const told = process.stdout.isTTY
    ? (time: string): string => formatAgo(time, now)
    : (time: string): string => time;
  return [
    { title: "CONNECTOR", text: ({ key }) => key.connector },
    { title: "STREAM", text: ({ key }) => key.stream },
    { title: "STATUS", text: (stream) => statusOf(stream, now), style: styleStatus },
    { title: "WATERMARK", text: (stream) => stream.position.watermark ?? counts.get(stream) ?? "-" },
    { title: "RECORDS", text: (stream) => formatCount(stream.recordsProcessed), right: true },
    { title: "LAST RUN", text: ({ startedAtUtc }) => (startedAtUtc === null ? "-" : told(startedAtUtc)) },
    { title: "EPOCH", text: ({ epoch }) => String(epoch), right: true },
  ];
}
