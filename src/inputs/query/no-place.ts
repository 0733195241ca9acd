import type { ColumnKind, SqlDialect } from "../../databases/port.ts";
import type { CursorField } from "../../engine/ports.ts";

/** Conditions in SQL for values of a cursor's column that no bound finds; null where the column has none. */
export interface ValuesWithoutPlace {
  /** Values that count as null: infinities, empty texts, dates of zeros. */
  readonly nulls: string | null;
  /** Values that are no cursor, and that the database sorts before or behind all that are. */
  readonly odd: string | null;
}

interface ColumnParts {
  readonly dialect: SqlDialect["name"];
  /** The column's name, quoted. */
  readonly column: string;
  readonly kind: ColumnKind | undefined;
  readonly leading: CursorField;
  /** Whether rows above an upper bound are left out. */
  readonly hasUpper: boolean;
}

/**
 * What a read from a bound on would leave out for ever, wherever the watermark is. Such rows are asked for by
 * themselves, so that each run delivers them by `onNullCursor`, or refuses them by name.
 */
export function valuesWithoutPlace(parts: ColumnParts): ValuesWithoutPlace {
  return byDialect[parts.dialect](parts);
}

const byDialect: Readonly<Record<SqlDialect["name"], (parts: ColumnParts) => ValuesWithoutPlace>> = {
  postgres: onPostgres,
  mysql: onMysql,
  sqlite: onSqlite,
};

const none: ValuesWithoutPlace = { nulls: null, odd: null };

function onPostgres({ column, kind, leading: { type, format } }: ColumnParts): ValuesWithoutPlace {
  if (type === "timestamp_utc" && (kind === "timestamp" || kind === "date")) {
    return { nulls: `(${column} IN ('-infinity', 'infinity'))`, odd: null };
  }
  if (type === "timestamp_utc" && kind === "text" && !isEpoch(format.kind)) {
    return { nulls: `(${column} = '')`, odd: noIsoText(column, `(${column} COLLATE "C")`, format.kind) };
  }
  if (type === "text" || type === "opaque_token") return none;
  if (kind === "float") return { nulls: null, odd: `(${column} IN ('-Infinity', 'Infinity', 'NaN'))` };
  // Older servers have no infinity of this type, so it is not named: it is less than the lowest number.
  const far = "1e131071";
  return kind === "decimal" ? { nulls: null, odd: `(${column} < '-${far}' OR ${column} > '${far}')` } : none;
}

function onMysql({ column, kind, leading: { type, format } }: ColumnParts): ValuesWithoutPlace {
  if (type !== "timestamp_utc") return none;
  if (kind === "timestamp" || kind === "date") {
    return { nulls: `(${column} < '0001-01-01')`, odd: null };
  }
  if (kind !== "text" || isEpoch(format.kind)) return none;
  const nulls = `(${column} = '' OR ${column} LIKE '0000-00-00%')`;
  return { nulls, odd: noIsoText(column, column, format.kind) };
}

/** SQLite keeps values of any class in one column, and sorts numbers before texts, and texts before bytes. */
function onSqlite({ column, kind, leading, hasUpper }: ColumnParts): ValuesWithoutPlace {
  const { type, format } = leading;
  const isText = kind === "text";
  if (type === "text") return { nulls: null, odd: isText ? null : `(${column} < '')` };
  if (type === "timestamp_utc" && !isEpoch(format.kind)) {
    return {
      nulls: `(${column} = '' OR (${column} >= '0000-00' AND ${column} < '0000-01'))`,
      odd: isText ? null : `(${column} < '')`,
    };
  }
  return { nulls: null, odd: hasUpper && !isText ? `(${column} >= '')` : null };
}

/** Texts that are no date lie below the bound, or above the window's end: none of the two ever finds them. */
function noIsoText(column: string, compared: string, kind: CursorField["format"]["kind"]): string | null {
  return kind === "iso8601" ? `(${column} <> '' AND ${compared} NOT LIKE '____-__-__%')` : null;
}

function isEpoch(kind: CursorField["format"]["kind"]): boolean {
  return kind.startsWith("epoch");
}
