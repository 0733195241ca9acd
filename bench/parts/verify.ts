import { build } from "./build.ts";

/**
 * A comparison of the source with a table that `tidemark.ts` filled and that lacks one row since:
 * `verify.ts ENDPOINT DATABASE STATE`. With `read` as a fourth word the source is only read, page
 * after page, as the floor.
 */
const [endpoint = "", database = "", stateFile = "", mode = "verify"] = process.argv.slice(2);

async function readBare(): Promise<number> {
  let count = 0;
  let token: string | null = null;
  do {
    const response = await fetch(token === null ? endpoint : `${endpoint}?token=${token}`);
    const page = JSON.parse(await response.text());
    count += page.data.length;
    token = page.next;
  } while (token !== null);
  return count;
}

async function compare(): Promise<number> {
  const { definePipeline, openState, verify } = await build();
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
      },
    },
    output: { type: "database", connectionString: `sqlite:${database}`, table: "records", key: "id" },
  });
  await using state = await openState(`sqlite:${stateFile}`);
  const { missing, extra, different, sourceRecords } = await verify(pipeline, { state });
  if (missing !== 1 || extra !== 0 || different !== 0)
    throw new Error(`one row is missing; found ${missing} missing, ${extra} extra, ${different} different`);
  return sourceRecords;
}

const startedAt = performance.now();
const records = await (mode === "read" ? readBare() : compare());
const seconds = (performance.now() - startedAt) / 1000;
console.log(JSON.stringify({ records, seconds, peakMemoryBytes: process.resourceUsage().maxRSS * 1024 }));
