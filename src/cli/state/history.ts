import type { Command } from "commander";
import { runRecordToWire } from "../../api/contracts/history.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import type { RunRecord } from "../../state/contract.ts";
import { examples, optionsOf } from "../commands.ts";
import { formatCount, formatDuration } from "../format.ts";
import { withState } from "../state-access.ts";
import { parseLimit, takesStream } from "../stream.ts";
import { type Column, Table } from "../table.ts";
import { print, printJsonList, shown, style } from "../terminal.ts";
import { mapPages, pagesOf } from "../views.ts";

interface HistoryOptions {
  readonly limit: number;
}

export function defineHistory(command: Command): void {
  takesStream(command)
    .option("--limit <n>", "how many runs to list", parseLimit, 20)
    .action((connector: string, stream: string) => history({ connector, stream }, optionsOf(command)));
  examples(command, [
    ["tidemark state history sap_eu suppliers", ""],
    ["tidemark state history sap_eu suppliers --limit 200 --json", ""],
  ]);
}

async function history(key: StreamKey, options: ReturnType<typeof optionsOf<HistoryOptions>>): Promise<void> {
  await withState(options.state, { create: false }, async (state) => {
    const pages = pagesOf((page) => state.runs(key, page), options.limit);
    if (options.json) return printJsonList(mapPages(pages, runRecordToWire));
    const table = new Table(columns);
    for await (const runs of pages) await print(table.lines(runs, (title) => style("bold", title)));
  });
}

const outcomeStyles = { completed: "green", failed: "red", running: "cyan", superseded: "yellow" } as const;

const columns: Column<RunRecord>[] = [
  { title: "RUN", text: ({ runId }) => runId },
  { title: "STARTED", text: ({ startedAtUtc }) => startedAtUtc },
  { title: "TOOK", text: took, right: true },
  {
    title: "OUTCOME",
    text: ({ outcome }) => outcome,
    style: (text, run) => style(outcomeStyles[run.outcome], text),
  },
  { title: "RECORDS", text: ({ recordsProcessed }) => formatCount(recordsProcessed), right: true },
  { title: "FROM", text: ({ lowerBound }) => lowerBound ?? "-" },
  { title: "TO", text: ({ newCursor }) => newCursor ?? "-" },
  { title: "BY", text: ({ actor }) => actor ?? "-" },
  { title: "ERROR", text: ({ error }) => (error === null ? "" : shown(error)) },
];

function took({ startedAtUtc, endedAtUtc }: RunRecord): string {
  return endedAtUtc === null ? "-" : formatDuration(Date.parse(endedAtUtc) - Date.parse(startedAtUtc));
}
