import type {
  CursorField,
  Incremental,
  InputSession,
  Page,
  PartContext,
  ReadRequest,
} from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { parseCursorFormat } from "../../model/timestamp.ts";
import type { SqlConnection, SqlValue } from "../../sql/port.ts";
import { formatUpperBound, lowerBoundToSend } from "../bounds.ts";
import type { StatePersistence } from "../state-persistence.ts";
import { type Binding, bindLowerBound, lowestBound } from "./bind.ts";
import { analyseQuery, type QueryAnalysis, rewriteQuery } from "./query-analysis.ts";
import { repeatedLimits } from "./query-mistakes.ts";
import { RepeatedRead } from "./repeated-read.ts";
import type { DatabaseInputConfig } from "./schema.ts";
import { tableQueries } from "./table-query.ts";

export interface DatabaseInputParts {
  readonly connection: SqlConnection;
  readonly context: PartContext;
  readonly config: DatabaseInputConfig;
  readonly persistence: StatePersistence;
  readonly incremental: Incremental;
}

/** A query as it is sent, and what it needs bound. */
interface Statement {
  readonly sql: string;
  readonly pageSize: number;
  /** How many placeholders it has. */
  readonly placeholders: number;
  /** Those of them that the query says what NULL means for. */
  readonly guarded: ReadonlySet<number>;
}

export class DatabaseInputSession implements InputSession {
  readonly #parts: DatabaseInputParts;

  constructor(parts: DatabaseInputParts) {
    this.#parts = parts;
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
    yield* this.#pages(statement, await this.#bind(statement, request, cursors), request);
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
    if (limits.length === 0 || leading === undefined) {
      yield* this.#pages(statement, await this.#bind(statement, request, incremental.cursors), request);
      return;
    }
    const repeated = new RepeatedRead(leading, limits, request.window.lower?.value ?? null);
    do {
      const lower = repeated.bound;
      const window = {
        ...request.window,
        lower: lower === null ? null : { type: leading.type, value: lower },
      };
      const params = await this.#bind(statement, { ...request, window }, incremental.cursors);
      for await (const page of this.#pages(statement, params, request)) {
        const fresh = repeated.take(page.records);
        if (fresh.length > 0) yield { ...page, records: fresh };
      }
    } while (repeated.goOn());
  }

  #statementOf(query: string, analysis: QueryAnalysis): Statement {
    const { connection, config } = this.#parts;
    return {
      sql: rewriteQuery(query, analysis, (number) => connection.dialect.placeholder(number)),
      pageSize: analysis.limit?.rows || config.pageSize,
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

  /** The values of the placeholders, in their order: those of the cursors, then the upper bound. */
  async #bind(
    statement: Statement,
    request: ReadRequest,
    cursors: readonly CursorField[],
  ): Promise<SqlValue[]> {
    const { connection, persistence } = this.#parts;
    if (statement.placeholders === 0) return [];
    const types = await connection.parameterTypes(statement.sql);
    const format = persistence.timestamp?.queryFormat;
    const timezone = persistence.timestamp?.timezone ?? "UTC";
    const params: SqlValue[] = [];
    for (let number = 1; number <= statement.placeholders; number++) {
      const binding: Binding = {
        dialect: connection.dialect.name,
        type: types[number - 1] ?? null,
        queryFormat: format === undefined ? null : parseCursorFormat(format, timezone),
      };
      const field = cursors[number - 1];
      params.push(
        field === undefined
          ? this.#upperBound(request, binding)
          : this.#lowerBound(field, request, binding, statement, number),
      );
    }
    return params;
  }

  #lowerBound(
    field: CursorField,
    request: ReadRequest,
    binding: Binding,
    statement: Statement,
    number: number,
  ): SqlValue {
    const leads = number === 1;
    if (field.role === "offset") return BigInt(leads ? (request.window.lower?.value ?? "0") : "0");
    const value = leads ? (request.window.lower?.value ?? null) : (request.companions.id ?? null);
    if (value === null) return statement.guarded.has(number) ? null : lowestBound(field, binding);
    const companion = statement.placeholders > 1 && this.#companions() > 0;
    const format = binding.queryFormat ?? (field.format.kind === "iso8601" ? undefined : field.format);
    const lowered = lowerBoundToSend(field, value, {
      companion,
      ...(format === undefined ? {} : { format }),
    });
    this.#tellOfWideBound(field, binding);
    return bindLowerBound(field, lowered, binding);
  }

  /** How many cursors beside the leading one bound the read. */
  #companions(): number {
    return this.#parts.incremental.cursors.slice(1).filter(({ role }) => role !== "offset").length;
  }

  #tellOfWideBound(field: CursorField, { dialect, type, queryFormat }: Binding): void {
    const asText = dialect === "sqlite" || type === "text" || type === "character varying";
    if (field.type !== "timestamp_utc" || field.format.kind !== "iso8601" || queryFormat !== null || !asText)
      return;
    this.#parts.context.warn(
      "BOUND_WIDE",
      `${field.path?.join(".") ?? "the cursor"} is kept as text, whose form is not declared, so that every run reads again from the day before; declare \`statePersistence.timestamp.queryFormat\` as the column has it`,
    );
  }

  #upperBound({ window }: ReadRequest, { dialect, type, queryFormat }: Binding): SqlValue {
    const { timestamp, until } = this.#parts.persistence;
    const upper = window.upper?.value;
    if (upper === undefined) return null;
    const declared = until?.format ?? timestamp?.format ?? "iso8601";
    const timezone = timestamp?.timezone ?? "UTC";
    const format =
      until?.format === undefined
        ? (queryFormat ?? parseCursorFormat(declared, timezone))
        : parseCursorFormat(until.format, timezone);
    if (type === "timestamp without time zone" || type === "date") {
      return formatUpperBound(upper, parseCursorFormat("yyyy-MM-dd HH:mm:ss.SSSSSS", timezone));
    }
    if (type === "timestamp with time zone") return upper;
    const text = formatUpperBound(upper, format);
    return dialect === "sqlite" && /^-?\d+$/.test(text) ? BigInt(text) : text;
  }
}
