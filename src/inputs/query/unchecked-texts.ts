import type { SqlConnection, UnreadableText } from "../../databases/port.ts";
import type { Page } from "../../engine/ports.ts";
import { describeRecord } from "../../engine/tracking/record-cursors.ts";
import { unreadableRecord } from "../../engine/tracking/unreadable-record.ts";
import { TidemarkError } from "../../errors.ts";
import { isPlainObject } from "../../model/plain-object.ts";
import type { SourceRecord } from "../../model/record.ts";

/** The character that a decoder uses for bytes that are not UTF-8. */
const replacement = "\uFFFD";

/**
 * Replaces each record that has a text with invalid UTF-8 by a placeholder, in a page with unchecked texts. A text that
 * really contains U+FFFD looks the same and is refused too.
 */
export function withReadableTexts(page: Page): Page {
  let found = false;
  const records = page.records.map((record) => {
    const field = Object.keys(record).find((name) => holdsReplacement(record[name]));
    if (field === undefined) return record;
    found = true;
    return unreadableRecord(record, notUtf8(record, field));
  });
  return found ? { ...page, records, holdsUnreadable: true } : page;
}

/** Replaces each record that has a text which the connection found to be invalid by a placeholder. */
export function withoutUnreadableTexts(
  page: Page,
  unreadableText: NonNullable<SqlConnection["unreadableText"]>,
): Page {
  let found = false;
  const records = page.records.map((record) => {
    const text = unreadableText(record);
    if (text === null) return record;
    found = true;
    return unreadableRecord(record, noText(record, text));
  });
  return found ? { ...page, records, holdsUnreadable: true } : page;
}

function noText(record: SourceRecord, { field, because }: UnreadableText): TidemarkError {
  const why =
    because === "malformed"
      ? "the text has bytes that are no text in the encoding of the file (UTF-8, or UTF-16 with half of a surrogate pair)"
      : "the text has the character U+FFFD, which may also replace invalid bytes, and the query returns other rows when it runs again, so it cannot be checked";
  return new TidemarkError("RECORD_INVALID", `${describeRecord(record)}, field ${field}: ${why}`, {
    hint: `Correct the text in the source, or read its bytes by a query (CAST(${field} AS BLOB) AS ${field}), or declare \`onError: deadLetter\`.`,
    details: { field },
  });
}

function holdsReplacement(value: unknown): boolean {
  if (typeof value === "string") return value.includes(replacement);
  if (Array.isArray(value)) return value.some(holdsReplacement);
  return isPlainObject(value) && Object.entries(value).some((entry) => entry.some(holdsReplacement));
}

function notUtf8(record: SourceRecord, field: string): TidemarkError {
  return new TidemarkError(
    "RECORD_INVALID",
    `${describeRecord(record)}, field ${field}: the text has bytes that are no UTF-8, and the database has no encoding (SQL_ASCII) by which to read them`,
    {
      hint: `Correct the text in the source; or say its encoding in a query, as in convert_from(convert(convert_to(${field}, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'UTF8') AS ${field}; or declare \`onError: deadLetter\`.`,
      details: { field },
    },
  );
}
