import { z } from "zod";
import { TidemarkError } from "../../errors.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { Kind, SqlValue } from "./kinds.ts";

/** One column of a stored table: everything that databases, files and messages need to know about it. */
export interface Column<T = unknown, W = unknown, C extends string = string> {
  /** Its name in databases, files and messages. */
  readonly column: C;
  readonly nullable: boolean;
  readonly kind: Pick<Kind<unknown>, "sqlite" | "postgres" | "isJson" | "postgresText">;
  readonly stored: z.ZodType<T>;
  encode(value: T): SqlValue;
  readonly wire: z.ZodType<W>;
  show(value: T): W;
  /** The value in a new row; absent where the caller must give it. */
  readonly initial?: T;
}

export type Columns = Readonly<Record<string, Column>>;

/** A stored table. The names of the fields are those of its rows in memory. */
export interface Table<C extends Columns = Columns> {
  readonly name: string;
  /** The fields that name a row. */
  readonly key: readonly string[];
  readonly columns: C;
}

/** A row of a table, a field a column. */
export type Fields<C extends Columns> = {
  readonly [F in keyof C]: C[F] extends Column<infer T> ? T : never;
};

/** The fields that have an initial value in the table's description. */
export type InitialFields<C extends Columns> = {
  readonly [F in keyof C as C[F] extends { readonly initial: unknown } ? F : never]: Fields<C>[F];
};

export type ColumnName<C extends Columns> = C[keyof C]["column"];

/** The column's description in the API reference, and its value in rows that older versions wrote. */
export interface About<T> {
  readonly description?: string;
  readonly example?: unknown;
  /** The value to use where the column is missing, in a file that an older version wrote. */
  readonly missing?: T;
  /** What a row has that was just made. */
  readonly initial?: T;
}

/** A column that has a value in each row. */
export function required<T, W, const C extends string>(
  column: C,
  kind: Kind<T, W>,
  about: About<NoInfer<T>> & { readonly initial: NoInfer<T> },
): Column<T, W, C> & { readonly initial: T };
export function required<T, W, const C extends string>(
  column: C,
  kind: Kind<T, W>,
  about?: About<NoInfer<T>>,
): Column<T, W, C>;
export function required<T, W, const C extends string>(
  column: C,
  kind: Kind<T, W>,
  { missing, initial, ...about }: About<T> = {},
): Column<T, W, C> {
  return {
    column,
    kind,
    nullable: false,
    stored: missing === undefined ? kind.stored : kind.stored.optional().transform((read) => read ?? missing),
    encode: (value) => kind.encode(value),
    show: (value) => kind.show(value),
    wire: kind.wire.meta({ ...kind.wire.meta(), ...about }),
    ...(initial === undefined ? {} : { initial }),
  };
}

/** A column that may be null, and is null in a new row. */
export function optional<T, W, const C extends string>(
  column: C,
  kind: Kind<T, W>,
  { missing, ...about }: Omit<About<null>, "initial"> = {},
): Column<T | null, W | null, C> & { readonly initial: null } {
  const stored = kind.stored.nullable();
  return {
    column,
    kind,
    nullable: true,
    stored: missing === undefined ? stored : stored.optional().transform((read) => read ?? null),
    encode: (value) => (value === null ? null : kind.encode(value)),
    show: (value) => (value === null ? null : kind.show(value)),
    wire: kind.wire.nullable().meta({ ...kind.wire.meta(), ...about }),
    initial: null,
  };
}

export function table<const C extends Columns>(
  name: string,
  key: readonly (keyof C & string)[],
  columns: C,
): Table<C> {
  return { name, key, columns };
}

export function columnNames<C extends Columns>({ columns }: Table<C>): ColumnName<C>[] {
  return Object.values(columns).map(({ column }) => column);
}

/** The columns that name a row. */
export function keyColumns(of: Table): string[] {
  return of.key.flatMap((field) => of.columns[field]?.column ?? []);
}

