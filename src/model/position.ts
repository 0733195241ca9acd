import { z } from "zod";
import { TidemarkError } from "../errors.ts";

/** The order of a source's records within one read, as the pipeline declares it (promise P9). */
export const orders = ["ascending", "descending", "unordered"] as const;
export type Order = (typeof orders)[number];

/** A list that is read up to its first wrong entry: a long list must not cause as many errors. */
function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(z.unknown()).transform((entries, context): z.output<Item>[] => {
    const list: z.output<Item>[] = [];
    for (const [at, entry] of entries.entries()) {
      const read = item.safeParse(entry);
      if (read.success) list.push(read.data);
      else {
        for (const issue of read.error.issues) context.addIssue({ ...issue, path: [at, ...issue.path] });
        return z.NEVER;
      }
    }
    return list;
  });
}

const resumePointSchema = z.strictObject({
  /** What `token` is: a page token, a link, a page number or an offset. */
  kind: z.enum(["token", "link", "page", "offset"]),
  token: z.string(),
  /**
   * The bounds as the source was sent them, by parameter, each as JSON. A place is valid only for the same request, so
   * a resumed read sends the same texts.
   */
  bounds: z.record(z.string(), z.string()).optional(),
  /** How many records of the result were read before it, where totals are compared with that. */
  read: z.int().nonnegative().optional(),
  /** Whether credentials were taken out of `token`, which then names where they are declared. */
  sealed: z.literal(true).optional(),
});

/** Where to resume inside an unfinished window. */
export type ResumePoint = z.infer<typeof resumePointSchema>;

const unfinishedWindowSchema = z.strictObject({
  /** The window's own bounds: the watermark before it began, and how far it may read. */
  lower: z.string().nullable(),
  upper: z.string().nullable(),
  /** How the window is being read now: `unordered` also where an ascending source was not (P9). */
  order: z.enum(orders),
  /** The highest cursor seen so far; it becomes the watermark when the window is finished. */
  highest: z.string().nullable(),
  resume: resumePointSchema.nullable(),
});

/** A window that a run began and has not finished. */
export type UnfinishedWindow = z.infer<typeof unfinishedWindowSchema>;

const tieMemberSchema = z.strictObject({
  identity: z.string(),
  cursor: z.string(),
  /** How many records of this identity were delivered; above 1 only where records have no key. */
  count: z.int().positive(),
});

/**
 * The identity of a record already delivered with a cursor at or above the watermark, so that
 * reading inclusively neither loses nor repeats it (promise P6).
 */
export type TieMember = z.infer<typeof tieMemberSchema>;

const cursorRangeSchema = z.strictObject({ lower: z.string().nullable(), upper: z.string() });

/** A covered range `(lower, upper]` of cursor values, delivered completely; lower null is the beginning. */
export type CursorRange = z.infer<typeof cursorRangeSchema>;

const seenSchema = z.strictObject({
  /** From which cursor on all are known: `""` is all there are, null none. */
  from: z.string().nullable(),
  /** Their names, joined: eight characters each. */
  names: z.string(),
  /** Whether there were more than could be kept. */
  full: z.literal(true).optional(),
});

/** Records below the watermark that are known to be delivered. */
export type DeliveredNames = Readonly<z.infer<typeof seenSchema>>;

const tallySchema = z.strictObject({
  /** Records delivered up to the watermark, over all runs. */
  records: z.int().nonnegative(),
  /** When the last run that completed began; null before the first. */
  lastStart: z.iso.datetime().nullable(),
  /**
   * When the read that it finished had begun. That is earlier if the run continued from the cursor of a failed run: it
   * did not see later changes of records before that cursor.
   */
  since: z.iso.datetime().nullable(),
  /** When an unfinished read that has delivered something had begun; else null. */
  open: z.iso.datetime().nullable(),
});

/** What is stored about the runs of a stream with a source-managed cursor. */
export type Tally = Readonly<z.infer<typeof tallySchema>>;

