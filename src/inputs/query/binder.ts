import type { SqlConnection, SqlValue } from "../../databases/port.ts";
import type { CursorField, Incremental, PartContext, ReadRequest } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { type CursorType, floorCursor, stepCursor } from "../../model/cursor.ts";
import { parsePrecision } from "../../model/precision.ts";
import { formatPath } from "../../model/record.ts";
import { parseCursorFormat } from "../../model/timestamp.ts";
import { formatUpperBound } from "../../model/upper-bound.ts";
import { lowerBoundToSend, upperBoundToSend } from "../bounds.ts";
import type { StatePersistence } from "../state-persistence-keys.ts";
import { type Binding, bindLowerBound, isKeptAsText } from "./bind.ts";
import type { Placeholder } from "./query-analysis.ts";
import type { Place } from "./repeated-read.ts";

export interface BinderParts {
  readonly connection: SqlConnection;
  readonly context: PartContext;
  readonly persistence: StatePersistence;
  readonly incremental: Incremental;
  /** The known types of queries' placeholders. */
  readonly types: Map<string, Promise<readonly (string | null)[]>>;
  /** Called where the bound is sent as the day before, because the form of the column's texts is unknown. */
  readonly onWideBound: () => void;
}

/** The placeholders of a query. */
export interface BoundStatement {
  readonly sql: string;
  /** How many placeholders it has: those of the cursors in their order, then that of the upper bound. */
  readonly placeholders: number;
  /** The placeholders for which the query handles NULL. */
  readonly guarded: ReadonlySet<number>;
  /** The placeholders that the query calculates with. */
  readonly calculated: readonly Placeholder[];
  /** How the query compares with the upper bound. */
  readonly upper: "inclusive" | "exclusive";
  /** Whether it was generated for a table: it then filters the extra rows of a wide bound itself. */
  readonly isOwn: boolean;
}

/** Computes the values of a query's placeholders, by the types that the database infers for them. */
export class Binder {
  readonly #parts: BinderParts;

  constructor(parts: BinderParts) {
    this.#parts = parts;
  }

  async bind(
    statement: BoundStatement,
    request: ReadRequest,
    cursors: readonly CursorField[],
  ): Promise<SqlValue[]> {
    const params: SqlValue[] = [];
    for (let number = 1; number <= statement.placeholders; number++) {
      const field = cursors[number - 1];
      const binding = await this.#binding(statement, number);
      params.push(
        field === undefined
          ? this.#upperBound(request, binding, { statement, number })
          : this.#lowerBound(field, request, binding, { statement, number }),
      );
      if (field !== undefined && !statement.isOwn) assertSameOrder(field, binding);
    }
    return params;
  }

  /** As `bind`, for a further run of the query that begins where the run before ended. */
  async bindAgain(
    statement: BoundStatement,
    request: ReadRequest,
    cursors: readonly CursorField[],
    from: string,
    place: Place,
  ): Promise<SqlValue[]> {
    const [leading] = cursors;
    if (leading === undefined) return this.bind(statement, request, cursors);
    const lower = { type: leading.type, value: from };
    if (place.below === null) {
      return this.bind(statement, { ...request, window: { ...request.window, lower } }, cursors);
    }
    const [, ...further] = await this.bind(statement, request, cursors);
    return [place.below(from), ...further];
  }

  /** Whether the database compares the leading cursor, a timestamp, as text. */
  async keepsText(statement: BoundStatement, leading: CursorField): Promise<boolean> {
    return statement.placeholders > 0 && isKeptAsText(leading, await this.#binding(statement, 1));
  }

  /** Whether the leading cursor is compared with a column of UUIDs. */
  async comparesUuid(statement: BoundStatement): Promise<boolean> {
    if (statement.placeholders === 0) return false;
    const { writer, type } = await this.#binding(statement, 1);
    return writer.isUuid(type);
  }

  async #binding({ sql, placeholders, isOwn }: BoundStatement, number: number): Promise<Binding> {
    const { connection, persistence, types: known } = this.#parts;
    const asked = known.get(sql) ?? connection.parameterTypes(sql, this.#comparedWith(placeholders));
    known.set(sql, asked);
    const types = await asked;
    const declared = persistence.timestamp?.queryFormat;
    // ISO 8601 texts have many forms; a generated table query can be bounded so that none is lost.
    const format = isOwn && declared === "iso8601" ? undefined : declared;
    const timezone = persistence.timestamp?.timezone ?? "UTC";
    return {
      writer: connection.dialect.bounds,
      type: types[number - 1] ?? null,
      queryFormat: format === undefined ? null : parseCursorFormat(format, timezone),
    };
  }

  /** The columns that placeholders are compared with: the cursors' own, and for the window's end the leading one's. */
  #comparedWith(placeholders: number): (string | null)[] {
    const { cursors } = this.#parts.incremental;
    return Array.from({ length: placeholders }, (_, at) => {
      const path = (cursors[at] ?? cursors[0])?.path;
      return path?.length === 1 ? (path[0] ?? null) : null;
    });
  }

