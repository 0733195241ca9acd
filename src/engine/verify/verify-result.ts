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

/** What a comparison of source and output came to. */
export interface VerifyResult {
  readonly pipeline: string;
  readonly connector: string;
  readonly stream: string;
  /** Whether both hold the same. */
  readonly equal: boolean;
  /** What was compared: the key with the cursor, or the key alone where the output holds no cursor. */
  readonly compared: "key and cursor" | "key";
  /** The fields of it, in words. */
  readonly fields: string;
  /** What was compared, both ends included; null where it has no end there. */
  readonly from: string | null;
  readonly to: string | null;
  readonly sourceRecords: number;
  readonly outputRecords: number;
  readonly intervals: { readonly compared: number; readonly equal: number; readonly differing: number };
  /** The first of those that differ, where they are intervals of the cursor. */
  readonly differing: readonly VerifiedInterval[];
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  /** Records in intervals that differ for which there was no room to compare them one by one. */
  readonly unlisted: number;
  /** Rows whose record has changed in the source since the stream was read; the next run brings them. */
  readonly pending: number;
  readonly differences: readonly Difference[];
  /** What to read again to have what is missing or different. */
  readonly gaps: readonly VerifiedRange[];
  /** What the state itself says was never read whole; empty where it keeps no coverage. */
  readonly uncovered: readonly CursorRange[];
  readonly durationMs: number;
  readonly warnings: readonly RunWarning[];
}
