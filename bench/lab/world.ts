import { canSetClocks } from "./clock.ts";
import { type FaultKind, faultKinds } from "./fault-kinds.ts";
import { type IncidentKind, incidentKinds } from "./incident-kinds.ts";
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

/** How the source writes its timestamps: six digits, three, or six without the zeros at their end. */
export type TimestampForm = "micros" | "millis" | "trimmed";

/** One pipeline, its source and its output: what a schedule disturbs. */
export interface World {
  readonly output: OutputKind;
  readonly pagination: Pagination;
  /** How the source sorts, and what the pipeline declares. */
  readonly order: Order;
  /** How the source compares bounds with its timestamps: as moments, or letter by letter. */
  readonly compares: "time" | "text";
  readonly form: TimestampForm;
  /** The most records that a page has, page after page in turn, whatever is asked for; empty for no limit. */
  readonly granted: readonly number[];
  /** Whether the pipeline is shown where page numbers end. */
  readonly showsMore: boolean;
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
  /** Whether the database takes its time over each statement, at times more than a lease. */
  readonly slowOutput: boolean;
  /** The faults of the disturbed runs, one after another. */
  readonly faults: readonly FaultKind[];
  /** What happens to two processes that run the pipeline by its schedule; empty where the lab starts each run. */
  readonly incidents: readonly IncidentKind[];
}

export interface WorldNeeds {
  readonly disturbedRuns: number;
  readonly output?: OutputKind;
  readonly faults?: readonly FaultKind[];
  readonly compares?: World["compares"];
  /** Whether pages are smaller than what is asked for. */
  readonly clamped?: boolean;
  readonly slowOutput?: boolean;
  readonly backfill?: boolean;
  /** Asks for two processes that run the pipeline by its schedule. */
  readonly incidents?: readonly IncidentKind[];
}

export const isPostgres = (output: OutputKind): boolean => output.startsWith("postgres");
export const isAppend = (output: OutputKind): boolean => !output.includes("upsert");
/** Whether the output is a database, which can be slowed down. */
export const canBeSlow = (output: OutputKind): boolean => output !== "jsonl";
export const stateWithin = (output: OutputKind): boolean => output.endsWith("state within");
/** Whether any file of the world is on this machine's own disk. */
export const hasLocalFiles = (output: OutputKind): boolean => !(isPostgres(output) && stateWithin(output));

/** How far apart the ticks of a schedule are. */
export const tickSeconds = 2;

/** How often two processes with a schedule are drawn, where nothing is asked for. */
const scheduledShare = 0.3;

export function drawWorld(random: Random, needs: WorldNeeds): World {
  const output = needs.output ?? random.one(outputKinds);
  const isScheduled =
    needs.incidents !== undefined ||
    (needs.faults === undefined && needs.disturbedRuns > 0 && random.chance(scheduledShare));
  const pagination = random.one<Pagination>(
    needs.backfill === true ? ["token", "link"] : ["token", "token", "link", "page", "seek"],
  );
  const parts =
    needs.backfill === true
      ? "whole"
      : pagination === "seek" || pagination === "page"
        ? random.one(["whole", "whole", "partitions"] as const)
        : random.one(["whole", "slices", "partitions"] as const);
  const backfill =
    !isScheduled &&
    parts === "whole" &&
    (pagination === "token" || pagination === "link") &&
    (needs.backfill ?? random.chance(0.35));
  const pageSize = random.between(10, 60);
  return {
    output,
    pagination,
    order: drawOrder(random, pagination),
    compares: needs.compares ?? (random.chance(0.4) ? "text" : "time"),
    form: random.one<TimestampForm>(["micros", "micros", "millis", "trimmed"]),
    granted: (needs.clamped ?? random.chance(0.4)) ? drawGranted(random, pageSize) : [],
    showsMore: random.chance(0.5),
    pagesPerCheckpoint: random.one([1, 1, 2, 3, 5]),
    pageSize,
    records: random.between(200, 1200),
    parts,
    partConcurrency: random.between(1, 3),
    settle: random.chance(0.25),
    onConcurrentRun: !isScheduled && random.chance(0.3) ? "takeover" : "skip",
    leaseSeconds: random.one([1, 1, 2]),
    backfill,
    slowOutput: canBeSlow(output) && (needs.slowOutput ?? random.chance(0.3)),
    faults: isScheduled ? [] : (needs.faults ?? drawFaults(random, output, needs.disturbedRuns)),
    incidents: isScheduled ? (needs.incidents ?? drawIncidents(random, output, needs.disturbedRuns)) : [],
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

/** One size for all pages, or a few by turns; the first is smaller than what is asked for. */
function drawGranted(random: Random, pageSize: number): number[] {
  const sizes = Array.from({ length: random.between(0, 2) }, () => random.between(3, pageSize));
  return [random.between(3, Math.max(3, Math.floor(pageSize / 2))), ...sizes];
}

function drawFaults(random: Random, output: OutputKind, count: number): FaultKind[] {
  const possible = faultKinds.filter((kind) => canMeet(output, kind));
  return Array.from({ length: count }, () => random.one(possible));
}

function drawIncidents(random: Random, output: OutputKind, count: number): IncidentKind[] {
  const possible = incidentKinds.filter((kind) => canHappen(output, kind));
  return Array.from({ length: count }, () => random.one(possible));
}

/** Whether an incident can happen to such a world, on this machine. */
export function canHappen(output: OutputKind, kind: IncidentKind): boolean {
  if (kind.startsWith("clock")) return canSetClocks;
  return !((kind === "state put back" || kind === "output put back") && stateWithin(output));
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
    ...(world.incidents.length === 0 ? [] : [`  schedule: "*/${tickSeconds} * * * * *"`]),
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

function paginationText({ pagination, pageSize, showsMore }: World): string {
  const limit = `limitParam: limit, limit: ${pageSize}`;
  if (pagination === "token") return `{ type: cursor, param: token, nextCursorField: next, ${limit} }`;
  if (pagination === "link") return `{ type: link, ${limit} }`;
  const more = showsMore ? "hasMoreField: more, " : "";
  if (pagination === "page") return `{ type: page, param: page, ${more}${limit} }`;
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
  const { compares, form, granted, pageSize, slowOutput } = world;
  const parted = parts === "whole" ? "one window" : `${parts} × ${world.partConcurrency}`;
  const more = [
    compares === "text" ? `bounds as text of ${form}` : "",
    granted.length > 0 ? `${granted.join("-")} of ${pageSize} a page` : "",
    slowOutput ? "slow output" : "",
    settle ? "settle" : "",
    backfill ? "backfill beside" : "",
    world.incidents.length > 0 ? "two processes by a schedule" : "",
    onConcurrentRun,
  ].filter(Boolean);
  return `${output}; ${pagination}, ${order}, ${parted}, commit every ${pagesPerCheckpoint}; ${more.join(", ")}`;
}
