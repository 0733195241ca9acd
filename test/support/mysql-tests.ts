import { describe, onTestFinished } from "vitest";
import { createMysqlDatabase } from "./mysql.ts";
import { mysqlMissing } from "./mysql-programs.ts";

/**
 * Whether tests on MySQL run here. They need a server on the machine; without one they are skipped, and
 * their names say why and what installs it. Where `CI` is set they run all the same, and so fail.
 */
export const mysqlRuns: boolean = mysqlMissing === null || !["", "false"].includes(process.env.CI ?? "");

/** A group of tests that need a server. */
export function describeMysql(name: string, tests: () => void): void {
  describe.skipIf(!mysqlRuns)(mysqlRuns ? name : `${name} (skipped: ${mysqlMissing})`, tests);
}

/** An empty database for one test, dropped when the test ends. */
export async function ownMysqlDatabase(): Promise<string> {
  const database = await createMysqlDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}
