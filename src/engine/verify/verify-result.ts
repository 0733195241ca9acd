import type { CursorRange } from "../../model/position.ts";
import type { RunWarning } from "../run/result.ts";
import type { Difference } from "./verify-records.ts";

/** An interval that differs, from its first value up to and without the next interval's. */
export interface VerifiedInterval {
  readonly from: string;
  readonly before: string;
  readonly source: number;
  readonly output: number;
}

/** A range of cursor values, both ends included. */
export interface VerifiedRange {
  readonly from: string | null;
  readonly to: string;
}

/** The result of a comparison of source and output. */
export interface VerifyResult {
  readonly pipeline: string;
  readonly connector: string;
  readonly stream: string;
  /** Whether both are equal. */
  readonly equal: boolean;
  /** What was compared: the key with the cursor, or only the key where the output holds no cursor. */
  readonly compared: "key and cursor" | "key";
  /** The compared fields, for messages. */
  readonly fields: string;
  /** The compared range, both ends included; null for an open end. */
  readonly from: string | null;
  readonly to: string | null;
  readonly sourceRecords: number;
  readonly outputRecords: number;
  readonly intervals: { readonly compared: number; readonly equal: number; readonly differing: number };
  /** The first differing intervals, where they are intervals of the cursor. */
  readonly differing: readonly VerifiedInterval[];
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  /** Records in differing intervals that were too many to compare one by one. */
  readonly unlisted: number;
  /** Rows whose record has changed in the source since the stream was read; the next run brings them. */
  readonly pending: number;
  readonly differences: readonly Difference[];
  /** The ranges to read again, to repair missing or different records. */
  readonly gaps: readonly VerifiedRange[];
  /** The gaps in the stored coverage; empty where the stream keeps no coverage. */
  readonly uncovered: readonly CursorRange[];
  readonly durationMs: number;
  readonly warnings: readonly RunWarning[];
}