export const positionSchema = z.strictObject({
  /** The committed cursor; null before the first delivery. */
  watermark: z.string().nullable(),
  /** The committed cursor in its committer's own spelling, where that is not the canonical text. */
  watermarkText: z.string().optional(),
  /** The highest values of the secondary cursors. */
  secondaryCursors: z.strictObject({ id: z.string().optional(), offset: z.string().optional() }),
  window: unfinishedWindowSchema.nullable(),
  tieSet: listOf(tieMemberSchema),
  coverage: listOf(cursorRangeSchema),
  tally: tallySchema.optional(),
  /** The input's note about its source, in a form of the input's own: see `InputSession.note`. */
  note: z.string().optional(),
  /** The records below the watermark that are known to be delivered; absent where none were stored. */
  seen: seenSchema.optional(),
  /**
   * The facts that the input has learned about its source, in a form of the input's own: see `InputSession.facts`.
   * Sorted.
   */
  facts: listOf(z.string()).optional(),
  /** The cursor from which on the output keeps each delivery, under `dedupe: window`. */
  dedupedFrom: z.string().optional(),
  /** The output's place when this was committed: see `OutputSession.place`. */
  place: z.string().optional(),
  /**
   * Records of an unfinished page or window that were taken and that the next run may read again: their names, joined,
   * `takenNameLength` characters each.
   */
  taken: z.string().optional(),
});

/**
 * Everything that is stored about a stream's progress. Cursor values are canonical texts; their type is stored once per
 * stream, next to the position.
 */
export type Position = Readonly<z.infer<typeof positionSchema>>;

/** How long each name in `taken` is. */
export const takenNameLength = 12;

/** The position of a stream that was never read. */
export const emptyPosition: Position = {
  watermark: null,
  secondaryCursors: {},
  window: null,
  tieSet: [],
  coverage: [],
};

/** The format that this version writes. */
export const positionFormat = 3;

/** One upgrade a format: the entry under N turns format N into N + 1. */
const upgrades: ReadonlyMap<number, (stored: Record<string, unknown>) => Record<string, unknown>> = new Map([
  // Format 2 adds `facts`, `seen`, `taken`, `watermarkText`, `place`, and a resume point's `bounds`, `read` and `sealed`.
  // All may be absent.
  [1, (stored) => stored],
  // Format 3 names the secondary cursors and the tie set so; before, they were `companions` and `boundary`.
  [2, ({ companions, boundary, ...rest }) => ({ ...rest, secondaryCursors: companions, tieSet: boundary })],
]);

const storedSchema = z.looseObject({ format: z.int().positive() });

/** The position as text for storage, with its format's number. */
export function encodePosition(position: Position): string {
  return JSON.stringify({ format: positionFormat, ...position });
}

/**
 * Reads a stored position, upgrading it step by step. `holder` names where it was found, for the message. Throws
 * `STATE_TOO_NEW` for a newer format and `STATE_UNREADABLE` for anything else that is not a position: unreadable state
 * is an error, never "no state" (promise P10).
 */
export function decodePosition(text: string, holder: string): Position {
  const stored = parseStored(text, holder);
  if (stored.format > positionFormat) {
    throw new TidemarkError(
      "STATE_TOO_NEW",
      `${holder}: the position has format ${stored.format}; this version reads up to ${positionFormat}`,
    );
  }
  let upgraded: Record<string, unknown> = stored;
  for (let format = stored.format; format < positionFormat; format++) {
    const upgrade = upgrades.get(format);
    if (upgrade === undefined) throw unreadable(holder, `no upgrade leads on from format ${format}`);
    upgraded = upgrade(upgraded);
  }
  const { format: _, ...body } = upgraded;
  const parsed = positionSchema.safeParse(body);
  if (!parsed.success) throw unreadable(holder, z.prettifyError(parsed.error));
  return parsed.data;
}

function parseStored(text: string, holder: string): z.infer<typeof storedSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw unreadable(holder, "it is not JSON", cause);
  }
  const parsed = storedSchema.safeParse(json);
  if (!parsed.success) throw unreadable(holder, "it has no format number");
  return parsed.data;
}

function unreadable(holder: string, why: string, cause?: unknown): TidemarkError {
  return new TidemarkError("STATE_UNREADABLE", `${holder}: the stored position cannot be read: ${why}`, {
    cause,
  });
}
