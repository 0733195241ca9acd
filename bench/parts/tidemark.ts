import { build } from "./build.ts";

/** The same job by Tidemark's library, as it is published: `tidemark.ts ENDPOINT DATABASE STATE PAGES_PER_CHECKPOINT`. */
const [endpoint = "", database = "", stateFile = "", pagesPerCheckpoint = "1"] = process.argv.slice(2);

const { definePipeline, openState, sync } = await build();

const pipeline = definePipeline({
  name: "records",
  input: {
    type: "httpPolling",
    endpoint,
    dataField: "data",
    key: "id",
    pagination: { type: "cursor", param: "token", nextCursorField: "next", maxPages: 1_000_000 },
    statePersistence: {
      timestamp: { field: "updated_at", queryParam: "updated_after" },
      order: "ascending",
      pagesPerCheckpoint: Number(pagesPerCheckpoint),
    },
  },
  output: { type: "database", connectionString: `sqlite:${database}`, table: "records", key: "id" },
});

const startedAt = performance.now();
await using state = await openState(`sqlite:${stateFile}`);
const result = await sync(pipeline, { state });
const seconds = (performance.now() - startedAt) / 1000;
console.log(
  JSON.stringify({
    records: result.recordsWritten,
    seconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  }),
);
