import { z } from "zod";
import { ExactNumber } from "../../model/exact-number.ts";
import { type CursorRange, decodePosition, encodePosition, type Position } from "../../model/position.ts";
import type { Lease, Run } from "../../state/contract.ts";
import { type LeaseOwner, leaseOwnerSchema } from "../../state/owner.ts";
import { aboutMetadata, audit, metadataKind, partitions, runs, streams } from "../../state/tables.ts";

/**
 * The values in messages. A server checks every field of a request, so that a misspelt one is reported. An answer may
 * hold more fields than a client knows, so that an older client keeps working.
 */

/** Text that every store can keep: no U+0000, no half of a surrogate pair. */
export const storableText = z
  .string()
  .refine((text) => !text.includes("\0"), "holds the character U+0000")
  .refine((text) => text.isWellFormed(), "holds half of a surrogate pair");

export const connectorName = streams.columns.connector.wire;
export const streamName = streams.columns.stream.wire;

/** Every name and value in a path is one segment, whatever it holds: `a/b` is `a%2Fb`, `..` is `%2E%2E`. */
export function pathSegment(text: string): string {
  return /^\.{1,2}$/.test(text) ? text.replaceAll(".", "%2E") : encodeURIComponent(text);
}

export const cursorType = streams.columns.cursorType.wire;

/** A cursor as a caller gives it; whole numbers keep all their digits on the way in. */
export const cursorInput = z
  .union([storableText, z.number(), z.instanceof(ExactNumber)])
  .transform((given) => String(given))
  .meta({
    type: ["string", "number"],
    description: "A cursor value of the stream's type. Numbers keep every digit.",
    example: "2026-03-01T08:00:00Z",
  });

/** The same where null means that there is none, or that it is to stay. */
export const cursorInputOrNull = cursorInput.nullable().meta({ type: ["string", "number", "null"] });

export const cursorOutput = audit.columns.newCursor.wire;

export const runId = runs.columns.runId.wire;

export const epoch = streams.columns.epoch.wire;

export const runKind = runs.columns.kind.wire;

export const count = z.int().nonnegative();

export const recordsProcessed = streams.columns.recordsProcessed.wire;

export const time = streams.columns.updatedAt.wire;

export const metadata = metadataKind.wire.meta({ ...metadataKind.wire.meta(), ...aboutMetadata });

export const reason = storableText
  .refine((text) => text.trim() !== "", "is empty")
  .meta({ description: "Why; the audit log keeps it.", example: "the source was restored from a backup" });

/** With keys, the key acts; what a caller says here is taken only where the service runs without. */
export const actor = storableText.min(1).max(200).meta({
  description: "Who acts. Taken only by a service without keys; with keys, the key's id is the actor.",
});

/** The position as JSON, with the number of its format; `decodePosition` says whether it is one. */
export const position = z.looseObject({ format: z.int().positive() }).meta({
  id: "Position",
  description:
    "Everything that is stored about a stream's progress: watermark, secondary cursors, an unfinished window, the tie set (keys of records already delivered at the watermark), and coverage. For clients that keep a position; others give a cursor.",
  example: { format: 1, watermark: "41", secondaryCursors: {}, window: null, tieSet: [], coverage: [] },
});
export type WirePosition = z.infer<typeof position>;

export function positionToWire(value: Position): WirePosition {
  return position.parse(JSON.parse(encodePosition(value)));
}

/** Throws `STATE_UNREADABLE` and `STATE_TOO_NEW`; `holder` says where it came from. */
export function positionFromWire(value: WirePosition, holder: string): Position {
  return decodePosition(JSON.stringify(value), holder);
}

/** A range of cursor values that was delivered completely. */
export const interval = z
  .object({
    lower: cursorOutput.meta({ description: "Not itself covered; null is the beginning.", example: null }),
    upper: z.string().meta({ description: "Covered itself.", example: "2026-03-01T00:00:00Z" }),
  })
  .meta({ id: "CursorRange", description: "A range of cursor values that has been delivered completely." });

export function intervalsToWire(intervals: readonly CursorRange[]): CursorRange[] {
  return intervals.map(({ lower, upper }) => ({ lower, upper }));
}

