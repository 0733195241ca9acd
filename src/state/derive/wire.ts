import type { z } from "zod";
import { type Column, type Columns, record, type Table } from "./table.ts";

/** `started_at_utc` as `startedAtUtc`. */
type Camel<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;

type WireOf<C> = C extends Column<infer _, infer W> ? W : never;

/** The schemas of some fields, by the names of their columns. */
export type WireShape<C extends Columns, F extends keyof C> = {
  [K in F as C[K]["column"]]: z.ZodType<WireOf<C[K]>>;
};

/** The values of some fields in a message. */
export type WireRecord<C extends Columns, F extends keyof C> = {
  [K in F as C[K]["column"]]: WireOf<C[K]>;
};

/** The same values as the library hands them out. */
export type ShownRecord<C extends Columns, F extends keyof C> = {
  [K in F as Camel<C[K]["column"]>]: WireOf<C[K]>;
};

/** What a message has of some fields, with descriptions and examples. */
export function wireShape<C extends Columns, F extends keyof C & string>(
  of: Table<C>,
  fields: readonly F[],
): WireShape<C, F> {
  return record(columnsOf(of, fields).map(({ column, wire }) => [column, wire]));
}

/** Some fields of a row as the library hands them out: times as ISO 8601. */
export function shown<C extends Columns, F extends keyof C & string>(
  of: Table<C>,
  fields: readonly F[],
  row: { readonly [K in F]: C[K] extends Column<infer T> ? T : never },
): ShownRecord<C, F> {
  const values: Record<string, unknown> = {};
  for (const field of fields) {
    const column = of.columns[field];
    if (column !== undefined) values[camel(column.column)] = column.show(row[field]);
  }
  return values as ShownRecord<C, F>;
}

export function toWire<C extends Columns, F extends keyof C & string>(
  of: Table<C>,
  fields: readonly F[],
  values: ShownRecord<C, F>,
): WireRecord<C, F> {
  const given: Readonly<Record<string, unknown>> = { ...values };
  return record(columnsOf(of, fields).map(({ column }) => [column, given[camel(column)]]));
}

export function fromWire<C extends Columns, F extends keyof C & string>(
  of: Table<C>,
  fields: readonly F[],
  values: WireRecord<C, F>,
): ShownRecord<C, F> {
  const given: Readonly<Record<string, unknown>> = { ...values };
  return record(columnsOf(of, fields).map(({ column }) => [camel(column), given[column]]));
}

function columnsOf(of: Table, fields: readonly string[]): Column[] {
  return fields.flatMap((field) => of.columns[field] ?? []);
}

const camelNames = new Map<string, string>();

/** Each name is made once: every step of a run shows its stream's row. */
function camel(column: string): string {
  const known = camelNames.get(column);
  if (known !== undefined) return known;
  const made = column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  camelNames.set(column, made);
  return made;
}
