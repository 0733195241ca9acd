import { readFileSync } from "node:fs";
import type { Entry, Peer } from "../../peer.ts";
import { installed, peerFile, pinned, unlessInstalled } from "../../peer.ts";
import { inDuckdb, inJsonLines, inPostgres } from "../../sinks.ts";

const setup = readFileSync(peerFile("dlt", "setup.sh"), "utf8");
const python = installed("dlt", "bin/python");

function entry(kind: string, sink: string, count: Entry["count"]): Entry {
  return {
    sink,
    command: ({ folder, origin, postgresUrl }) => ({
      file: python,
      args: [peerFile("dlt", "load.py"), kind, origin, folder, postgresUrl],
      cwd: folder,
    }),
    count,
    // One state a load, beside the data; loads that moved nothing write none.
    checkpoints: async () => null,
  };
}

export const dlt: Peer = {
  name: "dlt",
  version: `dlt ${pinned(setup, "DLT")}, duckdb ${pinned(setup, "DUCKDB")}`,
  factor: 5,
  missing: () => unlessInstalled("dlt", "bin/dlt"),
  entries: {
    sqlite: entry("duckdb", "DuckDB", inDuckdb(python, "race.records")),
    postgres: entry("postgres", "PostgreSQL", inPostgres("race.records")),
    jsonl: entry("jsonl", "JSON lines", inJsonLines("files/race/records/*.jsonl")),
  },
};
