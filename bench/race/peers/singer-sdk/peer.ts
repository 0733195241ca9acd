import { readFileSync } from "node:fs";
import type { Entry, Peer } from "../../peer.ts";
import { installed, linesAdded, peerFile, pinned, unlessInstalled } from "../../peer.ts";
import { inJsonLines, inPostgres, inSqlite } from "../../sinks.ts";

type Variant = "plain" | "tuned";

const setup = readFileSync(peerFile("singer-sdk", "setup.sh"), "utf8");
const targets = {
  plain: `target-jsonl ${pinned(setup, "TARGET_JSONL")}, meltanolabs-target-postgres ${pinned(setup, "TARGET_POSTGRES")}`,
  tuned: `targets of the race's own, meltanolabs-target-postgres ${pinned(setup, "TARGET_POSTGRES")}`,
} as const;

function entry(variant: Variant, kind: string, sink: string, count: Entry["count"]): Entry {
  return {
    sink,
    command: ({ folder, origin, postgresUrl }) => ({
      file: peerFile("singer-sdk", "sync.sh"),
      args: [installed("singer-sdk", ""), variant, kind, origin, folder, postgresUrl],
      cwd: folder,
    }),
    count,
    checkpoints: async (place) => linesAdded(place, "states.txt"),
  };
}

function peer(variant: Variant, name: string): Peer {
  return {
    name,
    version: `singer-sdk ${pinned(setup, "SINGER_SDK")}, ${targets[variant]}`,
    factor: 5,
    missing: () => unlessInstalled("singer-sdk", "target-jsonl/bin/target-jsonl"),
    entries: {
      sqlite: entry(variant, "sqlite", "SQLite", inSqlite()),
      postgres: entry(variant, "postgres", "PostgreSQL", inPostgres()),
      jsonl: entry(variant, "jsonl", "JSON lines", inJsonLines()),
    },
  };
}

/** With what the SDK's guide and its targets on PyPI offer. */
export const singerSdk: Peer = peer("plain", "singer-sdk");

/** With its slowest parts written anew, for whoever would say that it can be had faster. */
export const tunedSingerSdk: Peer = { ...peer("tuned", "singer-sdk-tuned"), setup: "singer-sdk" };
