import { openSql } from "../../databases/open.ts";
import type { SqlConnection } from "../../databases/port.ts";
import type { OutputReader, PartContext } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import type { Path, SourceRecord } from "../../model/record.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { DatabaseOutputConfig } from "./schema.ts";

const rowsAPage = 2_000;

/** Opens the table of a `database` output for reading, read-only like an input's. */
export async function openTableReader(
  config: DatabaseOutputConfig,
  context: PartContext,
): Promise<OutputReader> {
  const { table, key } = config;
  const stream = formatStreamKey(context.key);
  const connection = await asOutput(() =>
    openSql(config.connectionString ?? config.connectionStringRef ?? "", {
      role: "input",
      applicationName: `tidemark verify ${stream}`,
    }),
  );
  try {
    const columns = await asOutput(() => connection.columns(table));
    if (columns === null) {
      throw new TidemarkError("OUTPUT_FAILED", `the table ${table} does not exist`, {
        stream,
        hint: "It is made by the stream's first run.",
      });
    }
    return new TableReader(connection, table, {
      columns: columns.map(({ name }) => name),
      key: key === undefined ? null : [key].flat().map((field) => [field]),
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** An error while reading the output is reported as the output's, not as a source's. */
async function asOutput<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw outputError(error);
  }
}

function outputError(error: unknown): unknown {
  if (!(error instanceof TidemarkError)) return error;
  const code = { SOURCE_UNAVAILABLE: "OUTPUT_UNAVAILABLE", SOURCE_INVALID: "OUTPUT_FAILED" } as const;
  if (error.code !== "SOURCE_UNAVAILABLE" && error.code !== "SOURCE_INVALID") return error;
  return new TidemarkError(code[error.code], `the output cannot be read: ${error.message}`, { cause: error });
}

class TableReader implements OutputReader {
  readonly wholeRecords = false;
  readonly key: readonly Path[] | null;
  readonly #connection: SqlConnection;
  readonly #table: string;
  readonly #names: ReadonlySet<string>;
  /** By lower-case name, since a column's name may differ from the field's in case. */
  readonly #folded: ReadonlyMap<string, string>;

  constructor(
    connection: SqlConnection,
    table: string,
    { columns, key }: { columns: readonly string[]; key: readonly Path[] | null },
  ) {
    this.key = key;
    this.#connection = connection;
    this.#table = table;
    this.#names = new Set(columns);
    this.#folded = new Map(columns.map((name) => [name.toLowerCase(), name]));
  }

  has(path: Path): boolean {
    return this.#fieldOf(path) !== null;
  }

  /** The field that holds the path's value: one with that exact name, or the object that contains it. */
  #fieldOf(path: Path): string | null {
    return [path.join("."), path[0] ?? ""].find((field) => this.#columnOf(field) !== null) ?? null;
  }

  #columnOf(field: string): string | null {
    return this.#names.has(field) ? field : (this.#folded.get(field.toLowerCase()) ?? null);
  }

  async *rows(paths: readonly Path[], signal: AbortSignal): AsyncGenerator<readonly SourceRecord[]> {
    const { dialect } = this.#connection;
    const fields = new Set(paths.map((path) => this.#fieldOf(path)).filter((field) => field !== null));
    const selected = [...fields].map(
      (field) => `${dialect.identifier(this.#columnOf(field) ?? field)} AS ${dialect.identifier(field)}`,
    );
    const sql = `SELECT ${selected.length === 0 ? "1" : selected.join(", ")} FROM ${dialect.table(this.#table)}`;
    try {
      for await (const { rows } of this.#connection.stream(sql, [], { pageSize: rowsAPage, signal }))
        yield rows;
    } catch (error) {
      throw outputError(error);
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
