import type { BetterSqlite3 } from "../../src/databases/sqlite/handle.ts";
import type { OwnTransaction } from "../../testing/state-suite.ts";

/** One way in which a user's code has transactions on a database. */
export interface Driver {
  begin(): Promise<OwnTransaction>;
  /** What is handed over by mistake: the connection, or the query builder, without a transaction. */
  readonly notBegun: object;
  close(): Promise<void>;
}

type Connect = (place: string) => Driver;

export const kyselyOnPostgres: Connect;
export const drizzleOnPostgres: Connect;
export const drizzleOnPostgresJs: Connect;
export const postgresJs: Connect;
export const ownRunnerOnPostgres: Connect;
export const betterSqlite: Connect;
export const drizzleOnBetterSqlite: Connect;
export const kyselyOnBetterSqlite: Connect;
export const kyselyOnNodeSqlite: Connect;
export const ownRunnerOnSqlite: Connect;
export const ownRunnerWithBigints: Connect;
export const BetterSqlite: BetterSqlite3;
