import { type FaultKind, faultKinds } from "./fault-kinds.ts";
import type { Random } from "./random.ts";

export const outputKinds = [
  "sqlite upsert",
  "sqlite append",
  "sqlite append, state within",
  "postgres upsert",
  "postgres append",
  "postgres upsert, state within",
  "postgres append, state within",
  "jsonl",
] as const;

export type OutputKind = (typeof outputKinds)[number];

type Pagination = "token" | "link" | "page" | "seek";
type Order = "ascending" | "descending" | "unordered";

/** One pipeline, its source and its output: what a schedule disturbs. */
export interface World {
  readonly output: OutputKind;
  readonly pagination: Pagination;
  /** How the source sorts, and what the pipeline declares. */
  readonly order: Order;
  readonly pagesPerCheckpoint: number;
  readonly pageSize: number;
  /** How many records the source has before the first run. */
  readonly records: number;
  /** The window whole, in slices, or the stream in partitions. */
  readonly parts: "whole" | "slices" | "partitions";
  readonly partConcurrency: number;
  readonly settle: boolean;
  readonly onConcurrentRun: "skip" | "takeover";
  readonly leaseSeconds: number;
  /** Whether the older half of the source is read by a backfill, beside the runs. */
  readonly backfill: boolean;
  /** The faults of the disturbed runs, one after another. */
  readonly faults: readonly FaultKind[];
}

export interface WorldNeeds {
  readonly disturbedRuns: number;
  readonly output?: OutputKind;
  readonly faults?: readonly FaultKind[];
}

export const isPostgres = (output: OutputKind): boolean => output.startsWith("postgres");
export const isAppend = (output: OutputKind): boolean => !output.includes("upsert");
export const stateWithin = (output: OutputKind): boolean => output.endsWith("state within");
/** Whether any file of the world is on this machine's own disk. */
export const hasLocalFiles = (output: OutputKind): boolean => !(isPostgres(output) && stateWithin(output));

export function drawWorld(random: Random, needs: WorldNeeds): World {
  const output = needs.output ?? random.one(outputKinds);
  const pagination = random.one<Pagination>(["token", "token", "link", "page", "seek"]);
  const parts =
    pagination === "seek" || pagination === "page"
      ? random.one(["whole", "whole", "partitions"] as const)
      : random.one(["whole", "slices", "partitions"] as const);
  const backfill =
    parts === "whole" && (pagination === "token" || pagination === "link") && random.chance(0.35);
  return {
    output,
    pagination,
    order: drawOrder(random, pagination),
    pagesPerCheckpoint: random.one([1, 1, 2, 3, 5]),
    pageSize: random.between(10, 60),
    records: random.between(200, 1200),
    parts,
    partConcurrency: random.between(1, 3),
    settle: random.chance(0.25),
    onConcurrentRun: random.chance(0.3) ? "takeover" : "skip",
    leaseSeconds: random.one([1, 1, 2]),
    backfill,
    faults: needs.faults ?? drawFaults(random, output, needs.disturbedRuns),
  };
}

/**
 * A record that changes takes its place at the end of an ascending list, and all behind it move up past
 * the border of a counted page: no reader of such a source can be right, so it is not drawn.
 */
function drawOrder(random: Random, pagination: Pagination): Order {
  if (pagination === "seek") return "ascending";
  if (pagination === "page") return random.one(["descending", "unordered"]);
  return random.one(["ascending", "descending", "unordered"]);
}

function drawFaults(random: Random, output: OutputKind, count: number): FaultKind[] {
  const possible = faultKinds.filter((kind) => canMeet(output, kind));
  return Array.from({ length: count }, () => random.one(possible));
}

/** Whether a fault can happen to such a world. */
export function canMeet(output: OutputKind, kind: FaultKind): boolean {
  if (kind === "full disk") return hasLocalFiles(output);
  if (kind === "database restart" || kind.startsWith("network")) return isPostgres(output);
  return true;
}

export interface Places {
  readonly endpoint: string;
  /** As the pipeline names it: a URL, or the path of a file. */
  readonly output: string;
  /** Where the older half of the source's history ends, for worlds with a backfill. */
  readonly start: string;
}

/** The pipeline file. */
export function pipelineText(world: World, places: Places): string {
  const lines = [
    "name: lab",
    `onConcurrentRun: ${world.onConcurrentRun}`,
    `leaseSeconds: ${world.leaseSeconds}`,
    "input:",
    "  type: httpPolling",
    `  endpoint: ${places.endpoint}${world.parts === "partitions" ? "/{{ partition }}" : ""}`,
    "  dataField: data",
    "  key: id",
    "  timeoutMs: 4000",
    "  retry: { attempts: 3, initialDelayMs: 5, maxDelayMs: 40, maxRetryAfterMs: 100 }",
    `  pagination: ${paginationText(world)}`,
    ...(world.parts === "partitions"
      ? [`  partitions: { values: [p0, p1, p2], concurrency: ${world.partConcurrency}, as: part }`]
      : []),
    "  statePersistence:",
    "    timestamp: { field: updated_at, queryParam: updated_after, granularity: 1us }",
    `    order: ${world.order}`,
    `    pagesPerCheckpoint: ${world.pagesPerCheckpoint}`,
    ...(world.pagination === "page" ? ["    resume: page"] : []),
    ...(world.settle ? ["    settle: PT0.2S"] : []),
    ...(world.parts === "slices" || world.backfill ? ["    until: { queryParam: updated_before }"] : []),
    ...(world.parts === "slices"
      ? ["    start: PT1H", `    slices: { step: PT40S, concurrency: ${world.partConcurrency} }`]
      : []),
    ...(world.backfill ? [`    start: "${places.start}"`] : []),
    `output: ${outputText(world.output, places.output)}`,
  ];
  return `${lines.join("\n")}\n`;
}

function paginationText({ pagination, pageSize }: World): string {
  const limit = `limitParam: limit, limit: ${pageSize}`;
  if (pagination === "token") return `{ type: cursor, param: token, nextCursorField: next, ${limit} }`;
  if (pagination === "link") return `{ type: link, ${limit} }`;
  if (pagination === "page") return `{ type: page, param: page, hasMoreField: more, ${limit} }`;
  return `{ type: seek, offsetParam: skip, ${limit} }`;
}

function outputText(output: OutputKind, place: string): string {
  if (output === "jsonl") return `{ type: file, path: ${place} }`;
  const how = isAppend(output) ? "mode: append" : "mode: upsert, key: id";
  return `{ type: database, connectionString: "${place}", table: records, ${how} }`;
}

/** A line that tells a world from others. */
export function describeWorld(world: World): string {
  const { output, pagination, order, pagesPerCheckpoint, parts, settle, onConcurrentRun, backfill } = world;
  const parted = parts === "whole" ? "one window" : `${parts} × ${world.partConcurrency}`;
  const more = [settle ? "settle" : "", backfill ? "backfill beside" : "", onConcurrentRun].filter(Boolean);
  return `${output}; ${pagination}, ${order}, ${parted}, commit every ${pagesPerCheckpoint}; ${more.join(", ")}`;
}
