import type { SqlConnection } from "../../databases/port.ts";
import type { CursorField, Warn } from "../../engine/ports.ts";
import { isTidemarkError } from "../../errors.ts";
import { compareCursorValues, readCursorValue } from "../../model/cursor.ts";
import { type DatabaseInputConfig, readsByTransaction } from "./schema.ts";

interface BehindParts {
  readonly connection: SqlConnection;
  readonly config: DatabaseInputConfig;
  readonly leading: CursorField | undefined;
  readonly warn: Warn;
  /** Whether an earlier run gave this warning for the same watermark. */
  readonly wasReported: boolean;
}

/**
 * Called where a run by `table` found no row from the watermark on, not even the one at the watermark. If the table has
 * rows and all of them lie below it, they may be new: the table was emptied and refilled, or its ids were restarted.
 * Deleted rows look the same, so it warns once per watermark. If the table's next ids lie below the watermark, it warns
 * in each run. Returns whether all rows lie below.
 */
export async function warnOfRowsBehind(parts: BehindParts, watermark: string): Promise<boolean> {
  const { connection, config, leading, warn, wasReported } = parts;
  const { table } = config;
  const [column, ...further] = leading?.path ?? [];
  if (table === undefined || readsByTransaction(config) || leading === undefined) return false;
  if (column === undefined || further.length > 0) return false;
  if (leading.type !== "numeric_id" && leading.type !== "timestamp_utc") return false;
  const highest = await highestOf(connection, config, leading, column);
  if (highest === null || compareCursorValues(leading.type, highest, watermark) >= 0) return false;
  const next =
    leading.type === "numeric_id"
      ? await quietly(connection.dialect.tables.nextId(connection, table, column))
      : null;
  const hint =
    "Rows up to the watermark are not read: if these are other rows than before, read everything again with --full-refresh.";
  if (next !== null && compareCursorValues("numeric_id", String(next), watermark) <= 0) {
    warn(
      "ROWS_BEHIND",
      `the highest ${column} of ${table} is ${highest}, and the next row gets ${next}, not above the watermark ${watermark}: the table was emptied and filled anew, or its ids began again. ${hint}`,
    );
  } else if (!wasReported) {
    warn(
      "ROWS_BEHIND",
      `no row of ${table} has ${column} ${watermark}, the stream's watermark, or a higher one; the highest is ${highest}. The rows above were deleted, or the table was emptied and filled anew. ${hint}`,
    );
  }
  return true;
}

async function highestOf(
  connection: SqlConnection,
  { table = "", where }: DatabaseInputConfig,
  { type, format }: CursorField,
  name: string,
): Promise<string | null> {
  const { dialect } = connection;
  const column = dialect.identifier(name);
  const condition = where === undefined ? "" : ` AND (${where}\n)`;
  const rows = await quietly(
    connection.query(
      dialect.fragments.limited(
        `SELECT ${column} AS highest FROM ${dialect.table(table)} WHERE ${column} IS NOT NULL${condition} ORDER BY ${column} DESC`,
        1,
      ),
    ),
  );
  const highest = rows?.[0]?.highest ?? null;
  if (highest === null) return null;
  try {
    return readCursorValue(type, highest, format);
  } catch {
    // The read itself reports such a value.
    return null;
  }
}

/** Null where the database refuses the query: the answer is then unknown, and the run itself is complete. */
async function quietly<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (isTidemarkError(error, "QUERY_FAILED") || !isTidemarkError(error)) return null;
    throw error;
  }
}
