import { readFileSync } from "node:fs";
import type { Entry, Peer } from "../../peer.ts";
import { installed, linesAdded, peerFile, pinned, unlessInstalled } from "../../peer.ts";
import { inJsonLines, inPostgres, inSqlite } from "../../sinks.ts";

const setup = readFileSync(peerFile("airbyte-cdk", "setup.sh"), "utf8");

function entry(kind: string, sink: string, count: Entry["count"]): Entry {
  return {
    sink,
    command: ({ folder, origin, postgresUrl }) => ({
      file: peerFile("airbyte-cdk", "sync.sh"),
      args: [installed("airbyte-cdk", ""), kind, origin, folder, postgresUrl],
      cwd: folder,
    }),
    count,
    checkpoints: async (place) => linesAdded(place, "states.txt"),
  };
}

export const airbyteCdk: Peer = {
  name: "airbyte-cdk",
  version: `airbyte-cdk ${pinned(setup, "AIRBYTE_CDK")} with a sink of the race's own`,
  factor: 5,
  missing: () => unlessInstalled("airbyte-cdk", "bin/source-declarative-manifest"),
  entries: {
    sqlite: entry("sqlite", "SQLite", inSqlite()),
    postgres: entry("postgres", "PostgreSQL", inPostgres()),
    jsonl: entry("jsonl", "JSON lines", inJsonLines()),
  },
};
