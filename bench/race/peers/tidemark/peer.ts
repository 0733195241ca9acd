import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { Entry, Peer } from "../../peer.ts";
import type { Place } from "../../place.ts";
import { inJsonLines, inPostgres, inSqlite } from "../../sinks.ts";

/** The command as the package has it, which `npm run bench` builds first. */
const command = fileURLToPath(new URL("../../../../dist/cli/main.js", import.meta.url));
const { version } = JSON.parse(
  readFileSync(new URL("../../../../package.json", import.meta.url), "utf8"),
) as { version: string };

function entry(sink: string, output: (place: Place) => string, count: Entry["count"]): Entry {
  return {
    sink,
    prepare: (place) => writeFileSync(join(place.folder, "records.yaml"), pipeline(place, output(place))),
    command: ({ folder }) => ({
      file: process.execPath,
      args: [command, "run", "records.yaml", "--json"],
      cwd: folder,
    }),
    count,
    checkpoints: async (place) => checkpointsIn(place),
  };
}

/** Everything is as it is by default: a checkpoint each page, the state in SQLite beside the pipeline. */
function pipeline({ origin }: Place, output: string): string {
  return `name: records
input:
  type: httpPolling
  endpoint: ${origin}/records
  dataField: data
  key: id
  pagination: { type: cursor, param: token, nextCursorField: next, maxPages: 1000000 }
  statePersistence:
    timestamp: { field: updated_at, queryParam: updated_after }
    order: ascending
output: ${output}
`;
}

function checkpointsIn({ folder }: Place): number {
  const state = new DatabaseSync(join(folder, ".tidemark/state.db"), { readOnly: true });
  try {
    return Number(state.prepare("SELECT sum(checkpoints) AS n FROM tidemark_runs").get()?.n ?? 0);
  } finally {
    state.close();
  }
}

const table = (connectionString: string): string =>
  `{ type: database, connectionString: "${connectionString}", table: records, key: id }`;

export const tidemark: Peer = {
  name: "tidemark",
  version: `tidemark ${version} on Node ${process.versions.node}`,
  factor: null,
  missing: () => null,
  entries: {
    sqlite: entry("SQLite", () => table("sqlite:./records.db"), inSqlite()),
    postgres: entry("PostgreSQL", ({ postgresUrl }) => table(postgresUrl), inPostgres()),
    jsonl: entry("JSON lines", () => "{ type: file, path: ./records.jsonl }", inJsonLines()),
  },
};