export const partitionName = partitions.columns.partition.wire;

export const backfillId = runId.meta({
  description: "The backfill, as `backfills` names it: the id of the run that began it.",
  example: "backfill-2025",
});

export const positionTag = z
  .object({ epoch: count, sequence: count })
  .meta({ description: "Which write the position came from." });

export const leaseOwner = z
  .strictObject({ host: storableText, boot: storableText, pid: z.int(), started_at: storableText })
  .meta({ description: "The process that holds the lease, as the library reports it." });

export function ownerToWire(owner: LeaseOwner): z.infer<typeof leaseOwner> {
  const { host, boot, pid, startedAt } = owner;
  return { host, boot, pid, started_at: startedAt };
}

export function ownerFromWire(owner: z.infer<typeof leaseOwner>): LeaseOwner {
  const { host, boot, pid, started_at: startedAt } = owner;
  return leaseOwnerSchema.parse({ host, boot, pid, startedAt });
}

export const lease = z
  .object({
    seconds: count.meta({ description: "How long the run may be silent.", example: 60 }),
    expires_at_utc: time,
    owner: z
      .object({ host: z.string(), boot: z.string(), pid: z.int(), started_at: z.string() })
      .nullable()
      .meta({ description: "The process that holds it, where the caller said." }),
  })
  .meta({ id: "Lease", description: "How long the running run may be silent before another may take over." });

export function leaseToWire(held: Lease | null): z.infer<typeof lease> | null {
  if (held === null) return null;
  const { seconds, expiresAtUtc, owner } = held;
  return { seconds, expires_at_utc: expiresAtUtc, owner: owner === null ? null : ownerToWire(owner) };
}

export function leaseFromWire(held: z.infer<typeof lease> | null): Lease | null {
  if (held === null) return null;
  const { seconds, expires_at_utc: expiresAtUtc, owner } = held;
  return { seconds, expiresAtUtc, owner: owner === null ? null : ownerFromWire(owner) };
}

/** Somebody's request that a run stops. */
export const stopRequested = z
  .object({
    actor: z.string().meta({ description: "Who asked.", example: "key_3f9c2a7d51e04b86" }),
    reason: z.string().nullable().meta({ example: "the source is down for maintenance" }),
  })
  .meta({ id: "StopRequested", description: "Somebody asked the run to stop at its next checkpoint." });

/** What a heartbeat and a checkpoint answer; an older service leaves it out. */
export const stop = stopRequested.nullable().optional().meta({
  description:
    "Null, unless somebody asked this run to stop. Then finish the page at hand, send a checkpoint, and `fail` with an error that begins with `RUN_STOPPED`.",
  example: null,
});

/** A change made by hand, as runs and partitions report it. */
export const edited = z
  .object({ old_cursor: cursorOutput, new_cursor: cursorOutput })
  .meta({ description: "A change made by hand in a state file that was found: it is taken and logged." });

export function editedToWire({ edited: edits }: Pick<Run, "edited">): { edited?: z.infer<typeof edited> } {
  if (edits === undefined) return {};
  return { edited: { old_cursor: edits.oldCursor, new_cursor: edits.newCursor } };
}

export function editedFromWire(wire: { edited?: z.infer<typeof edited> | undefined }): Pick<Run, "edited"> {
  if (wire.edited === undefined) return {};
  return { edited: { oldCursor: wire.edited.old_cursor, newCursor: wire.edited.new_cursor } };
}

/** Includes the whole position in addition to a stream's or a run's fields. */
export const includeQuery = z.object({
  include: z.literal("position").optional().meta({
    description: "`position` adds `position` and `position_tag`, which may be long.",
  }),
});

export const limitQuery = z.object({
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .meta({ description: "How many items to answer at most.", example: 100 }),
});

export const pageQuery = z.object({
  cursor: z
    .string()
    .max(2000)
    .optional()
    .meta({ description: "`next_cursor` of the page before; absent for the first page." }),
  ...limitQuery.shape,
});

/** One page of a listing. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({
    items: z.array(item),
    next_cursor: z
      .string()
      .nullable()
      .meta({ description: "Give it as `cursor` for the next page; null at the end." }),
  });
}
