import type { Clock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import { compareCursorValues, isOrdered } from "../../model/cursor.ts";
import type { IdentityPlan } from "../../model/identity.ts";
import type { CursorRange, Position } from "../../model/position.ts";
import type { Cut, SliceStep } from "../../model/slices.ts";
import { millisecondsToTimestamp } from "../../model/timestamp.ts";
import type { Incremental, InputSession, OutputSession, Pipeline, Refusals, Warn, Window } from "../ports.ts";
import type { BoundWatch, PartWatch } from "../tracking/bound-watch.ts";
import { NewestVersions } from "../tracking/newest-versions.ts";
import { PageGuard } from "../tracking/page-guard.ts";
import type { Part, Unit } from "../tracking/part.ts";
import { PositionTracker } from "../tracking/position-tracker.ts";
import { SlicedPart } from "../tracking/sliced-part.ts";
import { SourceManagedTracker } from "../tracking/source-managed-tracker.ts";
import { TakenRecords } from "../tracking/taken-records.ts";
import { tieNameBy } from "../tracking/tie-name.ts";
import type { Edges, TrackerOptions } from "../tracking/tracker-options.ts";
import { WholePart, type WholeRead } from "../tracking/whole-part.ts";
import { tellOfSkew } from "./clock-skew.ts";
import { type Asked, freezeWindow, type Horizon, lowest, notBelowHighest, windowAgain } from "./window.ts";

/** What a backfill reads: a range of its own, while the live stream keeps its position. */
export interface BackfillPlan {
  readonly range: CursorRange;
  readonly step: SliceStep | null;
  readonly concurrency: number;
  /** Ranges not to be read again, since the output would add their records a second time. */
  readonly known: readonly CursorRange[];
}

export interface PlanParts {
  readonly pipeline: Pipeline;
  readonly session: Pick<OutputSession, "write" | "delivered">;
  /** Where the stream stands. */
  readonly start: Position;
  /** Where one of its partitions stands, and whether the state has yet to be told so. */
  readonly partitionStart: (partition: string) => Promise<{ position: Position; adopted: boolean }>;
  /** When the run began, as ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly input: InputSession;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly warn: Warn;
  readonly asked: Asked;
  readonly refusals: Refusals;
  /** Watches what the lower bound of a live run brings; absent where nobody asks. */
  readonly watch?: BoundWatch | null;
  /** Null for a live run. */
  readonly backfill: BackfillPlan | null;
}

/** What a run reads, and what it moves on. */
export interface RunPlan {
  /** The stream, where it is moved on as a whole; null where its partitions are. */
  readonly part: Part | null;
  readonly units: AsyncIterable<Unit>;
  readonly concurrency: number;
  /** Whether a unit that fails lets the others go on. */
  readonly goesOn: boolean;
}

/** Freezes the run's bounds by the source's own clock, where it has one, and plans what is read. */
export async function planRun(parts: PlanParts): Promise<RunPlan> {
  const { pipeline, input, clock, backfill } = parts;
  const { incremental } = pipeline.input;
  refuseSince(parts);
  const before = clock.now();
  const now = (await input.now?.()) ?? before;
  tellOfSkew(parts.warn, now - before, "the source's");
  const safeUpper = (await input.safeUpper?.(parts.start)) ?? null;
  const horizon = { now, safeUpper, readsPast: safeUpper === null || (input.readsPast?.() ?? false) };
  const start = withNote(parts.start, input.note?.());
  const planner = new Planner(parts, horizon, now - before);
  const slicesAtOnce = backfill?.concurrency ?? incremental.slices?.concurrency ?? 1;
  if ((incremental.partitions ?? null) === null) {
    const part = planner.part(null, start, start !== parts.start);
    const sliced = part instanceof SlicedPart;
    return { part, units: unitsOf(part), concurrency: sliced ? slicesAtOnce : 1, goesOn: sliced };
  }
  const partitionsAtOnce = incremental.partitions?.concurrency ?? 1;
  return {
    part: null,
    units: partitionUnits(parts, planner),
    concurrency: Math.max(partitionsAtOnce, slicesAtOnce),
    goesOn: true,
  };
}

/** The position as it is, unless the input has something else to be kept with it. */
function withNote(start: Position, note: string | undefined): Position {
  if (note === start.note) return start;
  const { note: _, ...rest } = start;
  return note === undefined ? rest : { ...rest, note };
}

/** Reading from elsewhere must neither leave out records nor add them to an output twice. */
function refuseSince({ pipeline, start, asked: { since } }: PlanParts): void {
  const { incremental } = pipeline.input;
  const type = incremental.cursors[0]?.type;
  if (since === undefined || type === undefined) return;
  const { watermark } = start;
  const isPartitioned = (incremental.partitions ?? null) !== null;
  if (pipeline.output.appends && (watermark !== null || isPartitioned)) {
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      `since is ${since}, and the output appends: what it holds from there on would be added again`,
      { hint: "Give the output a `key`, so that records take the place of those it holds." },
    );
  }
  if (watermark === null || compareCursorValues(type, since, watermark) <= 0) return;
  throw new TidemarkError(
    "ARGUMENT_INVALID",
    `since is ${since}, and the stream stands at ${watermark}: what lies between would never be read`,
    { hint: "To leave it out on purpose, set the watermark: `tidemark state set`." },
  );
}

