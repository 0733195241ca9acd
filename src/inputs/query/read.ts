import type {
  ColumnKind,
  PageBounds,
  PagedRead,
  SqlConnection,
  SqlValue,
  Subject,
} from "../../databases/port.ts";
import type { CursorField, Incremental, Page, PartContext, ReadRequest } from "../../engine/ports.ts";
import type { Position } from "../../model/position.ts";
import { formatPath, valueAt } from "../../model/record.ts";
import { parseCursorFormat } from "../../model/timestamp.ts";
import type { StatePersistence } from "../state-persistence-keys.ts";
import { Binder, type BoundStatement } from "./binder.ts";
import { requireColumns } from "./known-columns.ts";
import { OffsetOrder } from "./offset-order.ts";
import { analyseQuery, guardedNumbers, type QueryAnalysis, rewriteQuery } from "./query-analysis.ts";
import { repeatedLimits } from "./query-checks.ts";
import { cursorPlace, RepeatedRead, textPlace } from "./repeated-read.ts";
import { type DatabaseInputConfig, readsByTransaction } from "./schema.ts";
import { checkTable } from "./table-column.ts";
import { tableQueries } from "./table-query.ts";
import { keepsIsoTexts, withinTexts } from "./text-times.ts";
import { transactionPages } from "./transactions.ts";
import { withoutUnreadableTexts, withReadableTexts } from "./unchecked-texts.ts";

export interface ReadParts {
  readonly connection: SqlConnection;
  readonly context: PartContext;
  readonly config: DatabaseInputConfig;
  readonly persistence: StatePersistence;
  readonly incremental: Incremental;
  /** The known types of queries' placeholders. */
  readonly types: Map<string, Promise<readonly (string | null)[]>>;
  /** Called where the bound is sent as the day before, because the form of the column's texts is unknown. */
  readonly onWideBound: () => void;
  /** The present by which the run's window was frozen, as a cursor value; null where it was not needed. */
  readonly present: string | null;
  /** A safe end of the window that lies far below the present only because values are coarse; null for none. */
  readonly coarseEnd: string | null;
}

/** A LIMIT above this is too large to hold as a page in memory. */
const largestLimit = 10_000;

/** A query as it is sent. */
interface Statement extends BoundStatement {
  readonly pageSize: number;
}

/** One read of a table or a query, on one connection. */
export class DatabaseRead {
  readonly #parts: ReadParts;
  readonly #binder: Binder;

  constructor(parts: ReadParts) {
    this.#parts = parts;
    this.#binder = new Binder(parts);
  }

  async *pages(request: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const { config, incremental, persistence, context, connection } = this.#parts;
    const [leading] = incremental.cursors;
    const declared = persistence.timestamp?.queryFormat;
    const timezone = persistence.timestamp?.timezone ?? "UTC";
    const queryFormat = declared === undefined ? null : parseCursorFormat(declared, timezone);
    const offsets = OffsetOrder.of(leading, queryFormat, context.warn);
    const pages =
      config.query !== undefined
        ? this.#warningWhereEmpty(config.query, request)
        : readsByTransaction(config)
          ? this.#readTransactions(request)
          : this.#readTable(request);
    const isUnchecked = connection.uncheckedTexts === true;
    if (offsets === null && !isUnchecked && connection.unreadableText === undefined) {
      yield* pages;
      return;
    }
    for await (const page of pages) {
      offsets?.see(page.records);
      yield isUnchecked ? withReadableTexts(page) : this.#withoutUnreadable(page);
    }
  }

