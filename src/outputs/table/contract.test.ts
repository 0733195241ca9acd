import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { createMysqlDatabase } from "../../../test/support/mysql.ts";
import { mysqlRuns } from "../../../test/support/mysql-tests.ts";
import { createTestDatabase } from "../../../test/support/postgres.ts";
import { type OutputDestination, outputContract } from "../../../testing/output-suite.ts";
import { openSql } from "../../databases/open.ts";
import { createDatabaseOutput } from "./database-output.ts";

async function destination(
  url: string,
  mode: "append" | "upsert",
  dispose: () => Promise<void>,
): Promise<OutputDestination> {
  const reader = await openSql(url, { role: "output" });
  return {
    output: createDatabaseOutput({
      type: "database",
      connectionString: url,
      table: "events",
      mode,
      createTable: true,
      onError: "fail",
      ...(mode === "upsert" ? { key: "id" } : {}),
    }),
    refused: (id) => ({ id, value: "half \ud800" }),
    async ids() {
      if ((await reader.columns("events")) === null) return [];
      return (await reader.query("SELECT id FROM events")).map(({ id }) => Number(id));
    },
    async dispose() {
      await reader.close();
      await dispose();
    },
  };
}

const databases = {
  async sqlite() {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-output-"));
    return {
      url: `sqlite:${join(folder, "data.db")}`,
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  postgres: createTestDatabase,
  ...(mysqlRuns ? { mysql: createMysqlDatabase } : {}),
};

for (const [name, create] of Object.entries(databases)) {
  for (const mode of ["append", "upsert"] as const) {
    describe(`${mode} to ${name}`, () => {
      const cases = outputContract(async () => {
        const { url, drop } = await create();
        return destination(url, mode, drop);
      });
      for (const { name: title, run } of cases) test(title, run);
    });
  }
}
