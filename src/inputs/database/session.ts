import type { Incremental, InputSession, Page, PartContext, ReadRequest } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import type { SqlConnection, SqlValue } from "../../sql/port.ts";
import type { StatePersistence } from "../state-persistence.ts";
import { Binder, type BoundStatement } from "./binder.ts";
import { analyseQuery, type QueryAnalysis, rewriteQuery } from "./query-analysis.ts";
import { repeatedLimits } from "./query-mistakes.ts";
import { cursorPlace, RepeatedRead, textPlace } from "./repeated-read.ts";
import type { DatabaseInputConfig } from "./schema.ts";
import { tableQueries } from "./table-query.ts";

export interface DatabaseInputParts {
  readonly connection: SqlConnection;
  readonly context: PartContext;
  readonly config: DatabaseInputConfig;
  readonly persistence: StatePersistence;
  readonly incremental: Incremental;
}

/** A LIMIT above this is no page that memory should have to hold. */
const largestLimit = 10_000;

/** A query as it is sent. */
interface Statement extends BoundStatement {
  readonly pageSize: number;
}

export class DatabaseInputSession implements InputSession {
  readonly #parts: DatabaseInputParts;
  readonly #binder: Binder;

  constructor(parts: DatabaseInputParts) {
    this.#parts = parts;
    this.#binder = new Binder(parts);
  }

  now(): Promise<number> {
    return this.#parts.connection.now();
  }

  async close(): Promise<void> {
    await this.#parts.connection.close();
  }

  async *read(request: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const { config } = this.#parts;
    if (config.query === undefined) yield* this.#readTable(request);
    else yield* this.#readQuery(config.query, request);
  }

  async *#readTable(request: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const { config, incremental, connection } = this.#parts;
    await this.#refuseOddColumn();
    const queries = tableQueries(config, incremental, connection.dialect, request.window.lower !== null);
    const { rows, withoutCursor, lowerBounds, upperBounds } = queries;
    const { pageSize } = config;
    if (withoutCursor !== null) {
      yield* this.#pages({ sql: withoutCursor, pageSize, placeholders: 0, guarded: new Set() }, [], request);
    }
    const placeholders = lowerBounds + upperBounds;
    const statement: Statement = { sql: rows, pageSize, placeholders, guarded: new Set() };
    const cursors = incremental.cursors.slice(0, lowerBounds);
    yield* this.#pages(statement, await this.#binder.bind(statement, request, cursors), request);
  }

  /** A column that is plainly not what the cursor is declared as would only show in its first record. */
  async #refuseOddColumn(): Promise<void> {
    const { connection, config, incremental } = this.#parts;
    const [leading] = incremental.cursors;
    const columns = await connection.columns(config.table ?? "");
    if (columns === null) {
      throw new TidemarkError("QUERY_FAILED", `the table ${config.table} does not exist`, {
        hint: "Check its name and schema, and that the user may see it.",
      });
    }
    const kind = columns.find(({ name }) => name === leading?.path?.at(-1))?.kind;
    if (leading?.type === "timestamp_utc" && leading.format.kind === "iso8601" && kind === "integer") {
      throw new TidemarkError(
        "CONFIG_INCOHERENT",
        `the column ${leading.path?.join(".")} of ${config.table} holds numbers, and the cursor is declared a timestamp`,
        {
          hint: "Declare `statePersistence: { id: { field: … } }` for ids, or `format: epoch_ms` for times.",
        },
      );
    }
    if (leading?.type === "numeric_id" && kind === "text") {
      throw new TidemarkError(
        "CONFIG_INCOHERENT",
        `the column ${leading.path?.join(".")} of ${config.table} holds text, which the database does not compare as numbers`,
        { hint: "Declare `statePersistence.id.type: text`, or give a `query` that casts it." },
      );
    }
  }

  async *#readQuery(query: string, request: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const { persistence, incremental, connection } = this.#parts;
    const analysis = analyseQuery(query, connection.dialect.name);
    const statement = this.#statementOf(query, analysis);
    const limits = repeatedLimits(analysis, persistence);
    const [leading] = incremental.cursors;
    const params = await this.#binder.bind(statement, request, incremental.cursors);
    if (limits.length === 0 || leading === undefined) {
      yield* this.#pages(statement, params, request);
      return;
    }
    const place = (await this.#binder.keepsText(statement, leading))
      ? textPlace(leading)
      : cursorPlace(leading);
    const repeated = new RepeatedRead(place, limits, request.window.lower?.value ?? "0");
    for (let bounds = params; ; ) {
      for await (const page of this.#pages(statement, bounds, request)) {
        const fresh = repeated.take(page.records);
        if (fresh.length > 0) yield { ...page, records: fresh };
      }
      const next = repeated.next();
      if (next === null) return;
      bounds = await this.#binder.bindAgain(statement, request, incremental.cursors, next, place);
    }
  }

  #statementOf(query: string, analysis: QueryAnalysis): Statement {
    const { connection, config } = this.#parts;
    return {
      sql: rewriteQuery(query, analysis, (number) => connection.dialect.placeholder(number)),
      pageSize: Math.min(analysis.limit?.rows || config.pageSize, Math.max(config.pageSize, largestLimit)),
      placeholders: Math.max(0, ...analysis.placeholders.map(({ number }) => number)),
      guarded: new Set(analysis.placeholders.filter(({ guarded }) => guarded).map(({ number }) => number)),
    };
  }

  async *#pages(
    { sql, pageSize }: Statement,
    params: readonly SqlValue[],
    { signal }: ReadRequest,
  ): AsyncGenerator<Page, void, undefined> {
    const { connection } = this.#parts;
    for await (const { columns, rows } of connection.stream(sql, params, { pageSize, signal })) {
      yield { records: rows, next: null, columns };
    }
  }
}
