import { join } from "node:path";
import type { Input, Pipeline } from "../../src/engine/ports.ts";
import { sync } from "../../src/engine/run/sync.ts";
import { createDatabaseOutput } from "../../src/outputs/table/database-output.ts";
import { databaseOutputSchema } from "../../src/outputs/table/schema.ts";
import { openState } from "../../src/state/storage/open.ts";
import { simulatedIncremental } from "../../testing/simulated-source.ts";

/**
 * Runs a stream of so many partitions twice, in a process of its own, and prints what it took: the
 * records of each run, and the peak of the process's memory in megabytes.
 *
 *   node many-partitions.ts FOLDER COUNT
 */
const [folder = ".", count = "100000"] = process.argv.slice(2);

/** One record a partition, asked for when it is read and kept nowhere. */
const input: Input = {
  kind: "many",
  incremental: simulatedIncremental({
    order: "ascending",
    pagesPerCheckpoint: 200,
    partitions: { concurrency: 4 },
  }),
  open: async () => ({
    async *partitions() {
      for (let from = 0; from < Number(count); from += 1000) {
        yield Array.from({ length: 1000 }, (_, at) => `organisation-${from + at}/repository-${from + at}`);
      }
    },
    async *read({ partition, window }) {
      if (window.lower !== null) return;
      const id = `${partition}#1`;
      yield { records: [{ id, updated_at: "2026-01-01T00:00:00.000001Z", title: "an issue" }], next: null };
    },
    close: async () => {},
  }),
};

const output = databaseOutputSchema.parse({
  type: "database",
  connectionString: `sqlite:${join(folder, "issues.db")}`,
  table: "issues",
  key: "id",
});
const pipeline: Pipeline = {
  name: "issues",
  key: { connector: "forge", stream: "issues" },
  onConcurrentRun: "skip",
  leaseSeconds: 60,
  input,
  filters: [],
  output: createDatabaseOutput(output),
};

await using state = await openState(`sqlite:${join(folder, "state.db")}`);
const first = await sync(pipeline, { state });
const second = await sync(pipeline, { state });
console.log(
  JSON.stringify({
    first: first.recordsWritten,
    second: second.recordsWritten,
    seconds: [first.durationMs / 1000, second.durationMs / 1000],
    megabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
