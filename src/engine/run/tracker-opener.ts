import { TidemarkError } from "../../errors.ts";
import { isOrdered } from "../../model/cursor.ts";
import { millisecondsToTimestamp } from "../../model/timestamp.ts";
import type { Incremental } from "../ports.ts";
import type { RangeWatch } from "../tracking/bound-watch.ts";
import type { CursorTracker } from "../tracking/cursor-tracker.ts";
import { NewestVersions } from "../tracking/newest-versions.ts";
import { NoCursorTracker } from "../tracking/no-cursor-tracker.ts";
import { OffsetTracker } from "../tracking/offset-tracker.ts";
import { RecordCursorTracker } from "../tracking/record-cursor-tracker.ts";
import type { TrackerOptions } from "../tracking/tracker-options.ts";
import { identityPlan, type PlanParts } from "./plan-parts.ts";
import type { Horizon } from "./window.ts";

/** The settings that differ between ranges. */
export type TrackedRead = Pick<
  TrackerOptions,
  "incremental" | "start" | "window" | "edges" | "versions" | "resume"
>;

/** Settings for a window that is read in one piece. */
export interface WholeWindow {
  /** Whether the window may end later than it was frozen, if the source's clock turns out to be ahead. */
  readonly mayEndLater: boolean;
  readonly watch: RangeWatch | null;
}

/** Opens the trackers of one run's ranges, by the kind of the leading cursor. */
export class TrackerOpener {
  readonly #parts: PlanParts;
  readonly #horizon: Horizon;
  readonly #ahead: number;

  constructor(parts: PlanParts, horizon: Horizon, ahead: number) {
    this.#parts = parts;
    this.#horizon = horizon;
    this.#ahead = ahead;
  }

  /** `to` receives warnings and refused records. */
  openWhole(
    read: TrackedRead,
    whole: WholeWindow,
    to: Pick<PlanParts, "warn" | "refusals"> = this.#parts,
  ): CursorTracker {
    const { input } = this.#parts;
    const [field] = read.incremental.cursors;
    const { warn, refusals } = to;
    const options: TrackerOptions = {
      ...this.#options(read),
      ...whole,
      reach: (lower) => input.reach?.(lower) ?? lower,
      warn,
      refusals,
    };
    if (field === undefined) return new NoCursorTracker(options);
    return field.role === "offset" ? new OffsetTracker(options) : new RecordCursorTracker(options, field);
  }

  openSlice(read: TrackedRead): RecordCursorTracker {
    const [field] = read.incremental.cursors;
    if (field === undefined) throw new TidemarkError("INTERNAL", "a slice needs a cursor");
    return new RecordCursorTracker(this.#options(read), field);
  }

  /** The newest versions that the read of a range has seen; null where no rows are replaced. */
  versions(): NewestVersions | null {
    const { pipeline, warn } = this.#parts;
    const [field] = pipeline.input.incremental.cursors;
    const key = (pipeline.output.upsertKey ?? []).map((name) => [name]);
    if (key.length === 0 || field === undefined || field.path === null || !isOrdered(field.type)) return null;
    return new NewestVersions({ type: field.type, key, filters: pipeline.filters, warn });
  }

  #options(read: TrackedRead): TrackerOptions {
    const { pipeline, clock, warn, refusals } = this.#parts;
    const isTime = read.incremental.cursors[0]?.type === "timestamp_utc";
    return {
      ...read,
      identity: identityPlan(pipeline),
      tracksDeliveries: this.#tracksDeliveries(read.incremental),
      now: (ahead = this.#ahead) => (isTime ? millisecondsToTimestamp(clock.now() + ahead) : null),
      began: (ahead) => (isTime ? millisecondsToTimestamp(this.#horizon.now + ahead) : null),
      warn,
      refusals,
    };
  }

  #tracksDeliveries({ key }: Incremental): boolean {
    const { pipeline, session } = this.#parts;
    return pipeline.output.appends && key !== null && session.delivered !== undefined;
  }
}
