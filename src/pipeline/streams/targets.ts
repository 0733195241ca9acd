import { tableResource } from "../../databases/table-resource.ts";
import type { Output } from "../../engine/ports.ts";
import { type Finding, settingError } from "../../findings.ts";
import { isMap } from "./merge.ts";

/** A stream with what it reads and where it writes. */
export interface TargetedStream {
  readonly name: string;
  readonly output: Output;
  /** The table that it reads, as `Output.target` identifies it; null where it reads none. */
  readonly reads: string | null;
}

/** Streams of one set that would write into each other, or into what another one reads: an error for each of them. */
export function targetProblems<Stream extends TargetedStream>(
  streams: readonly Stream[],
): { readonly stream: Stream; readonly finding: Finding }[] {
  const writers = Map.groupBy(
    streams.filter(({ output }) => output.target !== undefined),
    ({ output }) => output.target?.id,
  );
  const readers = new Map(streams.map(({ name, reads }) => [reads, name]));
  return [...writers.values()].flatMap((group) => {
    const reader = readers.get(group[0]?.output.target?.id ?? null);
    const shared = group.length === 1 ? [] : group.map((stream) => ({ stream, finding: written(group) }));
    if (reader === undefined) return shared;
    return [...shared, ...group.map((stream) => ({ stream, finding: isRead(stream, reader) }))];
  });
}

/** The table that an input declares, as `Output.target` identifies it. */
export function tableOf(input: unknown): string | null {
  if (!isMap(input) || input.type !== "database" || typeof input.table !== "string") return null;
  const { connectionString, connectionStringRef, table } = input;
  const url = connectionString ?? connectionStringRef;
  return tableResource(typeof url === "string" ? url : "", table).id;
}

function written(group: readonly TargetedStream[]): Finding {
  const [first] = group;
  const names = group.slice(0, 3).map(({ name }) => `\`${name}\``);
  if (group.length > 3) names.push(`${group.length - 3} more`);
  const list = new Intl.ListFormat("en-GB", { type: "conjunction" }).format(names);
  const message = `the streams ${list} write to ${first?.output.target?.name}; each needs a target of its own`;
  const hint = hintFor(first?.output.kind);
  return settingError("CONFIG_INCOHERENT", ["stream"], message, hint === null ? {} : { hint });
}

function hintFor(kind: string | undefined): string | null {
  if (kind === "database") {
    return 'write `table: "{{ stream }}"` under `output`, or `output: { table: … }` in the entry of one of them';
  }
  if (kind !== "file") return null;
  return 'write `path: "./{{ stream }}.jsonl"` under `output`, or `output: { path: … }` in the entry of one of them';
}

function isRead({ name, output }: TargetedStream, reader: string): Finding {
  const message = `the stream \`${name}\` writes to ${output.target?.name}, which the stream \`${reader}\` reads`;
  const hint = "write to another table, such as one in a schema of its own";
  return settingError("CONFIG_INCOHERENT", ["stream"], message, { hint });
}
