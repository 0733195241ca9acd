import type { Command } from "commander";
import type { StreamKey } from "../../model/stream-key.ts";
import type { StreamState } from "../../state/contract.ts";
import { examples, type GlobalOptions, optionsOf } from "../commands.ts";
import { formatAgo, formatCount } from "../format.ts";
import { withState } from "../state-access.ts";
import { storedStream, takesStream } from "../stream.ts";
import { formatFields } from "../table.ts";
import { print, printJson, shown, style } from "../terminal.ts";
import { streamJson } from "../views.ts";
import { statusOf, styleStatus } from "./status.ts";

export function defineShow(command: Command): void {
  takesStream(command).action((connector: string, stream: string) =>
    show({ connector, stream }, optionsOf(command)),
  );
  examples(command, [
    ["tidemark state show sap_eu suppliers", ""],
    ["tidemark state show sap_eu suppliers --json | jq -r .cursor_value", "the watermark alone"],
  ]);
}

async function show(key: StreamKey, options: GlobalOptions): Promise<void> {
  const stream = await withState(options.state, { create: false }, (state) => storedStream(state, key));
  if (options.json) return printJson({ ...streamJson(stream), position: positionJson(stream) });
  await print(formatFields(fields(stream, Date.now()), (name) => style("dim", name)));
}

function positionJson({ position, positionTag, sequence }: StreamState): Record<string, unknown> {
  return {
    epoch: positionTag.epoch,
    sequence: positionTag.sequence,
    run_sequence: sequence,
    boundary_keys: position.boundary.length,
    companions: position.companions,
    window: position.window,
    coverage: position.coverage,
  };
}

function fields(stream: StreamState, now: number): [string, string][] {
  const { position, lease, key } = stream;
  const moment = (time: string): string => `${time} (${formatAgo(time, now)})`;
  const rows: [string, string][] = [
    ["connector", key.connector],
    ["stream", key.stream],
    ["status", styleStatus(statusOf(stream, now), stream)],
    ["watermark", style("bold", position.watermark ?? "none yet")],
    ["cursor type", stream.cursorType ?? "none"],
    ...Object.entries(position.companions).map(([role, value]): [string, string] => [
      `highest ${role}`,
      value,
    ]),
    ["boundary keys", formatCount(position.boundary.length)],
    ["unfinished window", windowText(stream)],
    ["epoch", String(stream.epoch)],
    ["last checkpoint", `epoch ${stream.positionTag.epoch}, sequence ${stream.positionTag.sequence}`],
    ["run", stream.runId ?? "none yet"],
    ["started", stream.startedAtUtc === null ? "never" : moment(stream.startedAtUtc)],
    ["records", formatCount(stream.recordsProcessed)],
    ["updated", moment(stream.updatedAtUtc)],
  ];
  if (position.coverage.length > 0) {
    rows.push(["coverage", position.coverage.map(({ lower, upper }) => range(lower, upper)).join(", ")]);
  }
  if (lease !== null) {
    const owner = lease.owner === null ? "" : `, held by process ${lease.owner.pid} on ${lease.owner.host}`;
    rows.push(["lease", `${lease.seconds} s, until ${lease.expiresAtUtc}${owner}`]);
  }
  if (stream.lastError !== null) rows.push(["last error", style("red", shown(stream.lastError))]);
  if (stream.metadata !== null) rows.push(["metadata", shown(JSON.stringify(stream.metadata))]);
  return rows;
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
