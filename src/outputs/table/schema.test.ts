import { expect, test } from "vitest";
import { databaseOutputSchema } from "./schema.ts";

test.each([
  [{ table: "events" }, "connectionString"],
  [{ table: "events", connectionString: "a", connectionStringRef: "b" }, "together with"],
  [{ table: "events", connectionString: "a", mode: "upsert" }, "needs `key`"],
  [{ table: "_tidemark_positions", connectionString: "a" }, "Tidemark's own"],
  [{ table: "events", connectionString: "a", columns: { a: "varchar" } }, "columns"],
  [{ table: "events", connectionString: "a", tabel: "x" }, "tabel"],
])("the configuration %j is refused", (config, why) => {
  const parsed = databaseOutputSchema.safeParse({ type: "database", ...config });
  expect(parsed.success).toBe(false);
  expect(JSON.stringify(parsed.error?.issues)).toContain(why);
});
