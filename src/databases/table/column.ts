import type { ColumnKind } from "../columns.ts";

/** A column of a table, as the database describes it. */
export interface TableColumn {
  readonly name: string;
  readonly kind: ColumnKind;
  /** The type in the database's own syntax, without length or precision, so that a cast to it truncates nothing. */
  readonly type: string;
  /** The type that values of the column have in the end, with its length, precision or words: `numeric(8,2)`. */
  readonly declared?: string;
  /** Whether it holds a list of that type. */
  readonly array: boolean;
  /**
   * Whether PostgreSQL's `unnest` would take values apart that stand in an array: lists into their innermost
   * elements, composites into their fields, boxes at their commas.
   */
  readonly apart?: boolean;
  /** Whether the database computes the column from others, so that nothing can be written to it. */
  readonly computed?: boolean;
  /** Whether the database numbers the rows in it, unless it is told that the given number counts. */
  readonly identity?: boolean;
  /**
   * What the database silently stores in place of NULL, such as `the current time`; absent where NULL is stored, or
   * fails.
   */
  readonly nullBecomes?: string;
}

/** A column of the table together with the field of the records that goes there. */
export interface FieldColumn extends TableColumn {
  readonly field: string;
}
