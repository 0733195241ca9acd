import { readFileSync } from "node:fs";
import type { Entry, Peer } from "../../peer.ts";
import { installed, linesAdded, peerFile, pinned, unlessInstalled } from "../../peer.ts";
import { inJsonLines, inPostgres, inSqlite } from "../../sinks.ts";

const setup = readFileSync(peerFile("singer-sdk", "setup.sh"), "utf8");

function entry(kind: string, sink: string, count: Entry["count"]): Entry {
  return {
    sink,
    command: ({ folder, origin, postgresUrl }) => ({
      file: peerFile("singer-sdk", "sync.sh"),
      args: [installed("singer-sdk", ""), kind, origin, folder, postgresUrl],
      cwd: folder,
    }),
    count,
    checkpoints: async (place) => linesAdded(place, "states.txt"),
  };
}

export const singerSdk: Peer = {
  name: "singer-sdk",
  version: `singer-sdk ${pinned(setup, "SINGER_SDK")}, meltanolabs-target-postgres ${pinned(setup, "TARGET_POSTGRES")}`,
  factor: 5,
  missing: () => unlessInstalled("singer-sdk", "bin/target-postgres"),
  entries: {
    sqlite: entry("sqlite", "SQLite", inSqlite()),
    postgres: entry("postgres", "PostgreSQL", inPostgres()),
    jsonl: entry("jsonl", "JSON lines", inJsonLines()),
  },
};