  #lowerBound(
    field: CursorField,
    request: ReadRequest,
    binding: Binding,
    { statement, number }: { statement: BoundStatement; number: number },
  ): SqlValue {
    const leads = number === 1;
    if (field.role === "offset") return BigInt(leads ? (request.window.lower?.value ?? "0") : "0");
    const value = leads ? (request.window.lower?.value ?? null) : (request.secondaryCursors.id ?? null);
    if (value === null) {
      if (statement.guarded.has(number)) return null;
      requireNoCalculation(statement, number, field.type, "lower");
      return binding.writer.lowest(field, binding.type);
    }
    const { incremental } = this.#parts;
    const secondaryCursor =
      statement.placeholders > 1 && incremental.cursors.slice(1).some(({ role }) => role !== "offset");
    const format = binding.queryFormat ?? field.format;
    const rounds = field.type === "timestamp_utc" && format.kind !== "iso8601";
    const lowered = lowerBoundToSend(field, value, { secondaryCursor, ...(rounds ? { format } : {}) });
    if (isKeptAsText(field, binding) && binding.queryFormat === null && field.format.kind === "iso8601") {
      this.#parts.onWideBound();
      if (!statement.isOwn) this.#warnOfWideBound(field);
    }
    return bindLowerBound(field, lowered, binding);
  }

  #warnOfWideBound({ path }: CursorField): void {
    this.#parts.context.warn(
      "BOUND_WIDE",
      `${formatPath(path ?? [])} is kept as text, and its form is not declared, so that every run reads again from the day before; declare \`statePersistence.timestamp.queryFormat\` as the column has it`,
    );
  }

  #upperBound(
    { window }: ReadRequest,
    binding: Binding,
    { statement, number }: { statement: BoundStatement; number: number },
  ): SqlValue {
    const [leading] = this.#parts.incremental.cursors;
    const upper = window.upper?.value;
    if (upper === undefined || leading === undefined) {
      if (statement.guarded.has(number)) return null;
      requireNoCalculation(statement, number, leading?.type ?? "numeric_id", "upper");
      return binding.writer.highest(binding.type);
    }
    const raised = upperBoundToSend(leading, upper, statement.upper);
    return leading.type === "timestamp_utc"
      ? this.#upperTime(leading, raised, binding)
      : binding.writer.upperNumber(raised, binding.type);
  }

  #upperTime(leading: CursorField, upper: string, binding: Binding): SqlValue {
    const { writer, type, queryFormat } = binding;
    const { timestamp, until } = this.#parts.persistence;
    const timezone = timestamp?.timezone ?? "UTC";
    const own = writer.upperTime(upper, { type, timezone });
    if (own !== null) return own;
    const declared = parseCursorFormat(until?.format ?? timestamp?.format ?? "iso8601", timezone);
    const format = until?.format === undefined ? (queryFormat ?? declared) : declared;
    if (until?.format === undefined && format.kind === "iso8601" && isKeptAsText(leading, binding)) {
      return queryFormat === null ? widelyAbove(upper) : secondAbove(upper, timezone);
    }
    const text = formatUpperBound(upper, format);
    return writer.upperText(upper, text, { type, format, declared, timezone });
  }
}

/** A calculation with the lowest value may not give a value below every row. */
function requireNoCalculation(
  { calculated }: BoundStatement,
  number: number,
  type: CursorType,
  end: "lower" | "upper",
): void {
  const calculation = calculated.find((one) => {
    if (one.number !== number) return false;
    // Minus infinity plus a day is still below every row, which is right only for a lower bound.
    const passes = one.calculation?.keepsInfinity === true && (one.side ?? end) === end;
    return !(passes && type === "timestamp_utc");
  })?.calculation;
  if (calculation === undefined || calculation === null) return;
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `the query calculates with $${number} (${calculation.name}), and there is no value for it yet: what that makes of a first value may leave out rows in silence`,
    {
      hint: `Say in the query what a run without a value reads: put COALESCE($${number}, …) in the place of $${number}, as in COALESCE($${number}, ${type === "timestamp_utc" ? "'1970-01-01'" : "0"}).`,
    },
  );
}

/** Throws for a query that compares texts with a column of another collation, since it would leave rows out. */
function assertSameOrder({ type: cursor, path }: CursorField, { writer, type }: Binding): void {
  if (cursor !== "text") return;
  const field = formatPath(path ?? []);
  const text = writer.castToText(field, type);
  if (text === null) return;
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `the query compares the cursor ${field}, declared \`type: text\`, as ${type}, which the database does not sort as text`,
    {
      hint: `Write ${text} where the query compares and sorts.`,
    },
  );
}

const second = parsePrecision("1s");

/** Texts within one second may have a fraction or a zone after it; all of them sort before the next second. */
function secondAbove(upper: string, timezone: string): string {
  return formatUpperBound(
    stepCursor("timestamp_utc", floorCursor("timestamp_utc", upper, second), second, 1),
    parseCursorFormat("yyyy-MM-dd'T'HH:mm:ss", timezone),
  );
}

const twoDays = parsePrecision("2d");

/** A date that sorts after every text for this time, in any form and zone. */
function widelyAbove(upper: string): string {
  return formatUpperBound(
    stepCursor("timestamp_utc", upper, twoDays, 1),
    parseCursorFormat("yyyy-MM-dd", "UTC"),
  );
}
