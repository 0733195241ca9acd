import type { SqlValue } from "../../state/derive/kinds.ts";
import type { Statement } from "../../state/storage/postgres/statement.ts";
import type { Maybe, Work } from "../../state/work.ts";

type KeyDatabaseRow = Readonly<Record<string, unknown>>;

/** Runs one statement of a transaction. */
export type RunKeyStatement = <P extends string>(
  statement: Statement<P>,
  values: Readonly<Record<P, SqlValue>>,
) => Maybe<readonly KeyDatabaseRow[]>;

/** What the stored keys ask of a database. Each database that can hold them has one, in a file of its name. */
export interface KeyDatabase {
  /** Names the database in messages. */
  readonly place: string;
  /** The schema with a dot after it, as SQL; empty where a database has only one. */
  readonly schemaPrefix: string;
  /** Runs one statement on its own. It may be run twice where a connection is lost. */
  run<P extends string>(
    statement: Statement<P>,
    values: Readonly<Record<P, SqlValue>>,
  ): Promise<readonly KeyDatabaseRow[]>;
  /** Runs work that only reads, on the keys as of one moment. */
  snapshot<T>(work: (run: RunKeyStatement) => Work<T>): Promise<T>;
  /**
   * Runs work in one transaction while no other change of keys is made. It is not repeated where its outcome is unknown:
   * a key that is made twice would be two keys.
   */
  change<T>(work: (run: RunKeyStatement) => Work<T>): Promise<T>;
  close(): Promise<void>;
}
