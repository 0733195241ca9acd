import type { SqlConnection, Subject } from "../../../databases/port.ts";
import type { CursorField, Warn } from "../../../engine/ports.ts";
import { stepCursor } from "../../../model/cursor.ts";
import { emptyPosition, type Position } from "../../../model/position.ts";
import { parsePrecision } from "../../../model/precision.ts";
import { formatPath } from "../../../model/record.ts";

/** Rows further ahead than this are not explained by small clock differences. */
const ahead = parsePrecision("5m");
const mostCounted = 10_000;

interface FutureParts {
  readonly connection: SqlConnection;
  readonly field: CursorField;
  readonly table: string;
  readonly subject: (position: Position) => Promise<Subject>;
  readonly warn: Warn;
}

/**
 * Counts the rows that are dated past the present, by the database's clock. A window that ends below open transactions
 * leaves them to a later run; a row dated in the year 20224 is then not read for a long time.
 */
export async function warnOfFutureRows(parts: FutureParts, present: string): Promise<void> {
  const { connection, field, table, subject, warn } = parts;
  if (field.path === null) return;
  const watermark = stepCursor("timestamp_utc", present, ahead, 1);
  const { sql, params } = await subject({ ...emptyPosition, watermark });
  const column = connection.dialect.identifier(formatPath(field.path));
  const { limited } = connection.dialect.fragments;
  const counted = limited(`SELECT ${column} AS at FROM (${sql}\n) later`, mostCounted + 1);
  const [found] = await connection.query(
    `SELECT COUNT(*) AS count, MIN(at) AS first FROM (${counted}) counted`,
    params,
  );
  const count = Number(found?.count);
  if (count === 0) return;
  const number = count > mostCounted ? `more than ${mostCounted}` : count;
  const rows = `${count === 1 ? "1 row of" : `${number} rows of`} ${table} ${count === 1 ? "is" : "are"}`;
  const { transactionCursor } = connection.dialect.tables;
  const other = transactionCursor === null ? "" : ` or \`cursor: ${transactionCursor}\``;
  warn(
    "RECORDS_HELD_BACK",
    `${rows} dated in the future (\`${formatPath(field.path)}\` ${String(found?.first)}), to be read when that time has come. Correct the dates in the source, or deliver such rows at once with \`commitSafe: false\`${other}.`,
  );
}