/** The columns that a later write may change. */
export function valueColumns(of: Table): string[] {
  const key = keyColumns(of);
  return columnNames(of).filter((column) => !key.includes(column));
}

/** The fields of those columns, each with its column. */
export function valueFields<C extends Columns>(
  of: Table<C>,
): readonly { readonly field: keyof C & string; readonly of: Column }[] {
  return Object.keys(of.columns).flatMap((field) => {
    const column = of.columns[field];
    return column === undefined || of.key.includes(field) ? [] : [{ field, of: column }];
  });
}

/** The initial values of a new row, for the fields that have one. */
export function initialFields<C extends Columns>({ columns }: Table<C>): InitialFields<C> {
  const given = Object.entries(columns).filter(([, { initial }]) => initial !== undefined);
  return record(given.map(([field, { initial }]) => [field, initial]));
}

/** A row's columns by their names, as SQL takes them. */
export function encode<C extends Columns>(
  { columns }: Table<C>,
  fields: Fields<C>,
): Record<ColumnName<C>, SqlValue> {
  const encoded: Record<string, SqlValue> = {};
  for (const field in columns) {
    const of = columns[field];
    if (of !== undefined) encoded[of.column] = of.encode(fields[field]);
  }
  return encoded as Record<ColumnName<C>, SqlValue>;
}

/** The same for a file: JSON stays JSON. */
export function toJson<C extends Columns>(of: Table<C>, fields: Fields<C>): Record<string, unknown> {
  const encoded: Record<string, SqlValue> = encode(of, fields);
  return mapJson(of, encoded, (text) => (typeof text === "string" ? parseJson(text) : text));
}

/** Converts the output of `toJson` to the form in which a database returns it. */
export function fromJson(of: Table, columns: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return mapJson(of, columns, (value) =>
    value === null || value === undefined ? value : stringifyJson(value),
  );
}

function mapJson(
  { columns }: Table,
  row: Readonly<Record<string, unknown>>,
  change: (value: unknown) => unknown,
): Record<string, unknown> {
  const changed = { ...row };
  for (const { column, kind } of Object.values(columns)) {
    if (kind.isJson === true) changed[column] = change(row[column]);
  }
  return changed;
}

export const unreadableHint =
  "Undo the edit or restore the row from a backup; what cannot be read is never overwritten, not by a reset either.";

/** Reads a stored row. Throws `STATE_UNREADABLE` for what does not fit (promise P10). */
export function decode<C extends Columns>(of: Table<C>, raw: unknown, holder: string): Fields<C> {
  const read = parseStored(schemaOf(of), raw, holder);
  return record(Object.entries(of.columns).map(([field, { column }]) => [field, read[column]]));
}

const schemas = new WeakMap<Columns, z.ZodType<Record<string, unknown>>>();

function schemaOf({ columns }: Table): z.ZodType<Record<string, unknown>> {
  const known = schemas.get(columns);
  if (known !== undefined) return known;
  const made = z.object(
    Object.fromEntries(Object.values(columns).map(({ column, stored }) => [column, stored])),
  );
  schemas.set(columns, made);
  return made;
}

const named = z.object({ connector: z.string(), stream: z.string() });

/** Reads stored values of any form. Throws `STATE_UNREADABLE`. */
export function parseStored<T>(schema: z.ZodType<T>, raw: unknown, holder: string): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const { data } = named.safeParse(raw);
  const place = data === undefined ? holder : `${holder}: ${formatStreamKey(data)}`;
  throw new TidemarkError(
    "STATE_UNREADABLE",
    `${place}: a stored row cannot be read: ${z.prettifyError(parsed.error)}`,
    { hint: unreadableHint },
  );
}

/** An object whose names and types come from one description, which TypeScript cannot follow through a list. */
export function record<R extends object>(entries: readonly (readonly [string, unknown])[]): R {
  return Object.fromEntries(entries) as R;
}
