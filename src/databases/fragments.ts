import type { SqlFragments } from "./port.ts";

/** What databases share that follow standard SQL and take `ON CONFLICT`. */
export const standardFragments = {
  longestKeyText: null,
  byCodePoint: (column) => column,
  replacing: (key, columns) =>
    `ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}`,
  keeping: () => "ON CONFLICT DO NOTHING",
  moment: (iso) => iso,
  dropTemporaryTable: "DROP TABLE",
} satisfies Partial<SqlFragments>;
