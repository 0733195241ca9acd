import { TidemarkError } from "../../errors.ts";
import { compareCursorValues, parseCursor } from "../../model/cursor.ts";
import type { Position } from "../../model/position.ts";
import type { Incremental, Pipeline } from "../ports.ts";

/** Where the caller wants a run to begin, instead of at the stream's own position. */
export interface RequestedStart {
  /** A canonical value of the leading cursor. */
  readonly since?: string;
  /** How many days back a stream begins that has never been read. */
  readonly lookbackDays?: number;
}

/**
 * A value that a user gave for the leading cursor, in canonical form. Throws `ARGUMENT_INVALID` for a value of another
 * type, and for streams whose cursors have no order.
 */
export function cursorAskedFor(incremental: Incremental, text: string, what: string): string {
  const [field] = incremental.cursors;
  if (
    field === undefined ||
    field.role === "sourceManaged" ||
    field.role === "offset" ||
    field.type === "opaque_token"
  ) {
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      `${what} needs a stream that is read by a timestamp or an id, and this one is not`,
    );
  }
  try {
    return parseCursor(field.type, text, field.type === "timestamp_utc" ? undefined : field.format).value;
  } catch (cause) {
    throw new TidemarkError("ARGUMENT_INVALID", `${what} is "${text}", which is no ${field.type}`, {
      cause,
      hint:
        field.type === "timestamp_utc"
          ? "Write a date or a time in UTC: 2026-01-31 or 2026-01-31T08:00:00Z."
          : "Write a value as the source's records have it.",
    });
  }
}

/**
 * Throws `ARGUMENT_INVALID` where reading from another value would leave out records, or add them to an output twice.
 */
export function assertSince(
  { since }: RequestedStart,
  { input, output }: Pick<Pipeline, "input" | "output">,
  { watermark }: Position,
): void {
  const { cursors, partitions } = input.incremental;
  const type = cursors[0]?.type;
  if (since === undefined || type === undefined) return;
  if (watermark !== null && compareCursorValues(type, since, watermark) > 0) {
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      `since is ${since}, and the stream is at ${watermark}: the records in between would never be read`,
      { hint: "To leave them out on purpose, set the watermark: `tidemark state set`." },
    );
  }
  const isPartitioned = (partitions ?? null) !== null;
  if (output.appends && (watermark !== null || isPartitioned)) {
    throw new TidemarkError(
      "ARGUMENT_INVALID",
      `since is ${since}, and the output appends: what it holds from there on would be added again`,
      { hint: "Give the output a `key`, so that records take the place of those it holds." },
    );
  }
}
