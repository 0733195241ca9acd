import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { at, Bench, key, record } from "../../test/support/engine-bench.ts";
import type { Filter } from "../engine/ports.ts";
import { createConditionFilter } from "./condition.ts";
import { createFunctionFilter, type ScriptFunction } from "./function.ts";
import { createMappingFilter } from "./mapping.ts";
import { createRemoveFilter } from "./remove.ts";
import { createScriptFilter } from "./script.ts";

const parts = { key: [["id"]], params: {} };

function benchOf(...filters: Filter[]): Bench {
  const bench = new Bench({ appends: false, pipeline: { filters } });
  for (let id = 1; id <= 5; id++) bench.source.put(record(id, id));
  return bench;
}

async function scriptOf(text: string): Promise<Filter> {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-filter-"));
  await writeFile(join(folder, "s.mjs"), text);
  return createScriptFilter({ type: "script", path: "./s.mjs" }, { ...parts, folder });
}

test("the result and the history say how many records each filter dropped", async () => {
  const condition = createConditionFilter({ type: "condition", expression: "id > 1" }, parts);
  // One of the records becomes two: the list is no shorter, and one was dropped all the same.
  const twice: ScriptFunction = (r) => (r.id === 2 ? null : r.id === 3 ? [r, { ...r, id: 33 }] : r);
  const bench = benchOf(condition, createFunctionFilter(twice, { ...parts, name: "twice" }));
  const result = await bench.run();
  expect(result).toMatchObject({ recordsRead: 5, recordsWritten: 4 });
  const none = { missingField: 0, refused: 0, defaulted: 0, absentFields: [] };
  expect(result.filters).toEqual([
    { index: 0, type: "condition", name: "id > 1", given: 5, dropped: 1, ...none },
    { index: 1, type: "function", name: "twice", given: 4, dropped: 1, ...none },
  ]);
  expect((await bench.state.runs(key)).items[0]?.metadata).toMatchObject({
    records_filtered: 2,
    filters: [
      { index: 0, records_dropped: 1 },
      { index: 1, records_dropped: 1 },
    ],
  });
});

test("a filter in code that says nothing counts by the length of its list", async () => {
  const bench = benchOf({ kind: "mine", apply: (records) => records.filter(({ id }) => id !== 4) });
  expect((await bench.run()).filters).toMatchObject([{ type: "mine", name: "mine", dropped: 1 }]);
});

test("fields that a filter names and no record of the run had are reported, quietly", async () => {
  const remove = createRemoveFilter({ type: "remove", target: ["secrt", "tag", "list.pin"] });
  const mappings = [
    { source: "id", target: "id" },
    { source: "updated_at", target: "updated_at" },
    { source: "tag", target: "tag" },
    { source: "optional", target: "optional", default: null },
  ];
  const mapping = createMappingFilter({ type: "mapping", keepUnmapped: false, mappings }, parts);
  const bench = benchOf(mapping, remove);
  bench.source.put({ ...record(6, 6), tag: 1 });
  const result = await bench.run();
  expect(result.filters).toMatchObject([{ absentFields: [] }, { absentFields: ["secrt", "list.pin"] }]);
  expect(result.warnings).toEqual([]);
});

test("P8: a script that forgets to return fails the run with its record, and nothing is lost", async () => {
  const bench = benchOf(await scriptOf("export default (record) => { record.total = 1; };\n"));
  const { error, newCursor } = await bench.attempt();
  expect(error).toMatchObject({
    code: "FILTER_FAILED",
    message:
      "script ./s.mjs: record 1 of the batch (id 1): it returned nothing; return null to drop a record",
    where: { file: expect.stringMatching(/s\.mjs$/) },
  });
  expect(newCursor).toBeNull();
  expect(bench.ids()).toEqual([]);
});

test("an error of a script is reported with its line", async () => {
  const text = "const cents = (r) => {\n  return JSON.parse(r.price);\n};\nexport default (r) => cents(r);\n";
  const { error } = await benchOf(await scriptOf(text)).attempt();
  expect(error?.where).toMatchObject({ file: expect.stringMatching(/s\.mjs$/), line: 2, column: 15 });
});

test("anything with a `then` is waited for", async () => {
  const thenable = "export default (r) => ({ then(ok) { setImmediate(() => ok({ ...r, b: 1 })); } });\n";
  const bench = benchOf(await scriptOf(thenable));
  await bench.run();
  expect(bench.table.rows[0]).toEqual({ id: 1, updated_at: at(1), b: 1 });
});
