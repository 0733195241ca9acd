/** A type of a database, as the matrix of types writes and reads it. */
export interface TypeRow {
  /** What the type is called in the documentation, and unique among a database's rows. */
  readonly name: string;
  /** As `CREATE TABLE` takes it. */
  readonly type: string;
  /** The names under which the server's own catalogue has it. */
  readonly catalogue: readonly string[];
  /** Values as the database reads them in SQL: extremes, and what converts badly. */
  readonly values: readonly string[];
  /** Whether a key of the type makes sense; the values are then all different. */
  readonly key?: boolean;
  /** How the column is asked for, where its own text is not what is to be compared. */
  readonly shown?: (column: string) => string;
  /** Where the value alone is kept: what of its text is not. */
  readonly asValue?: string;
  /** For a column that holds values of other types than its own, which SQLite has: how those are carried. */
  readonly carried?: string;
}
