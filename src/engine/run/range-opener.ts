import type { Position } from "../../model/position.ts";
import type { Cut } from "../../model/slices.ts";
import type { Refusals, Window } from "../ports.ts";
import { PageGuard } from "../tracking/page-guard.ts";
import type { StoredRange } from "../tracking/range.ts";
import type { SliceOpener, SliceRead, SliceTracker } from "../tracking/slice.ts";
import { SlicedRange } from "../tracking/sliced-range.ts";
import { SlicedWindow } from "../tracking/sliced-window.ts";
import { SourceManagedTracker } from "../tracking/source-managed-tracker.ts";
import { TakenRecords } from "../tracking/taken-records.ts";
import { tieNameBy } from "../tracking/tie-name.ts";
import { WholeRange, type WholeRead } from "../tracking/whole-range.ts";
import { identityPlan, type PlanParts } from "./plan-parts.ts";
import { TrackerOpener } from "./tracker-opener.ts";
import { freezeWindow, type Horizon, lowest, notBelowHighest, windowAgain } from "./window.ts";

/** Opens the ranges of one run, each at its position: a stream or a partition, whole or in slices. */
export class RangeOpener implements SliceOpener {
  readonly #parts: PlanParts;
  readonly #horizon: Horizon;
  readonly #trackers: TrackerOpener;

  /** `ahead` is how far the source's clock is ahead of ours, in milliseconds. */
  constructor(parts: PlanParts, horizon: Horizon, ahead: number) {
    this.#parts = parts;
    this.#horizon = horizon;
    this.#trackers = new TrackerOpener(parts, horizon, ahead);
  }

  open(partition: string | null, position: Position, dirty: boolean): StoredRange {
    const { pipeline, asked } = this.#parts;
    // With `since`, everything is delivered again, including records at the watermark.
    const start = asked.since === undefined ? position : { ...position, tieSet: [] };
    const taken = this.#taken(position);
    const within = this.#slicedWindow(start);
    if (within === null) return new WholeRange({ partition, start, taken, dirty, opener: this });
    return new SlicedRange({
      partition,
      incremental: pipeline.input.incremental,
      within,
      taken,
      dirty,
      nameOf: tieNameBy(identityPlan(pipeline)),
      versions: this.#trackers.versions(),
      opener: this,
    });
  }

  /** A window in one piece, resumed inside it where it was left unfinished. */
  whole(start: Position, { quiet }: { readonly quiet: boolean }): WholeRead {
    const { pipeline, asked, startedAt, watch, refusals } = this.#parts;
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
    if (leading?.role === "sourceManaged") {
      const { type } = leading;
      const { appends } = pipeline.output;
      return {
        tracker: new SourceManagedTracker({ start, startedAt, type, appends, refusals }),
        guard,
        request,
      };
    }
    const upper = this.#horizon.readsPast ? "open" : "closed";
    const tracker = this.#trackers.openWhole(
      {
        incremental,
        start,
        window,
        resume,
        edges: { lower: "inclusive", upper },
        versions: this.#trackers.versions(),
      },
      {
        mayEndLater: resume === null && incremental.bounded === false,
        watch: quiet ? null : (watch?.part(start, window, resume !== null) ?? null),
      },
      quiet ? { warn: () => {}, refusals: dropped } : this.#parts,
    );
    return { tracker, guard, request };
  }

  /** A slice counts when it was read whole, whatever the order within it. */
  slice(read: SliceRead): SliceTracker {
    const { incremental } = this.#parts.pipeline.input;
    return this.#trackers.openSlice({ ...read, incremental: { ...incremental, order: "unordered" } });
  }

  /** The window that is read in slices; null where it is read in one piece. */
  #slicedWindow(start: Position): SlicedWindow | null {
    const { pipeline, asked, backfill } = this.#parts;
    const { incremental } = pipeline.input;
    const [field] = incremental.cursors;
    if (field === undefined) return null;
    const { type, precision } = field;
    const clamp = incremental.slices?.clamp ?? null;
    if (backfill !== null) {
      const { range, step, known } = backfill;
      const bound = (value: string) => ({ type, value });
      const window = {
        lower: range.lower === null ? null : bound(range.lower),
        upper: lowest(bound(range.upper), this.#horizon.safeUpper) ?? bound(range.upper),
      };
      const cut: Cut = { type, step, clamp, precision };
      return new SlicedWindow({ start, window, cut, known, live: false });
    }
    const slices = incremental.slices ?? null;
    if (slices === null) return null;
    const { lower, upper } = freezeWindow(incremental, start, this.#horizon, asked);
    if (lower === null || upper === null) return null;
    const cut: Cut = { type, step: slices.step, clamp, precision };
    return new SlicedWindow({ start, window: { lower, upper }, cut, known: [], live: true });
  }

  #fromItsStart(start: Position): Window {
    const { pipeline, asked } = this.#parts;
    const { lower, upper } = freezeWindow(pipeline.input.incremental, start, this.#horizon, asked);
    return { lower, upper: upper === null ? null : notBelowHighest(upper, start) };
  }

  /** The records of an unfinished window that an output with receipts has taken. */
  #taken({ taken }: Position): TakenRecords {
    const { pipeline, warn, asked } = this.#parts;
    const start = pipeline.output.receipts === true && asked.since === undefined ? taken : undefined;
    return new TakenRecords({ start, identity: identityPlan(pipeline), warn });
  }
}

/** Drops records that were refused before. */
const dropped: Refusals = { goesOn: true, refuse() {}, settle() {} };