  #withoutUnreadable(page: Page): Page {
    const { connection } = this.#parts;
    if (connection.unreadableText === undefined) return page;
    return withoutUnreadableTexts(page, (row) => connection.unreadableText?.(row) ?? null);
  }

  /** The statement of a read from this position on. */
  async subject({ watermark, secondaryCursors }: Position): Promise<Subject> {
    const { config, persistence, incremental, connection } = this.#parts;
    const type = incremental.cursors[0]?.type ?? "numeric_id";
    const lower = watermark === null ? null : { type, value: watermark };
    const { signal } = this.#parts.context;
    const request: ReadRequest = { window: { lower, upper: null }, secondaryCursors, resume: null, signal };
    if (config.query === undefined) {
      const kind = await checkTable(connection, config.table ?? "", incremental);
      const has = { lower: lower !== null, upper: false };
      const column = { kind, comparedAs: null, within: null };
      const { unsorted: sql, lowerBounds } = tableQueries(
        config,
        incremental,
        connection.dialect,
        has,
        column,
      );
      const statement: Statement = { ...ofTable, sql, pageSize: config.pageSize, placeholders: lowerBounds };
      const cursors = incremental.cursors.slice(0, lowerBounds);
      return { sql, params: await this.#binder.bind(statement, request, cursors), inPieces: false };
    }
    const analysis = analyseQuery(config.query, connection.dialect.syntax);
    const statement = this.#statementOf(config.query, analysis);
    const params = await this.#binder.bind(statement, request, incremental.cursors);
    return { sql: statement.sql, params, inPieces: repeatedLimits(analysis, persistence).length > 0 };
  }

  #readTransactions(request: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const { config, incremental, connection, context } = this.#parts;
    const onColumns = this.#requireFields;
    return transactionPages({ connection, config, incremental, warn: context.warn, onColumns }, request);
  }

  async *#readTable(request: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const { config, incremental, connection } = this.#parts;
    const kind = await checkTable(connection, config.table ?? "", incremental);
    const has = { lower: request.window.lower !== null, upper: this.#endsHere(request) };
    const comparedAs = await this.#comparedAs(kind);
    const column = { kind, comparedAs, within: this.#within(kind, request, has) };
    const queries = tableQueries(config, incremental, connection.dialect, has, column);
    const { rows, delivered, refused, lowerBounds, upperBounds, conditions } = queries;
    const { pageSize } = config;
    if (delivered !== null) {
      yield* this.#streamed({ ...ofTable, sql: delivered, pageSize, placeholders: 0 }, [], request);
    }
    const placeholders = lowerBounds + upperBounds;
    const statement: Statement = { ...ofTable, sql: rows, pageSize, placeholders };
    const cursors = incremental.cursors.slice(0, lowerBounds);
    const params = await this.#binder.bind(statement, request, cursors);
    const bounds = {
      lower: lowerBounds === 1 ? (params[0] ?? null) : null,
      upper: upperBounds === 1 ? (params[lowerBounds] ?? null) : null,
    };
    const paged = await this.#pagedRead(conditions);
    if (paged === null) yield* this.#streamed(statement, params, request);
    else yield* this.#paged(paged, bounds, request);
    // After the others, so that a readable record comes first: see `ReadableRecords`.
    const undated = bounds.upper === null ? await this.#undatedTexts(bounds.lower) : null;
    for (const sql of [refused, undated]) {
      if (sql !== null) yield* this.#streamed({ ...ofTable, sql, pageSize, placeholders: 0 }, [], request);
    }
  }

  /** Null where one query reads the table. */
  async #pagedRead(conditions: readonly string[]): Promise<PagedRead | null> {
    const { connection, config, incremental } = this.#parts;
    const [leading] = incremental.cursors;
    if (leading === undefined || leading.path === null || leading.type === "text") return null;
    const { table = "", columns } = config;
    const cursor = formatPath(leading.path);
    return (await connection.pagedTable?.({ table, columns, cursor, conditions })) ?? null;
  }

  /** Null where the cursor is no text of ISO 8601, or the database finds all others by its conditions. */
  async #undatedTexts(bound: SqlValue): Promise<string | null> {
    const { connection, config, incremental } = this.#parts;
    const [leading] = incremental.cursors;
    if (leading?.type !== "timestamp_utc" || leading.path === null) return null;
    if (leading.format.kind !== "iso8601" || typeof bound !== "string" || !/^\d{4}-/.test(bound)) return null;
    const { table = "", columns, where } = config;
    const cursor = formatPath(leading.path);
    const { tables } = connection.dialect;
    return (await tables.undatedTexts?.(connection, { table, columns, where, cursor, bound })) ?? null;
  }

  #within(
    kind: ColumnKind | undefined,
    { window }: ReadRequest,
    has: { readonly upper: boolean },
  ): string | null {
    const { incremental, connection, persistence } = this.#parts;
    const { dialect } = connection;
    const [leading] = incremental.cursors;
    if (leading === undefined || leading.path === null) return null;
    if (!keepsIsoTexts({ dialect, kind, leading, persistence })) return null;
    const column = dialect.identifier(formatPath(leading.path));
    const upper = has.upper ? (window.upper?.value ?? null) : null;
    return withinTexts(dialect.tables.byLetters(column), leading, {
      lower: window.lower?.value ?? null,
      upper,
    });
  }

  async *#paged(
    paged: PagedRead,
    bounds: PageBounds,
    { signal }: ReadRequest,
  ): AsyncGenerator<Page, void, undefined> {
    const options = { pageSize: this.#parts.config.pageSize, signal, onColumns: this.#requireFields };
    for await (const { columns, rows: records } of paged(bounds, options)) {
      yield { records, next: null, columns };
    }
  }

  async #comparedAs(kind: ColumnKind | undefined): Promise<string | null> {
    const { config, incremental, connection } = this.#parts;
    const [leading] = incremental.cursors;
    if (leading === undefined || leading.path === null || leading.type !== "text") return null;
    return connection.dialect.tables.comparedAsText(
      connection,
      config.table ?? "",
      formatPath(leading.path),
      kind,
    );
  }

  /**
   * Whether rows past the window's end are left out. If the end is only the present, or values are too coarse for it,
   * they are read and delivered ahead of time.
   */
  #endsHere({ window }: ReadRequest): boolean {
    const { config, present, coarseEnd } = this.#parts;
    const upper = window.upper?.value ?? null;
    if (upper === null) return false;
    return config.statePersistence.until !== undefined || (upper !== present && upper !== coarseEnd);
  }

  /**
   * Warns if the first run of a query returns no row: the table may be empty, or the condition with NULL may let
   * nothing pass.
   */
  async *#warningWhereEmpty(query: string, request: ReadRequest): AsyncGenerator<Page, void, undefined> {
    let isEmpty = request.window.lower === null;
    for await (const page of this.#readQuery(query, request)) {
      isEmpty &&= page.records.length === 0;
      yield page;
    }
    const { connection, context } = this.#parts;
    if (!isEmpty || analyseQuery(query, connection.dialect.syntax).placeholders.length === 0) return;
    context.warn(
      "FIRST_RUN_EMPTY",
      "the query gave no row, and there is no cursor yet: what it reads from is empty, or its conditions let nothing pass before $1 has a value. If there are rows, say in the query what the first run reads: COALESCE($1, …) in every place of $1",
    );
  }

  async *#readQuery(query: string, asked: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const { persistence, incremental, connection, coarseEnd } = this.#parts;
    const analysis = analyseQuery(query, connection.dialect.syntax);
    const statement = this.#statementOf(query, analysis);
    const { window } = asked;
    const isOpen = coarseEnd !== null && window.upper?.value === coarseEnd;
    const request = isOpen ? { ...asked, window: { ...window, upper: null } } : asked;
    const limits = repeatedLimits(analysis, persistence);
    const [leading] = incremental.cursors;
    const params = await this.#binder.bind(statement, request, incremental.cursors);
    if (limits.length === 0 || leading === undefined) {
      const isUuid = leading?.type === "text" && (await this.#binder.comparesUuid(statement));
      for await (const page of this.#streamed(statement, params, request)) {
        if (isUuid) this.#warnOfUuids(leading, page);
        yield page;
      }
      return;
    }
    const place = (await this.#binder.keepsText(statement, leading))
      ? textPlace(leading)
      : cursorPlace(leading);
    const repeated = new RepeatedRead(place, limits, request.window.lower?.value ?? "0");
    for (let bounds = params; ; ) {
      for await (const page of this.#streamed(statement, bounds, request)) {
        const fresh = repeated.take(page.records);
        if (fresh.length > 0) yield { ...page, records: fresh };
      }
      const next = repeated.next();
      if (next === null) return;
      bounds = await this.#binder.bindAgain(statement, request, incremental.cursors, next, place);
    }
  }

  #warnOfUuids({ path }: CursorField, { records }: Page): void {
    const { connection, context } = this.#parts;
    const { uuidOrder } = connection.dialect.tables;
    if (uuidOrder === null || path === null) return;
    if (!records.some((record) => uuidOrder.differs(valueAt(record, path)))) return;
    context.warn("CURSOR_ORDER_DIFFERS", uuidOrder.warning(formatPath(path)));
  }

  #statementOf(query: string, analysis: QueryAnalysis): Statement {
    const { connection, config, incremental } = this.#parts;
    const { placeholders, limit } = analysis;
    const end = placeholders.filter(({ number }) => number > incremental.cursors.length);
    return {
      sql: rewriteQuery(query, analysis, (number) => connection.dialect.placeholder(number)),
      pageSize: Math.min(limit?.rows || config.pageSize, Math.max(config.pageSize, largestLimit)),
      placeholders: Math.max(0, ...placeholders.map(({ number }) => number)),
      guarded: guardedNumbers(placeholders),
      calculated: placeholders.filter(({ calculation }) => calculation !== null),
      upper: end.every(({ comparison }) => comparison === "inclusive") ? "inclusive" : "exclusive",
      isOwn: false,
    };
  }

  /** Checked before the first row, so that a missing cursor column does not look like a null cursor. */
  readonly #requireFields = (names: readonly string[]): void => {
    const { config, incremental } = this.#parts;
    const what = config.query === undefined ? `the table ${config.table}` : "the query's result";
    requireColumns(names, incremental, { where: `the columns of ${what}`, anyCase: false });
  };

  async *#streamed(
    { sql, pageSize }: Statement,
    params: readonly SqlValue[],
    { signal }: ReadRequest,
  ): AsyncGenerator<Page, void, undefined> {
    const { connection } = this.#parts;
    const options = { pageSize, signal, onColumns: this.#requireFields };
    for await (const { columns, rows } of connection.stream(sql, params, options)) {
      yield { records: rows, next: null, columns };
    }
  }
}

/** Generated table queries do not handle NULL, and compare inclusively with both ends. */
const ofTable = {
  guarded: new Set<number>(),
  calculated: [],
  upper: "inclusive",
  isOwn: true,
} as const;
