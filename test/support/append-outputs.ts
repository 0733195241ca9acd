import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type DeliveredIds, idsInFile, idsInMysql, idsInPostgres, idsInSqlite } from "./delivered.ts";
import { ownMysqlDatabase } from "./mysql-tests.ts";
import { createTestDatabase } from "./postgres.ts";

/** Where a test's pipeline writes, as YAML; where its state is; and what has arrived. */
export interface AppendOutput {
  readonly state: string;
  readonly output: string;
  readonly delivered: DeliveredIds;
}

const sqliteState = "sqlite:./state.db";

/** Outputs that would show a row delivered twice: none of them has a key. */
export const appendOutputs = {
  sqlite: async (folder: string): Promise<AppendOutput> => ({
    state: sqliteState,
    output: table("sqlite:./out.db"),
    delivered: idsInSqlite(join(folder, "out.db"), "records"),
  }),
  postgres: async (): Promise<AppendOutput> => {
    const url = await ownDatabase();
    return { state: sqliteState, output: table(url), delivered: idsInPostgres(url, "records") };
  },
  postgresWithState: async (): Promise<AppendOutput> => {
    const url = await ownDatabase();
    return { state: url, output: table(url), delivered: idsInPostgres(url, "records") };
  },
  /** For tests that `mysqlRuns` has run. */
  mysql: async (): Promise<AppendOutput> => {
    const url = await ownMysqlDatabase();
    return { state: sqliteState, output: table(url), delivered: idsInMysql(url, "records") };
  },
  file: async (folder: string): Promise<AppendOutput> => ({
    state: sqliteState,
    output: "{ type: file, path: ./out.jsonl }",
    delivered: idsInFile(join(folder, "out.jsonl")),
  }),
};

function table(connectionString: string): string {
  return `{ type: database, connectionString: "${connectionString}", table: records, mode: append }`;
}

async function ownDatabase(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}
