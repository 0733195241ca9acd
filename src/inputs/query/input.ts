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

/** What databases keep of a second: timestamps of PostgreSQL and MySQL have microseconds. */
const isoPrecision = "1us";

/**
 * An input that reads a table, or what a query gives, from SQLite, PostgreSQL or MySQL. `config` is what
 * `databaseInputSchema` parses to.
 *
 * One read is one snapshot, page by page, in memory for one page. A query's own LIMIT is taken for
 * the page's size and the rest is read as well, so that no tie is cut (promise P6); one inside the
 * query has it run again with a new bound until nothing new comes. Values come with every digit.
 *
 * With a bound that is safe (`commitSafe`, the default on PostgreSQL and MySQL) the window ends below whatever an
 * open transaction could still commit; with `cursor: xmin` a table is read by its transactions.
 *
 * Sessions throw `SOURCE_UNAVAILABLE`, `QUERY_FAILED`, `DRIVER_MISSING`, `PAGE_REPEATED` (a LIMIT
 * inside the query that is smaller than a group of equal cursors), `CONFIG_INCOHERENT`, `SOURCE_REFUSED`
 * (a safe bound that is declared and cannot be had), `SOURCE_REPLACED` (a cluster that was set back).
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

/** What `cursor` is short for, written out. */
function persistenceOf(config: DatabaseInputConfig): StatePersistence {
  const { cursor, statePersistence } = config;
  if (cursor === undefined || readsByTransaction(config)) return statePersistence;
  return placeStatePersistenceSchema.parse({ ...statePersistence, timestamp: { field: cursor } });
}

/**
 * With `table` the query is our own: it compares inclusively and sorts by the cursor. A query that is
 * seen to compare strictly is taken at its word, whatever is declared.
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

/** Rows say which transaction wrote them to the database alone, so that the pages bring it. */
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
