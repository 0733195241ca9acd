/** A value sent to or read from a database. Large integers and decimals are texts. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array;

export type SqlRow = Readonly<Record<string, unknown>>;

/** The kinds of columns. Every database has a type for each. */
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