async function* unitsOf(part: Part): AsyncGenerator<Unit> {
  yield* part.units();
}

async function* partitionUnits(parts: PlanParts, planner: Planner): AsyncGenerator<Unit> {
  const { input, signal, partitionStart } = parts;
  if (input.partitions === undefined) {
    throw new TidemarkError("INTERNAL", "the input declares partitions and cannot name them");
  }
  for await (const names of input.partitions(signal)) {
    for (const name of names) {
      const { position, adopted } = await partitionStart(name);
      yield* planner.part(name, position, adopted).units();
    }
  }
}

class Planner {
  readonly #parts: PlanParts;
  readonly #horizon: Horizon;
  /** How far the source's clock is ahead of ours, in milliseconds. */
  readonly #ahead: number;

  constructor(parts: PlanParts, horizon: Horizon, ahead: number) {
    this.#parts = parts;
    this.#horizon = horizon;
    this.#ahead = ahead;
  }

  part(partition: string | null, stands: Position, untold: boolean): Part {
    const { pipeline, asked, backfill } = this.#parts;
    // What is asked for again is delivered again, at the watermark too.
    const start = asked.since === undefined ? stands : { ...stands, tieSet: [] };
    const taken = this.#taken(stands);
    const { incremental } = pipeline.input;
    const field = incremental.cursors[0];
    // A slice counts when it was read whole, whatever the order within it.
    const versions = this.#versions();
    const track = (from: Position, window: Window, edges: Edges) =>
      this.#track({ ...incremental, order: "unordered" }, { start: from, window, edges, versions });
    const nameOf = tieNameBy(identityPlan(pipeline));
    if (field !== undefined && backfill !== null) {
      const { range, step, known } = backfill;
      const bound = (value: string) => ({ type: field.type, value });
      const window = {
        lower: range.lower === null ? null : bound(range.lower),
        upper: lowest(bound(range.upper), this.#horizon.safeUpper) ?? bound(range.upper),
      };
      const cut: Cut = {
        type: field.type,
        step,
        clamp: incremental.slices?.clamp ?? null,
        precision: field.precision,
      };
      return new SlicedPart({
        partition,
        incremental,
        start,
        window,
        cut,
        known,
        live: false,
        taken,
        untold,
        nameOf,
        track,
      });
    }
    const slices = incremental.slices ?? null;
    const window = freezeWindow(incremental, start, this.#horizon, asked);
    if (field !== undefined && slices !== null && window.lower !== null && window.upper !== null) {
      const cut: Cut = {
        type: field.type,
        step: slices.step,
        clamp: slices.clamp,
        precision: field.precision,
      };
      const sliced = { lower: window.lower, upper: window.upper };
      return new SlicedPart({
        partition,
        incremental,
        start,
        window: sliced,
        cut,
        known: [],
        live: true,
        taken,
        untold,
        nameOf,
        track,
      });
    }
    const open = (from: Position, quiet: boolean) => this.#whole(from, quiet);
    return new WholePart({ partition, start, taken, untold, open });
  }

  /** What an output that tells of each record has taken of an unfinished window. */
  #taken({ taken }: Position): TakenRecords {
    const { pipeline, warn, asked } = this.#parts;
    const start = pipeline.output.receipts === true && asked.since === undefined ? taken : undefined;
    return new TakenRecords({ start, identity: identityPlan(pipeline), warn });
  }

  /** A part's window in one piece, going on inside it where it was left unfinished. */
  #whole(start: Position, quiet: boolean): WholeRead {
    const { pipeline, asked, startedAt } = this.#parts;
    const { incremental } = pipeline.input;
    const [leading] = incremental.cursors;
    const resume = asked.since === undefined ? (start.window?.resume ?? null) : null;
    const window =
      start.window !== null && resume !== null
        ? windowAgain(incremental, start.window)
        : this.#fromItsStart(start);
    const request = {
      window,
      secondaryCursors: start.secondaryCursors,
      resume,
      since: start.tally?.since ?? null,
    };
    const guard = new PageGuard(incremental);
    if (leading?.role === "given") {
      const { appends } = pipeline.output;
      const { refusals } = this.#parts;
      return {
        tracker: new SourceManagedTracker({ start, startedAt, type: leading.type, appends, refusals }),
        guard,
        request,
      };
    }
    const upper = this.#horizon.readsPast ? "open" : "closed";
    return {
      tracker: this.#track(
        incremental,
        { start, window, resume, edges: { lower: "inclusive", upper }, versions: this.#versions() },
        {
          endsNow: resume === null,
          watch: quiet ? null : (this.#parts.watch?.part(start, window, resume !== null) ?? null),
        },
        quiet ? { warn: () => {}, refusals: letGo } : this.#parts,
      ),
      guard,
      request,
    };
  }

  #fromItsStart(start: Position): Window {
    const { pipeline, asked } = this.#parts;
    const { lower, upper } = freezeWindow(pipeline.input.incremental, start, this.#horizon, asked);
    return { lower, upper: upper === null ? null : notBelowHighest(upper, start) };
  }

  /** What a read of one part remembers of the versions that it brings. */
  #versions(): NewestVersions | null {
    const { pipeline, warn } = this.#parts;
    const [field] = pipeline.input.incremental.cursors;
    const key = (pipeline.output.upsertKey ?? []).map((name) => [name]);
    if (key.length === 0 || field === undefined || field.path === null || !isOrdered(field.type)) return null;
    return new NewestVersions({ type: field.type, key, filters: pipeline.filters.length > 0, warn });
  }

