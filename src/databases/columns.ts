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
