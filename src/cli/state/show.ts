import type { Command } from "commander";
import type { Tally } from "../../model/position.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import type { PartitionState, StreamState } from "../../state/contract.ts";
import { examples, optionsOf } from "../commands.ts";
import { formatAgo, formatCount } from "../format.ts";
import { withState } from "../state-access.ts";
import { storedStream, takesStream } from "../stream.ts";
import { formatFields, Table } from "../table.ts";
import { print, printJson, shown, style } from "../terminal.ts";
import { streamJson } from "../views.ts";
import {
  type PartitionSummary,
  partitionColumns,
  partitionJson,
  partitionPages,
  summarizePartitions,
  summaryJson,
  summaryText,
} from "./partitions.ts";
import { statusOf, styleStatus } from "./status.ts";

interface ShowOptions {
  readonly partitions?: boolean;
}

export function defineShow(command: Command): void {
  takesStream(command)
    .option("--partitions", "show each partition as well")
    .action((connector: string, stream: string) => show({ connector, stream }, optionsOf(command)));
  examples(command, [
    ["tidemark state show sap_eu suppliers", ""],
    ["tidemark state show forge issues --partitions", "with the position of each partition"],
    ["tidemark state show sap_eu suppliers --json | jq -r .cursor_value", "only the watermark"],
  ]);
}

async function show(key: StreamKey, options: ReturnType<typeof optionsOf<ShowOptions>>): Promise<void> {
  await withState(options.state, { create: false }, async (state) => {
    const stream = await storedStream(state, key);
    const summary = await summarizePartitions(state, stream);
    const each = (): AsyncGenerator<readonly PartitionState[]> => partitionPages(state, key);
    if (options.json) {
      const partitions = summaryJson(summary);
      const items = options.partitions && partitions !== null ? { items: await allOf(each()) } : {};
      return printJson({
        ...streamJson(stream),
        position: positionJson(stream),
        partitions: partitions === null ? null : { ...partitions, ...items },
      });
    }
    await print(formatFields(fields(stream, summary, Date.now()), (name) => style("dim", name)));
    if (!options.partitions || summary === null) return;
    await print("\n");
    const table = new Table(partitionColumns);
    for await (const page of each()) await print(table.lines(page, (title) => style("bold", title)));
  });
}

async function allOf(pages: AsyncIterable<readonly PartitionState[]>): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const page of pages) items.push(...page.map(partitionJson));
  return items;
}

function positionJson({ position, positionTag, sequence }: StreamState): Record<string, unknown> {
  return {
    epoch: positionTag.epoch,
    sequence: positionTag.sequence,
    run_sequence: sequence,
    tie_set: position.tieSet.length,
    secondaryCursors: position.secondaryCursors,
    window: position.window,
    coverage: position.coverage,
    tally: position.tally ?? null,
  };
}

function fields(stream: StreamState, summary: PartitionSummary | null, now: number): [string, string][] {
  const { position, lease, key } = stream;
  const moment = (time: string): string => `${time} (${formatAgo(time, now)})`;
  const rows: [string, string][] = [
    ["connector", key.connector],
    ["stream", key.stream],
    ["status", styleStatus(statusOf(stream, now), stream)],
    ["watermark", style("bold", position.watermark ?? "none yet")],
    ["cursor type", stream.cursorType ?? "none"],
    ...Object.entries(position.secondaryCursors).map(([role, value]): [string, string] => [
      `highest ${role}`,
      value,
    ]),
    ["tie set", formatCount(position.tieSet.length)],
    ["unfinished window", windowText(stream)],
    ["epoch", String(stream.epoch)],
    ["last checkpoint", `epoch ${stream.positionTag.epoch}, sequence ${stream.positionTag.sequence}`],
    ["run", stream.runId ?? "none yet"],
    ["started", stream.startedAtUtc === null ? "never" : moment(stream.startedAtUtc)],
    ["records", formatCount(stream.recordsProcessed)],
    ["updated", moment(stream.updatedAtUtc)],
  ];
  if (summary !== null) rows.push(["partitions", summaryText(summary)]);
  if (position.tally !== undefined) rows.push(["delivered in all", tallyText(position.tally)]);
  if (position.coverage.length > 0) {
    rows.push(["coverage", position.coverage.map(({ lower, upper }) => range(lower, upper)).join(", ")]);
  }
  if (lease !== null) {
    const owner = lease.owner === null ? "" : `, held by process ${lease.owner.pid} on ${lease.owner.host}`;
    rows.push(["lease", `${lease.seconds} s, until ${lease.expiresAtUtc}${owner}`]);
  }
  if (stream.stopRequested !== null) {
    const { actor, reason } = stream.stopRequested;
    rows.push(["asked to stop", shown(reason === null ? `by ${actor}` : `by ${actor}: ${reason}`)]);
  }
  if (stream.lastError !== null) rows.push(["last error", style("red", shown(stream.lastError))]);
  if (stream.metadata !== null) rows.push(["metadata", shown(JSON.stringify(stream.metadata))]);
  return rows;
}

/** What is stored about a connector's runs in addition to its cursor. */
function tallyText({ records, lastStart, since, open }: Tally): string {
  const parts = [`${formatCount(records)} records`];
  if (lastStart !== null) parts.push(`the last run that completed began ${lastStart}`);
  if (since !== null && since !== lastStart) parts.push(`its reading ${since}`);
  if (open !== null) parts.push(`a reading from ${open} is not at its end`);
  return parts.join(", ");
}

function windowText({ position: { window } }: StreamState): string {
  if (window === null) return "none";
  const { lower, upper, order, highest, resume } = window;
  const parts = [range(lower, upper), order];
  if (highest !== null) parts.push(`highest so far ${highest}`);
  if (resume !== null) parts.push(`goes on at ${resume.kind} ${shown(resume.token)}`);
  return parts.join(", ");
}

function range(lower: string | null, upper: string | null): string {
  return `(${lower ?? "the beginning"}, ${upper ?? "now"}]`;
}
