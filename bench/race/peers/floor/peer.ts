import { fileURLToPath } from "node:url";
import type { Entry, Peer } from "../../peer.ts";
import { inJsonLines, inPostgres, inSqlite } from "../../sinks.ts";

const program = fileURLToPath(new URL("./floor.ts", import.meta.url));

function entry(kind: string, sink: string, count: Entry["count"]): Entry {
  return {
    sink,
    command: ({ folder, origin, postgresUrl }) => ({
      file: process.execPath,
      args: [program, kind, origin, postgresUrl],
      cwd: folder,
    }),
    count,
    checkpoints: async () => null,
  };
}

export const floor: Peer = {
  name: "floor",
  version: `a hand-written loop on Node ${process.versions.node}`,
  factor: 0.8,
  missing: () => null,
  entries: {
    sqlite: entry("sqlite", "SQLite", inSqlite()),
    postgres: entry("postgres", "PostgreSQL", inPostgres()),
    jsonl: entry("jsonl", "JSON lines", inJsonLines()),
  },
};
