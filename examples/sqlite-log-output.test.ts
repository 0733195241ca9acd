import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "vitest";
import { moduleOutput } from "../src/index.ts"; // In a project of your own: from "tidemark".
import { outputContract } from "../testing/index.ts"; // … and from "tidemark/testing".
import sqliteLog from "./sqlite-log-output.ts";

/** The ids of the records in the file, as any other program would read them. */
function idsIn(path: string): number[] {
  if (!existsSync(path)) return [];
  const database = new DatabaseSync(path);
  try {
    const rows = database.prepare("SELECT record ->> 'id' AS id FROM log").all();
    return rows.map(({ id }) => Number(id));
  } finally {
    database.close();
  }
}

/** JSON has no form for it. */
const holdsItself: Record<string, unknown> = {};
holdsItself.self = holdsItself;

describe("the log in a SQLite file keeps the contract of an output that delivers exactly once", () => {
  const cases = outputContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), "sqlite-log-"));
    const path = join(folder, "log.db");
    return {
      output: moduleOutput(sqliteLog, { config: { path } }),
      ids: async () => idsIn(path),
      refused: (id) => ({ id, value: holdsItself }),
      dispose: async () => rmSync(folder, { recursive: true }),
    };
  });

  for (const { name, run } of cases) test(name, run);
});
