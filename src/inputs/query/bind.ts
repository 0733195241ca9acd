import type { SqlDialect, SqlValue } from "../../databases/port.ts";
import type { CursorField } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { compareCursorValues, floorCursor, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { type CursorFormat, formatLowerBound, parseCursorFormat } from "../../model/timestamp.ts";
import {
  isMysqlText,
  mysqlHighest,
  mysqlLowerNumber,
  mysqlLowerTime,
  mysqlLowest,
  mysqlUpperNumber,
} from "./bind-mysql.ts";
import { lowestUuid, uuidNotAfter } from "./uuid.ts";

/** How a bound is to be written for one placeholder. */
export interface Binding {
  readonly dialect: SqlDialect["name"];
  /** The type that the database takes the placeholder for; null where any value goes. */
  readonly type: string | null;
  /** The format that the pipeline declares for bounds; null where it leaves that to us. */
  readonly queryFormat: CursorFormat | null;
}

const microsecond = parsePrecision("1us");
const day = parsePrecision("1d");
const whole = parsePrecision("1");

const smallest: Readonly<Record<string, bigint>> = {
  smallint: -(2n ** 15n),
  integer: -(2n ** 31n),
  bigint: -(2n ** 63n),
};
const largest64 = 2n ** 63n - 1n;
const approximate = new Set(["double precision", "real", "numeric"]);

/**
 * A lower bound as the database takes it: never above the canonical value, so that rounding loses no
 * record, and as close below it as the database's type can say.
 */
export function bindLowerBound(field: CursorField, value: string, binding: Binding): SqlValue {
  switch (field.type) {
    case "timestamp_utc":
      return lowerTimes[binding.dialect](field, value, binding);
    case "numeric_id":
    case "offset":
      return lowerNumbers[binding.dialect](value, binding);
    default:
      return binding.type === "uuid" ? uuidNotAfter(value) : value;
  }
}

/** Whether the database keeps the cursor's timestamps as text, and so compares and sorts their letters. */
export function isKeptAsText(field: CursorField, { dialect, type, queryFormat }: Binding): boolean {
  if (field.type !== "timestamp_utc") return false;
  const { kind } = queryFormat ?? field.format;
  if (dialect === "sqlite") return kind === "iso8601" || kind === "pattern";
  if (dialect === "mysql") return isMysqlText(type) && (kind === "iso8601" || kind === "pattern");
  return type === "text" || type === "character varying" || type === "character";
}

const lowerTimes: Readonly<
  Record<SqlDialect["name"], (field: CursorField, value: string, binding: Binding) => SqlValue>
> = {
  postgres: timestampForPostgres,
  sqlite: timestampForSqlite,
  mysql(field, value, binding) {
    const { type, queryFormat } = binding;
    const asText = timestampAsText(field, value, binding);
    return mysqlLowerTime(field, value, { type, format: queryFormat ?? field.format }, asText);
  },
};

const lowerNumbers: Readonly<Record<SqlDialect["name"], (value: string, binding: Binding) => SqlValue>> = {
  postgres: numberForPostgres,
  sqlite: numberForSqlite,
  mysql: mysqlLowerNumber,
};

function timestampForPostgres(field: CursorField, value: string, binding: Binding): SqlValue {
  const { timezone } = field.format;
  const floored = floorCursor("timestamp_utc", value, microsecond);
  switch (binding.type) {
    case "timestamp with time zone":
      return floored;
    case "timestamp without time zone":
      return formatLowerBound(floored, parseCursorFormat("yyyy-MM-dd HH:mm:ss.SSSSSS", timezone));
    case "date":
      return formatLowerBound(floored, parseCursorFormat("yyyy-MM-dd", timezone));
    default:
      return timestampAsText(field, value, binding);
  }
}

function timestampForSqlite(field: CursorField, value: string, binding: Binding): SqlValue {
  const text = timestampAsText(field, value, binding);
  return isKeptAsText(field, binding) ? text : BigInt(text);
}

/**
 * Where a column keeps timestamps as text, the database compares letters. ISO 8601 can be written
 * with a `T` or a blank, with more or fewer digits, with any offset; the day before, alone, sorts
 * before all of them. Where the pipeline says how the column writes them, the bound can be closer:
 * for `iso8601` the second, without the fraction and the zone that may follow it.
 */
function timestampAsText(field: CursorField, value: string, { queryFormat }: Binding): string {
  const { timezone } = field.format;
  const format = queryFormat ?? field.format;
  if (format.kind !== "iso8601") return formatLowerBound(value, format);
  if (queryFormat !== null) {
    return formatLowerBound(value, parseCursorFormat("yyyy-MM-dd'T'HH:mm:ss", timezone));
  }
  return formatLowerBound(
    stepCursor("timestamp_utc", value, day, -1),
    parseCursorFormat("yyyy-MM-dd", "UTC"),
  );
}

function numberForPostgres(value: string, { type }: Binding): SqlValue {
  const lowest = smallest[type ?? ""];
  if (lowest === undefined) return value;
  const integer = floorCursor("numeric_id", value, whole);
  return compareCursorValues("numeric_id", integer, String(lowest)) < 0 ? String(lowest) : integer;
}

function numberForSqlite(value: string): SqlValue {
  const integer = BigInt(floorCursor("numeric_id", value, whole));
  if (integer > largest64) return largest64;
  return integer < -largest64 ? -largest64 : integer;
}

/**
 * The lowest value there is, for the first run of a query that compares with the placeholder alone:
 * with NULL it would never give a row. Throws `CONFIG_INCOHERENT` for a type without one.
 */
export function lowestBound(field: CursorField, binding: Binding): SqlValue {
  if (binding.dialect === "sqlite") {
    // Below every number and, since SQLite makes `-Inf` of it where it compares texts, below every date.
    return field.type === "text" ? "" : Number.NEGATIVE_INFINITY;
  }
  const { type } = binding;
  if (binding.dialect === "mysql") return mysqlLowest(field, type);
  if (type === null || /^(?:text|character|character varying|"char"|name|citext)$/.test(type)) return "";
  const lowest = smallest[type];
  if (lowest !== undefined) return String(lowest);
  if (approximate.has(type)) return "-Infinity";
  if (/^(?:timestamp|date)/.test(type)) return "-infinity";
  if (type === "uuid") return lowestUuid;
  throw new TidemarkError("CONFIG_INCOHERENT", `there is no lowest ${type} for the first run to begin at`, {
    hint: "Say in the query what the first run reads: COALESCE($1, …).",
  });
}

/**
 * An upper bound for ids as the database takes it: never below the canonical value, unless nothing of
 * the type is above it.
 */
export function bindUpperNumber(value: string, { dialect, type }: Binding): SqlValue {
  if (dialect === "mysql") return mysqlUpperNumber(value);
  const floor = floorCursor("numeric_id", value, whole);
  const integer = floor === value ? value : stepCursor("numeric_id", floor, whole, 1);
  if (dialect === "sqlite") {
    const wanted = BigInt(integer);
    if (wanted > largest64) return largest64;
    return wanted < -largest64 ? -largest64 : wanted;
  }
  const lowest = smallest[type ?? ""];
  if (lowest === undefined) return value;
  if (BigInt(integer) > -lowest - 1n) return String(-lowest - 1n);
  return String(BigInt(integer) < lowest ? lowest : integer);
}

/**
 * The highest value there is, for a query that compares with an upper bound where the window has
 * none. Throws `CONFIG_INCOHERENT` for a type without one.
 */
export function highestBound({ dialect, type }: Binding): SqlValue {
  if (dialect === "sqlite") return Number.POSITIVE_INFINITY;
  if (dialect === "mysql") return mysqlHighest(type);
  const lowest = smallest[type ?? ""];
  if (lowest !== undefined) return String(-lowest - 1n);
  if (approximate.has(type ?? "")) return "Infinity";
  if (/^(?:timestamp|date)/.test(type ?? "")) return "infinity";
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `there is no highest ${type ?? "value"} for a window without an end`,
    {
      hint: "Say in the query what no end means: COALESCE($2, …).",
    },
  );
}
