import type { SqlConnection, StreamOptions, TransactionReading } from "../../databases/port.ts";
import type { Incremental, Page, ReadRequest, Warn } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { formatPath } from "../../model/record.ts";
import type { DatabaseInputConfig } from "./schema.ts";

/** How a connection reads tables by their rows' transactions, of a database whose `transactionCursor` has a name. */
export async function transactionReading(connection: SqlConnection): Promise<TransactionReading> {
  const reading = await connection.transactions?.();
  if (reading !== undefined) return reading;
  const message = `the connection to ${connection.dialect.name} does not read tables by transactions`;
  throw new TidemarkError("INTERNAL", message);
}

interface Reading {
  readonly connection: SqlConnection;
  readonly config: DatabaseInputConfig;
  readonly incremental: Pick<Incremental, "key">;
  readonly warn: Warn;
  readonly onColumns: NonNullable<StreamOptions["onColumns"]>;
}

/** The rows of a window's transactions. A page has a cursor once all rows below it have come. */
export async function* transactionPages(
  { connection, config, incremental, warn, onColumns }: Reading,
  { window, signal }: ReadRequest,
): AsyncGenerator<Page, void, undefined> {
  const reading = await transactionReading(connection);
  const { table = "", columns, where, pageSize } = config;
  const pages = reading.read({
    ...{ table, columns, where, pageSize, signal, warn, onColumns },
    key: (incremental.key ?? []).map(formatPath),
    lower: window.lower?.value ?? null,
    upper: window.upper?.value ?? null,
  });
  for await (const { rows: records, columns: described, next } of pages) {
    const page: Page = { records, next: null, ...(described === null ? {} : { columns: described }) };
    yield next === null ? page : { ...page, cursor: next };
  }
}
