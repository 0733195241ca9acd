/** A value as it goes to or comes from a database. Large integers and decimals travel as text. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array;

export type SqlRow = Readonly<Record<string, unknown>>;

/** What kinds of value a column holds, in words that every database has a type for. */
export const columnKinds = [
  "boolean",
  "integer",
  "decimal",
  "float",
  "text",
  "timestamp",
  "date",
  "json",
  "bytes",
] as const;
export type ColumnKind = (typeof columnKinds)[number];

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
}
