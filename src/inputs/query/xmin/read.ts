import type { CommitBound, SqlConnection, SqlRow, StreamOptions } from "../../../databases/port.ts";
import { oidArray } from "../../../databases/postgres/relations.ts";
import type { Page, ReadRequest, Warn } from "../../../engine/ports.ts";
import type { Cursor } from "../../../model/cursor.ts";
import type { Position } from "../../../model/position.ts";
import { formatPath, type Path } from "../../../model/record.ts";
import { assertNotEarlier, assertSameCluster, clusterNote } from "./cluster.ts";
import { findHorizon } from "./horizon.ts";
import { freshPartitions, transactionColumn, xminQuery } from "./table.ts";

export interface XminTable {
  readonly table: string;
  readonly columns: readonly string[] | undefined;
  readonly where: string | undefined;
  readonly key: readonly Path[] | null;
  readonly pageSize: number;
  /** As a stream's. */
  readonly onColumns?: StreamOptions["onColumns"];
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
 * Reads the rows of all transactions from the lower bound to the upper one. A page's cursor is the
 * transaction that the next page begins with: all below it has come.
 */
export async function* readByTransaction(
  connection: SqlConnection,
  { table, columns, where, key, pageSize, onColumns }: XminTable,
  { window, signal }: ReadRequest,
  upper: string,
): AsyncGenerator<Page, void, undefined> {
  const { dialect } = connection;
  const lower = window.lower?.value ?? null;
  const fresh = await freshPartitions(connection, table, lower);
  const sql = xminQuery({
    table: dialect.table(table),
    columns: columns?.map((name) => dialect.identifier(name)),
    where,
    keys: (key ?? []).map((path) => dialect.identifier(formatPath(path))),
    hasLower: lower !== null,
    hasFresh: fresh.length > 0,
  });
  const params =
    lower === null ? [upper] : fresh.length === 0 ? [upper, lower] : [upper, lower, oidArray(fresh)];
  const from = lower === null ? null : BigInt(lower);
  const options = { pageSize, signal, ...(onColumns === undefined ? {} : { onColumns }) };
  let held: { page: Page; last: bigint } | null = null;
  for await (const { columns: described, rows } of connection.stream(sql, params, options)) {
    const first = transactionAt(rows, 0);
    if (held !== null) {
      const isOver = first > held.last && (from === null || first > from);
      yield isOver ? { ...held.page, cursor: String(first) } : held.page;
    }
    const page: Page = {
      records: rows.map(withoutTransaction),
      next: null,
      columns: described.filter(({ name }) => name !== transactionColumn),
    };
    held = { page, last: transactionAt(rows, rows.length - 1) };
  }
  const end = BigInt(upper) + 1n;
  const cursor = String(from !== null && from > end ? from : end);
  yield { ...(held?.page ?? { records: [], next: null }), cursor };
}

function transactionAt(rows: readonly SqlRow[], index: number): bigint {
  return BigInt(String(rows[index]?.[transactionColumn]));
}

function withoutTransaction({ [transactionColumn]: _, ...record }: SqlRow): SqlRow {
  return record;
}
