import { TidemarkError } from "../../errors.ts";
import { isEpoch, noIsoText } from "../iso-texts.ts";
import type { PlacedColumn, SqlConnection, TableReading, ValuesWithoutPlace } from "../port.ts";
import { oidArray, relationsOf, sequencesOf } from "./relations.ts";

const numbers = ["int2", "int4", "int8", "numeric", "float4", "float8"];
const texts = ["text", "varchar", "bpchar", "name", "citext"];

/** Types of PostgreSQL that compare code point by code point under the collation `C`. */
const collated = new Set(["text", "varchar", "bpchar", "name"]);
/** Those that have no collation, and sort as their texts do. */
const sortsAsText = new Set(["uuid", "bytea", "macaddr", "macaddr8"]);

export const postgresTables: TableReading = {
  transactionCursor: "xmin",
  foldsNames: false,
  rowNames: [],
  orderedTypes: {
    times: ["timestamptz", "timestamp", "date", ...texts],
    counts: [...numbers, ...texts],
    numbers: [...numbers, "oid", "xid8"],
    // The rest is refused where the column's comparison is chosen.
    texts: [],
  },
  numberTypes: numbers,
  columnType: (connection, table, column) =>
    postgresColumn(connection, connection.dialect.table(table), column),
  comparedAsText,
  mayHoldIsoTexts: (kind) => kind === "text",
  // A collation of the column's own may skip some letters.
  byLetters: (column) => `(${column} COLLATE "C")`,
  uuidOrder: null,
  valuesWithoutPlace,
  nextId,
};

/** The type of a column of PostgreSQL. */
interface PostgresColumn {
  /** The name of the type itself; of a domain, that of the type behind all domains. */
  readonly base: string;
  /** As PostgreSQL writes it down: `character(8)`. */
  readonly type: string;
  readonly isEnum: boolean;
  readonly isCollatable: boolean;
}

/** Null for a column that is not there. `table` is quoted. */
async function postgresColumn(
  connection: SqlConnection,
  table: string,
  column: string,
): Promise<PostgresColumn | null> {
  const [row] = await connection.query(
    `WITH RECURSIVE step AS (
       SELECT a.atttypid AS oid, format_type(a.atttypid, a.atttypmod) AS type
         FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = to_regclass($1) AND a.attname = $2 AND NOT a.attisdropped
       UNION ALL
       SELECT t.typbasetype, step.type
         FROM step JOIN pg_catalog.pg_type t ON t.oid = step.oid WHERE t.typbasetype <> 0
     )
     SELECT t.typname AS base, step.type, t.typtype = 'e' AS enum, t.typcollation <> 0 AS collatable
       FROM step JOIN pg_catalog.pg_type t ON t.oid = step.oid WHERE t.typbasetype = 0`,
    [table, column],
  );
  if (row === undefined) return null;
  return {
    base: String(row.base),
    type: String(row.type),
    isEnum: row.enum === true,
    isCollatable: row.collatable === true,
  };
}

async function comparedAsText(connection: SqlConnection, table: string, column: string): Promise<string> {
  const name = connection.dialect.identifier(column);
  const found = await postgresColumn(connection, connection.dialect.table(table), column);
  const base = found?.base ?? "text";
  if (collated.has(base)) return `${name} COLLATE "C"`;
  if (sortsAsText.has(base)) return name;
  // `citext` compares without case, and an enum by the order in which its words were declared.
  if (found?.isCollatable || found?.isEnum) return `CAST(${name} AS text) COLLATE "C"`;
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `the column ${column} of ${table} is of type ${found?.type}, which PostgreSQL does not sort as text, and the cursor is declared \`type: text\``,
    {
      hint: 'Declare `type: numeric` for numbers, and `cursor` or `timestamp` for times. Otherwise give a `query` that compares and sorts `CAST(… AS text) COLLATE "C"`.',
    },
  );
}

const none: ValuesWithoutPlace = { nulls: null, odd: null };

function valuesWithoutPlace({ column, kind, leading: { type, format } }: PlacedColumn): ValuesWithoutPlace {
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

async function nextId(connection: SqlConnection, table: string, column: string): Promise<bigint | null> {
  const relations = await relationsOf(connection, table);
  const sequences = relations === null ? [] : await sequencesOf(connection, relations, column);
  if (sequences.length === 0) return null;
  // A sequence that nobody has taken from since it was made, or set back, has no last value.
  const [row] = await connection.query(
    `SELECT min(coalesce(pg_sequence_last_value(seqrelid) + seqincrement, seqstart))::text AS next
       FROM pg_catalog.pg_sequence
      WHERE seqrelid = ANY ($1::text::oid[]) AND has_sequence_privilege(seqrelid, 'SELECT, USAGE')`,
    [oidArray(sequences)],
  );
  return typeof row?.next === "string" ? BigInt(row.next) : null;
}