  #track(
    incremental: Incremental,
    read: Pick<TrackerOptions, "start" | "window" | "edges" | "versions" | "resume">,
    whole: { readonly endsNow: boolean; readonly watch: PartWatch | null } | null = null,
    { warn, refusals }: Pick<PlanParts, "warn" | "refusals"> = this.#parts,
  ): PositionTracker {
    const { pipeline, session, input, clock } = this.#parts;
    const { appends } = pipeline.output;
    const isTime = incremental.cursors[0]?.type === "timestamp_utc";
    return new PositionTracker({
      incremental,
      ...read,
      identity: identityPlan(pipeline),
      tracksDeliveries: appends && incremental.key !== null && session.delivered !== undefined,
      now: (ahead = this.#ahead) => (isTime ? millisecondsToTimestamp(clock.now() + ahead) : null),
      began: (ahead) => (isTime ? millisecondsToTimestamp(this.#horizon.now + ahead) : null),
      mayEndLater: whole?.endsNow === true && incremental.bounded === false,
      watch: whole?.watch ?? null,
      ...(whole === null ? {} : { reach: (lower: string) => input.reach?.(lower) ?? lower }),
      warn,
      refusals,
    });
  }
}

/** For records that were refused before. */
const letGo: Refusals = { goesOn: true, refuse() {}, settle() {} };

/** An append has a record once; where rows are replaced, one whose content changed is delivered again. */
export function identityPlan({ input, output }: Pipeline): IdentityPlan {
  return { key: input.incremental.key, content: !output.appends };
}

/** Whether a stream's leading cursor can bound a range: a backfill needs one that can. */
export function isRanged(pipeline: Pipeline): boolean {
  const [field] = pipeline.input.incremental.cursors;
  return field !== undefined && field.role !== "given" && field.role !== "offset" && isOrdered(field.type);
}
