import { tableNameParts } from "../../databases/names.ts";
import { openSql } from "../../databases/open.ts";
import type { SqlConnection, SqlDialect } from "../../databases/port.ts";
import { ownTablePrefix } from "../../databases/table/marker.ts";
import { changeTablesAlone, type TableDescription, type TableStore } from "../../databases/table/store.ts";
import { tableResource } from "../../databases/table-resource.ts";
import type { Output, OutputContext } from "../../engine/ports.ts";
import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { onErrorOf } from "../dead-letters/schema.ts";
import { SqlOffsetsStorage } from "../offsets/sql-storage.ts";
import type { DatabaseOutputConfig } from "./schema.ts";
import { DatabaseSession } from "./session.ts";

/**
 * Writes records to a table of SQLite, PostgreSQL or MySQL, each exactly once (promise P2): a commit's rows and its
 * position, in `_tidemark_positions` next to the table, are one transaction.
 *
 * The table is created with the first records and gets a column for each new field. A column's type follows the
 * source's column, or the values: boolean, integer, decimal, text, or JSON for lists and objects; it is widened where a
 * later value needs it, as long as Tidemark made the table. Every digit is kept, and a value that a column would round,
 * cut or misread is refused before its batch is written. In SQLite, integers past 64 bits and decimals past a double
 * are stored as text, since a numeric column would cut them, and booleans as 0 and 1. MySQL keeps decimals past 35
 * digits before the point, or 30 after it, as text.
 *
 * An upsert replaces every column that the stream has ever written: fields that the record lacks become NULL, and
 * columns that no record of the stream ever filled are not changed. A field that is always null gets no column.
 *
 * Sessions throw `OUTPUT_UNAVAILABLE`, `OUTPUT_FAILED`, `RUN_SUPERSEDED`, `RECORD_INVALID`, `CONFIG_INCOHERENT` (an
 * upsert to a table that does not keep its key unique), `STATE_UNREADABLE`.
 */
export function createDatabaseOutput(config: DatabaseOutputConfig): Output {
  const mode = modeOf(config);
  return {
    kind: "database",
    guarantee: "exactly-once",
    appends: mode === "append",
    ...(mode === "upsert" && config.key !== undefined ? { upsertKey: [config.key].flat() } : {}),
    target: tableResource(config.connectionString ?? config.connectionStringRef ?? "", config.table),
    ...(mode === "append" ? { toReplace: "give the output a `key` to replace rows by" } : {}),
    onError: onErrorOf(config),
    open: (context) => openSession(config, mode, context),
    openReader: async (context) => {
      const { openTableReader } = await import("./table-reader.ts");
      return openTableReader(config, context);
    },
  };
}

function modeOf(config: DatabaseOutputConfig): "upsert" | "append" {
  return config.mode ?? (config.key === undefined ? "append" : "upsert");
}

async function openSession(
  config: DatabaseOutputConfig,
  mode: "upsert" | "append",
  context: OutputContext,
): Promise<DatabaseSession> {
  const { table, createTable } = config;
  const key = mode === "append" || config.key === undefined ? [] : [config.key].flat();
  const connect = (): Promise<SqlConnection> =>
    openSql(config.connectionString ?? config.connectionStringRef ?? "", {
      role: "output",
      applicationName: `tidemark ${formatStreamKey(context.key)}`,
    });
  const connection = await connect();
  try {
    const store = await connection.tableStore();
    await store.limitWaits(context.leaseSeconds);
    const offsets = offsetsIn(connection, table, context);
    if (!(await offsets.exists())) await changeTablesAlone(store, () => offsets.create());
    const { dialect } = connection;
    assertUpsertPossible(await store.describe(table), { table, key, createTable, store, dialect });
    return new DatabaseSession({
      connection,
      store,
      offsets,
      context,
      table,
      key,
      createTable,
      declared: new Map(Object.entries(config.columns ?? {})),
      currentEpoch: () => epochBy(connect, table, context),
    });
  } catch (error) {
    await connection.close();
    throw isTidemarkError(error, "QUERY_FAILED") ? cannotOpen(table, error) : error;
  }
}

function offsetsIn(connection: SqlConnection, table: string, context: OutputContext): SqlOffsetsStorage {
  const { key, clock } = context;
  return new SqlOffsetsStorage({ connection, table, prefix: ownTablePrefix, key, now: () => clock.now() });
}

function cannotOpen(table: string, error: TidemarkError): TidemarkError {
  return new TidemarkError("OUTPUT_FAILED", `the table ${table} cannot be prepared: ${error.message}`, {
    cause: error,
    hint: "Check that its schema exists and that the user may create tables there.",
  });
}

interface Expected {
  readonly table: string;
  readonly key: readonly string[];
  readonly createTable: boolean;
  readonly store: TableStore;
  readonly dialect: SqlDialect;
}

function assertUpsertPossible(description: TableDescription | null, expected: Expected): void {
  const { table, key, createTable, store, dialect } = expected;
  if (description === null) {
    if (createTable) return;
    throw new TidemarkError(
      "CONFIG_INCOHERENT",
      `the table ${table} does not exist, and \`createTable\` is false`,
      {
        hint: "Create the table, or let Tidemark do it with `createTable: true`.",
      },
    );
  }
  if (key.length === 0) return;
  assertKeyNotComputed(description, expected);
  const folded = (names: readonly string[]) => JSON.stringify(names.map(store.rules.fold).sort());
  if (description.uniqueKeys.some((unique) => folded(unique) === folded(key))) return;
  const columns = key.map(dialect.identifier).join(", ");
  const index = dialect.identifier(`${tableNameParts(table).at(-1)}_key`);
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `the table ${table} does not keep ${key.join(", ")} unique, which an upsert by that key needs`,
    {
      hint: `Create the index: CREATE UNIQUE INDEX ${index} ON ${table} (${columns}); or choose \`mode: append\`.`,
    },
  );
}

function assertKeyNotComputed({ columns }: TableDescription, { table, key, store }: Expected): void {
  const { fold } = store.rules;
  const own = new Set(key.map(fold));
  const computed = columns.find((column) => column.computed === true && own.has(fold(column.name)));
  if (computed === undefined) return;
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `the table ${table} computes \`${computed.name}\` itself (a generated column), so that no record's key can be written to it`,
    { hint: "Choose the columns that it is computed from as the `key`, or `mode: append`." },
  );
}

/** The stored fence, read on a new connection because the session's own may be lost. */
async function epochBy(
  connect: () => Promise<SqlConnection>,
  table: string,
  context: OutputContext,
): Promise<number | null> {
  try {
    await using connection = await connect();
    return (await offsetsIn(connection, table, context).read(context.scope))?.fence ?? null;
  } catch {
    return null;
  }
}
