import { z } from "zod";
import { messageOf, TidemarkError } from "../../../errors.ts";
import { type CursorType, cursorTypes, parseCursor } from "../../../model/cursor.ts";
import { ExactNumber } from "../../../model/exact-number.ts";

type Columns = Record<string, unknown>;

/** What people write as a watermark. */
const written = z
  .union([z.string(), z.number(), z.instanceof(ExactNumber)])
  .nullable()
  .transform((value) => (value === null ? null : String(value)));

export interface EditedFile {
  readonly file: string;
  /** What happens if the file is removed, for messages. */
  readonly removal: string;
}

const positionSchema = z.looseObject({ watermark: z.unknown() });

/**
 * A stream's columns with a watermark that somebody edited by hand: in `cursor_value`, in `position.watermark` or in
 * both, and in any form that a cursor of the type has. Where the two differ, the one that the log does not end with
 * is the edit. Throws `STATE_UNREADABLE` where neither is the log's, and for a value that is no cursor.
 */
export function withEditedCursor(columns: Columns, logged: () => string | null, file: EditedFile): Columns {
  const position = positionSchema.safeParse(columns.position);
  const type = z.enum(cursorTypes).safeParse(columns.cursor_type);
  if (!position.success || !type.success) return columns;
  const [value, inPosition] = [columns.cursor_value, position.data.watermark];
  if (value === inPosition && isCanonical(type.data, value)) return columns;
  const edited = value === inPosition ? value : theEdit(value, inPosition, logged(), file);
  const watermark = canonical(type.data, edited, file);
  return { ...columns, cursor_value: watermark, position: { ...position.data, watermark } };
}

function theEdit(value: unknown, inPosition: unknown, logged: string | null, file: EditedFile): unknown {
  if (inPosition === logged) return value;
  if (value === logged) return inPosition;
  throw unreadable(
    file,
    `cursor_value is ${JSON.stringify(value)}, position.watermark is ${JSON.stringify(inPosition)}, and the audit log ends with ${JSON.stringify(logged)}`,
  );
}

function isCanonical(type: CursorType, value: unknown): boolean {
  if (value === null) return true;
  try {
    return typeof value === "string" && parseCursor(type, value).value === value;
  } catch {
    return false;
  }
}

function canonical(type: CursorType, edited: unknown, file: EditedFile): string | null {
  const text = written.safeParse(edited);
  if (!text.success) throw unreadable(file, `the watermark cannot be ${JSON.stringify(edited)}`);
  if (text.data === null) return null;
  try {
    return parseCursor(type, text.data).value;
  } catch (cause) {
    throw unreadable(file, `the watermark was edited by hand: ${messageOf(cause)}`, cause);
  }
}

function unreadable({ file, removal }: EditedFile, why: string, cause?: unknown): TidemarkError {
  return new TidemarkError("STATE_UNREADABLE", `${file}: the state cannot be read: ${why}`, {
    cause,
    hint:
      "Write a value as the stream has them into `cursor_value`, and the same into `position.watermark`, or restore the " +
      `file. ${removal} What cannot be read is not changed by \`state set\` or \`reset\`.`,
  });
}
