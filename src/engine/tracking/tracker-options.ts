import type { IdentityPlan } from "../../model/identity.ts";
import type { Position, ResumePoint } from "../../model/position.ts";
import type { Incremental, Refusals, Warn, Window } from "../ports.ts";
import type { RangeWatch } from "./bound-watch.ts";
import type { NewestVersions } from "./newest-versions.ts";

/**
 * Which records at and past the window's ends belong to it. A record at an exclusive lower end belongs
 * to the slice below; past an open upper end, records are delivered ahead of time, as the last ones of
 * a stream are, and past a closed one they are left to the next slice or run.
 */
export interface Edges {
  readonly lower: "inclusive" | "exclusive";
  readonly upper: "open" | "closed";
}

export interface TrackerOptions {
  readonly incremental: Incremental;
  readonly window: Window;
  readonly edges: Edges;
  readonly start: Position;
  /** Where to resume inside an unfinished window. Default: at its start. */
  readonly resume?: ResumePoint | null;
  readonly identity: IdentityPlan;
  /** Whether `deliveries` are wanted. */
  readonly tracksDeliveries: boolean;
  /**
   * The present by a clock that is this far ahead, as a cursor value; called at most once per page. Null for cursors
   * that are not times.
   */
  readonly now: (ahead?: number) => string | null;
  /** When the run began, by a clock that is this far ahead. */
  readonly began: (ahead: number) => string | null;
  /**
   * Whether the window may end later than it was frozen, if the source's clock turns out to be ahead: the
   * source was asked without an upper bound.
   */
  readonly mayEndLater?: boolean;
  /** The input's `InputSession.reach`. Undefined where late records are not tracked. */
  readonly reach?: (lower: string) => string;
  /**
   * The newest versions that the read has seen, shared by the trackers of its slices; null where rows are not replaced.
   */
  readonly versions: NewestVersions | null;
  /** Watches the lower bound; null where it is not checked. */
  readonly watch?: RangeWatch | null;
  readonly warn: Warn;
  /** Receives the records that cannot be read. */
  readonly refusals: Refusals;
}
