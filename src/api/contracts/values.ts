import { z } from "zod";
import { cursorTypes } from "../../model/cursor.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { isPlainObject } from "../../model/plain-object.ts";
import { type CursorRange, decodePosition, encodePosition, type Position } from "../../model/position.ts";
import { streamNameProblem } from "../../model/stream-key.ts";
import { type Lease, type Run, runKinds } from "../../state/contract.ts";
import { type LeaseOwner, leaseOwnerSchema } from "../../state/owner.ts";

/**
 * The values that messages are made of. What a server is asked is checked to the last field, so that
 * a misspelt one is told; what it answers may hold more than a client knows, so that an older client
 * goes on working.
 */

/** Text that every store can keep: no U+0000, no half of a surrogate pair. */
export const storableText = z
  .string()
  .refine((text) => !text.includes("\0"), "holds the character U+0000")
  .refine((text) => text.isWellFormed(), "holds half of a surrogate pair");

function nameOf(what: string, example: string) {
  return z
    .string()
    .superRefine((name, context) => {
      const problem = streamNameProblem(name);
      if (problem !== null) context.addIssue({ code: "custom", message: `cannot be a name: ${problem}` });
    })
    .meta({
      description: what,
      example,
      minLength: 1,
      maxLength: 200,
      pattern: "^[^\\u0000-\\u001f\\u007f]+$",
    });
}

export const connectorName = nameOf(
  "The integration instance. Any text; percent-encoded in paths.",
  "sap_eu",
);
export const streamName = nameOf("The kind of data. Any text; percent-encoded in paths.", "suppliers");

/** Every name and value in a path is one segment, whatever it holds: `a/b` is `a%2Fb`, `..` is `%2E%2E`. */
export function pathSegment(text: string): string {
  return /^\.{1,2}$/.test(text) ? text.replaceAll(".", "%2E") : encodeURIComponent(text);
}

export const cursorType = z.enum(cursorTypes).nullable().meta({
  description: "What the stream's cursors are; null where it keeps none.",
  example: "timestamp_utc",
});

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

export const cursorOutput = z.string().nullable().meta({
  description: "A cursor value as canonical text, with all its digits; null before the first.",
  example: "2026-03-01T08:00:00Z",
});

export const runId = z
  .string()
  .regex(/^[\w.:-]{1,100}$/, "takes 1 to 100 letters, digits and . _ : -")
  .meta({ description: "Names the run in every later call.", example: "nightly-2026-03-01" });

export const epoch = z.int().nonnegative().meta({
  description: "The stream's fencing number; a write under an older one is refused.",
  example: 7,
});

export const runKind = z
  .enum(runKinds)
  .meta({ description: "A `backfill` leaves the stream's watermark alone.", example: "live" });

export const count = z.int().nonnegative();

export const recordsProcessed = count.meta({ description: "Records the run has delivered.", example: 1250 });

export const time = z.iso
  .datetime()
  .meta({ description: "ISO 8601 in UTC, by the store's clock.", example: "2026-03-01T08:00:04.120Z" });

/** Not a `z.record`, which leaves out a field named `__proto__`. */
export const metadata = z.custom<Record<string, unknown>>(isPlainObject, "has to be an object").meta({
  type: "object",
  additionalProperties: {},
  description: "A JSON object kept with the run. Its names and values may be any that JSON has.",
  example: { lower_used: null },
});

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
    "All that is stored of where a stream stands: watermark, further cursors, an unfinished window, the keys of records already delivered at the watermark, and what is covered. For clients that keep one; others give a cursor.",
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

/** A stretch of cursor values, delivered whole. */
export const interval = z
  .object({
    lower: cursorOutput.meta({ description: "Not itself covered; null is the beginning.", example: null }),
    upper: z.string().meta({ description: "Covered itself.", example: "2026-03-01T00:00:00Z" }),
  })
  .meta({ id: "Interval", description: "A stretch of cursor values that has been delivered whole." });

export function intervalsToWire(intervals: readonly CursorRange[]): CursorRange[] {
  return intervals.map(({ lower, upper }) => ({ lower, upper }));
}

export const partitionName = nameOf(
  "A partition of a stream. Any text; percent-encoded in paths.",
  "account-17",
);

export const backfillId = runId.meta({
  description: "The backfill, as `backfills` names it: the id of the run that began it.",
  example: "backfill-2025",
});

export const positionTag = z
  .object({ epoch: count, sequence: count })
  .meta({ description: "Which write the position came from." });

export const leaseOwner = z
  .strictObject({ host: storableText, boot: storableText, pid: z.int(), started_at: storableText })
  .meta({ description: "The process that holds the lease, as the library tells it." });

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

/** A change made by hand, as a run and a partition tell of it. */
export const edited = z
  .object({ old_cursor: cursorOutput, new_cursor: cursorOutput })
  .meta({ description: "A change made by hand in a state file that was found: it is taken and logged." });

export function editedToWire({ edited: told }: Pick<Run, "edited">): { edited?: z.infer<typeof edited> } {
  if (told === undefined) return {};
  return { edited: { old_cursor: told.oldCursor, new_cursor: told.newCursor } };
}

export function editedFromWire(wire: { edited?: z.infer<typeof edited> | undefined }): Pick<Run, "edited"> {
  if (wire.edited === undefined) return {};
  return { edited: { oldCursor: wire.edited.old_cursor, newCursor: wire.edited.new_cursor } };
}

/** Asks for the whole position beside a stream's or a run's fields. */
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
