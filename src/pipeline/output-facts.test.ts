import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { told } from "../../test/support/pipeline-files.ts";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";
import type { Output } from "../engine/ports.ts";
import { httpPollingSchema } from "../inputs/http/schema.ts";
import { httpSettingWarnings } from "../inputs/http/setting-warnings.ts";
import { createDatabaseOutput } from "../outputs/table/database-output.ts";
import { incoherencesOf } from "./coherence.ts";
import { definePipeline } from "./define.ts";

const endpoint = "https://x.example";
const timestamp = { field: "event.at", queryParam: "since" };

/** A pipeline in code that writes to this output, whatever is wrong with it. */
function findingsOf(output: Output, more: { key?: string; order?: "ascending" } = {}) {
  const { order, ...rest } = more;
  const { input } = definePipeline({
    name: "x",
    input: {
      type: "httpPolling",
      endpoint,
      ...rest,
      statePersistence: { timestamp, ...(order === undefined ? {} : { order }) },
    },
    output: memoryOutput(new MemoryTable(), { appends: false }),
  });
  return { input, findings: incoherencesOf(input, output, []) };
}

describe("what is known of an output of any kind is read from its facts", () => {
  test("a hint says how an output that appends could replace rows, where it can at all", () => {
    const appends = memoryOutput(new MemoryTable());
    const [plain] = findingsOf(appends).findings;
    expect(plain?.hint).toBe("declare `input.key`, or `order: ascending` if the source sorts by the cursor");
    const [other] = findingsOf({ ...appends, toReplace: "write with `into: latest`" }).findings;
    expect(other?.hint).toMatch(/by the cursor, or write with `into: latest`$/);
  });

  test("a key that is no field of a row is an error for every output that replaces by key", () => {
    const output = { ...memoryOutput(new MemoryTable(), { appends: false }), upsertKey: ["event.id"] };
    const { input } = findingsOf(output, { key: "event.id" });
    expect(incoherencesOf(input, output, [])).toMatchObject([
      { code: "CONFIG_INCOHERENT", message: expect.stringContaining("`event.id` is no column") },
    ]);
    const appends = memoryOutput(new MemoryTable());
    expect(incoherencesOf(input, appends, [])).not.toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("no column") }),
    );
  });

  test("pages that shift are warned about for every output that replaces by key", () => {
    const counted = httpPollingSchema.parse({
      type: "httpPolling",
      endpoint,
      pagination: { type: "page", param: "page" },
      statePersistence: { order: "ascending", timestamp: { field: "at", queryParam: "since" } },
    });
    const { incremental } = findingsOf(memoryOutput(new MemoryTable())).input;
    const replaces = memoryOutput(new MemoryTable(), { appends: false });
    expect(httpSettingWarnings(counted, incremental, replaces)).toMatchObject([{ code: "PAGES_SHIFT" }]);
    expect(httpSettingWarnings(counted, incremental, memoryOutput(new MemoryTable()))).toEqual([]);
  });
});

test("a table that only adds rows has no key to be wrong about", async () => {
  const table = (mode: string): string =>
    `name: x\ninput:\n  type: httpPolling\n  endpoint: ${endpoint}\n  key: event.id\n  statePersistence: { timestamp: { field: at, queryParam: since }, order: ascending }\noutput: { type: database, connectionString: "sqlite:./x.db", table: t, key: event.id, mode: ${mode} }\n`;
  expect(await told(table("upsert"))).toEqual([expect.stringContaining("`event.id` is no column")]);
  expect(await told(table("append"))).toEqual([]);
});

test("outputs of different kinds that write to one thing exclude each other by its id", () => {
  const file = definePipeline({
    name: "x",
    input: { type: "httpPolling", endpoint, key: "id" },
    output: { type: "file", path: "./a/../b.jsonl" },
  }).output;
  expect(file.exclusive).toEqual({ id: `file:${resolve("b.jsonl")}`, name: "the file ./a/../b.jsonl" });
  const table = createDatabaseOutput({
    type: "database",
    connectionString: "sqlite:./x.db",
    table: "t",
    createTable: true,
    onError: "fail",
  });
  expect(table.exclusive).toBeUndefined();
});
