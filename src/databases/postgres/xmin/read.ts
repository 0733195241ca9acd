import type { Cursor } from "../../../model/cursor.ts";
import type { Position } from "../../../model/position.ts";
import type {
  CommitBound,
  SqlConnection,
  SqlRow,
  TransactionPage,
  TransactionRead,
  TransactionReading,
  Warn,
} from "../../port.ts";
import { oidArray } from "../relations.ts";
import { assertNotEarlier, assertSameCluster, clusterNote } from "./cluster.ts";
import { findHorizon } from "./horizon.ts";
import { freshPartitions, transactionColumn, xminQuery } from "./table.ts";

/** Reads tables by `xmin`, in which PostgreSQL keeps the transaction that wrote a row. */
export function readingByXmin(connection: SqlConnection): TransactionReading {
  return {
    bound: (table, warn) => new XminBound(connection, table, warn),
    read: (read) => readByXmin(connection, read),
  };
}

/** The bound of a table that is read by transactions: everything below the horizon has ended. */
export class XminBound implements CommitBound {
  readonly #connection: SqlConnection;
  readonly #table: string;
  readonly #warn: Warn;
  #note: string | undefined;

  constructor(connection: SqlConnection, table: string, warn: Warn) {
    this.#connection = connection;
    this.#table = table;
    this.#warn = warn;
  }

  note(): string | undefined {
    return this.#note;
  }

  async safeUpper(position: Position): Promise<Cursor> {
    const note = await clusterNote(this.#connection, this.#table);
    assertSameCluster(position, note, this.#table);
    const { below, next } = await findHorizon(this.#connection, this.#warn);
    assertNotEarlier(this.#table, next, position);
    this.#note = note;
    return { type: "numeric_id", value: String(below - 1n) };
  }
}

/**
 * Reads the rows of all transactions from the lower bound to the upper one. A page's `next` is the transaction that the
 * next page begins with: all below it has come.
 */
async function* readByXmin(
  connection: SqlConnection,
  { table, columns, where, key, lower, upper: given, warn, ...options }: TransactionRead,
): AsyncGenerator<TransactionPage, void, undefined> {
  const { dialect } = connection;
  const upper = given ?? String((await findHorizon(connection, warn)).below - 1n);
  const fresh = await freshPartitions(connection, table, lower);
  const sql = xminQuery({
    table: dialect.table(table),
    columns: columns?.map((name) => dialect.identifier(name)),
    where,
    keys: key.map((name) => dialect.identifier(name)),
    hasLower: lower !== null,
    hasFresh: fresh.length > 0,
  });
  const params =
    lower === null ? [upper] : fresh.length === 0 ? [upper, lower] : [upper, lower, oidArray(fresh)];
  const from = lower === null ? null : BigInt(lower);
  let held: { page: TransactionPage; last: bigint } | null = null;
  for await (const { columns: described, rows } of connection.stream(sql, params, options)) {
    const first = transactionAt(rows, 0);
    if (held !== null) {
      const isOver = first > held.last && (from === null || first > from);
      yield isOver ? { ...held.page, next: String(first) } : held.page;
    }
    const page: TransactionPage = {
      rows: rows.map(withoutTransaction),
      columns: described.filter(({ name }) => name !== transactionColumn),
      next: null,
    };
    held = { page, last: transactionAt(rows, rows.length - 1) };
  }
  const end = BigInt(upper) + 1n;
  const next = String(from !== null && from > end ? from : end);
  yield { ...(held?.page ?? { rows: [], columns: null }), next };
}

function transactionAt(rows: readonly SqlRow[], index: number): bigint {
  return BigInt(String(rows[index]?.[transactionColumn]));
}

function withoutTransaction({ [transactionColumn]: _, ...record }: SqlRow): SqlRow {
  return record;
}
