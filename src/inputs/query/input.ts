import { openSql } from "../../databases/open.ts";
import { readersPrefix } from "../../databases/readers.ts";
import type { CursorField, Incremental, Input } from "../../engine/ports.ts";
import { parsePrecision } from "../../model/precision.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { isoFormat } from "../../model/timestamp.ts";
import { incrementalOf, placeStatePersistenceSchema } from "../state-persistence.ts";
import type { StatePersistence } from "../state-persistence-keys.ts";
import { analyseQuery } from "./query-analysis.ts";
import { databaseFor } from "./query-checks.ts";
import { type DatabaseInputConfig, readsByTransaction } from "./schema.ts";
import { DatabaseInputSession } from "./session.ts";

/** The precision of timestamps in PostgreSQL and MySQL: microseconds. */
const isoPrecision = "1us";

/**
 * An input that reads a table, or the result of a query, from SQLite, PostgreSQL or MySQL. `config` is the parsed
 * `databaseInputSchema`.
 *
 * One read is one snapshot, page by page, in memory for one page. A query's own LIMIT becomes the page size, and the
 * rest is read as well, so that no tie is cut (promise P6). With a LIMIT inside the query, it is run again with a new
 * bound until nothing new comes. Values keep every digit.
 *
 * With a bound that is safe (`commitSafe`, the default on PostgreSQL and MySQL) the window ends below everything that
 * an open transaction could still commit; with `cursor: xmin` a table is read by its transactions.
 *
 * Sessions throw `SOURCE_UNAVAILABLE`, `QUERY_FAILED`, `DRIVER_MISSING`, `PAGE_REPEATED` (a LIMIT inside the query that
 * is smaller than a group of equal cursors), `CONFIG_INCOHERENT`, `SOURCE_REFUSED` (a declared safe bound that is not
 * available), `SOURCE_REPLACED` (a cluster that was restored to an older state).
 */
export function createDatabaseInput(config: DatabaseInputConfig): Input {
  const persistence = persistenceOf(config);
  const incremental = readAs(config, incrementalOf(persistence, config.key, isoPrecision));
  return {
    kind: "database",
    incremental,
    async open(context) {
      const connect = () =>
        openSql(config.connectionString ?? config.connectionStringRef ?? "", {
          role: "input",
          applicationName: `${readersPrefix}${formatStreamKey(context.key)}`,
        });
      const connection = await connect();
      return new DatabaseInputSession({ connection, connect, context, config, persistence, incremental });
    },
  };
}

/** Expands the short form `cursor`. */
function persistenceOf(config: DatabaseInputConfig): StatePersistence {
  const { cursor, statePersistence } = config;
  if (cursor === undefined || readsByTransaction(config)) return statePersistence;
  return placeStatePersistenceSchema.parse({ ...statePersistence, timestamp: { field: cursor } });
}

/**
 * With `table` the query is generated: it compares inclusively and sorts by the cursor. If a user's query compares
 * strictly, that overrides the declared `bound`.
 */
function readAs(config: DatabaseInputConfig, incremental: Incremental): Incremental {
  const { cursors } = incremental;
  if (readsByTransaction(config)) return { ...incremental, cursors: [transactions], order: "ascending" };
  if (config.query === undefined) {
    return {
      ...incremental,
      cursors: cursors.map(inclusive),
      order: cursors.length === 0 ? incremental.order : "ascending",
    };
  }
  const { placeholders } = analyseQuery(config.query, databaseFor(config).syntax);
  const strict = new Set(
    placeholders.filter(({ comparison }) => comparison === "strict").map(({ number }) => number),
  );
  return {
    ...incremental,
    cursors: cursors.map((field, at) =>
      strict.has(at + 1) && field.role !== "offset" ? { ...field, bound: "exclusive" } : field,
    ),
  };
}

/** Only the database knows which transaction wrote a row, so the cursor comes with the pages. */
const transactions: CursorField = {
  role: "sourceManaged",
  type: "numeric_id",
  path: null,
  format: isoFormat,
  bound: "inclusive",
  precision: parsePrecision("1"),
};

function inclusive(field: CursorField): CursorField {
  return { ...field, bound: "inclusive" };
}
