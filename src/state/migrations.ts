import type { Dialect } from "./derive/ddl.ts";

/**
 * The steps that bring tables made by an older version up to date, the same in every database, after those that each
 * database had for itself. Never change a step. A new database is made from `tables.ts` as it is, at the last step;
 * `test/state-schema.test.ts` checks that both ways lead to the same tables.
 */
export const laterSteps: readonly ((dialect: Dialect) => string)[] = [
  // The names of the glossary; and the sort key, which nothing read, goes.
  (dialect) => `
    ALTER TABLE tidemark_boundary_keys RENAME TO tidemark_tie_set;
    ALTER TABLE tidemark_tie_set RENAME COLUMN lane TO scope;
    ALTER TABLE tidemark_coverage RENAME COLUMN lane TO scope;
    ALTER TABLE tidemark_partitions RENAME COLUMN lane TO scope;
    ALTER TABLE tidemark_streams RENAME COLUMN lane TO scope;
    ALTER TABLE tidemark_streams DROP COLUMN cursor_sort_key;
    ${dialect === "postgres" ? "ALTER INDEX tidemark_boundary_keys_by_stream RENAME TO tidemark_tie_set_by_stream;" : ""}
  `,
  // Requests to stop a run.
  (dialect) => `ALTER TABLE tidemark_streams ADD COLUMN stops ${dialect === "postgres" ? "json" : "TEXT"};`,
];
