import { describe, expect, test } from "vitest";
import { Bench, record } from "../../test/support/engine-bench.ts";
import { told } from "../../test/support/pipeline-files.ts";
import { createConditionFilter } from "./condition.ts";

/** A run over records that each have what is given beside their key and cursor. */
async function runOver(expression: string, records: readonly object[], more: object = {}) {
  const filters = [createConditionFilter({ type: "condition", expression, ...more }, { key: [["id"]] })];
  const bench = new Bench({ appends: false, pipeline: { filters } });
  for (const [index, one] of records.entries()) bench.source.put({ ...record(index + 1, index + 1), ...one });
  const result = await bench.attempt();
  const [count] = result.filters;
  return {
    result,
    kept: bench.ids(),
    warnings: result.warnings.map(({ code, count }) => [code, count]),
    count,
  };
}

describe("a record without a field that a condition compares", () => {
  const some = [{ status: "active" }, {}, { status: null }, { status: "deleted" }, {}];

  test("is dropped by !=, which is counted and warned of", async () => {
    const { kept, warnings, count, result } = await runOver('status != "deleted"', some);
    expect(kept).toEqual([1, 3]);
    expect(count).toMatchObject({ dropped: 3, missingField: 2 });
    expect(warnings).toEqual([["FIELD_MISSING", 2]]);
    expect(result.warnings[0]?.message).toContain("records without `status` were dropped");
  });

  test("is not told of where the record would have been dropped all the same", async () => {
    const { count, warnings } = await runOver('status != "deleted" and id > 4', some);
    expect(count).toMatchObject({ dropped: 5, missingField: 1 });
    expect(warnings).toEqual([["FIELD_MISSING", 1]]);
  });

  test.each([
    '$not(status = "deleted")',
    '$exists(status) and status != "deleted"',
    'status = "active"',
    'status != ""',
    "status != null",
    "$exists(status) ? status != 'x' : true",
  ])("is as one expects in `%s`: no warning", async (expression) => {
    expect((await runOver(expression, some)).warnings).toEqual([]);
  });

  test("is dropped by an order, which the count shows and no warning", async () => {
    const { count, warnings, kept } = await runOver("amount > 10", [{ amount: 11 }, {}, { amount: 9 }]);
    expect(kept).toEqual([1]);
    expect(count).toMatchObject({ dropped: 2, missingField: 1, absentFields: [] });
    expect(warnings).toEqual([]);
  });

  test("is looked for through lists, as JSONata does", async () => {
    const { count } = await runOver("lines.price > 10", [{ lines: [{ price: 11 }] }, { lines: [] }, {}]);
    expect(count).toMatchObject({ dropped: 2, missingField: 2 });
  });

  test("a misspelt field that drops everything is warned of, once there are enough records to tell", async () => {
    const many = Array.from({ length: 12 }, () => ({ amount: 11 }));
    const { result, count } = await runOver("ammount > 10", many);
    expect(count).toMatchObject({ dropped: 12, absentFields: ["ammount"] });
    expect(result.warnings).toEqual([
      {
        code: "FIELD_ABSENT",
        count: 1,
        message:
          "filters[0] (condition ammount > 10) dropped all 12 records, and none of them has ammount: check the spelling",
      },
    ]);
    expect((await runOver("ammount > 10", many.slice(3))).warnings).toEqual([]);
  });

  test("null and text beside a number are refused by name, and obey `onError`", async () => {
    const mixed = [{ amount: 11 }, { amount: null }, { amount: "12" }];
    expect((await runOver("amount > 10", mixed)).result.error).toMatchObject({
      code: "FILTER_FAILED",
      message: expect.stringMatching(/record 2 of the batch \(id 2\): .* and one is null$/),
    });
    const { result, kept } = await runOver("amount > 10", mixed, { onError: "skip" });
    expect(kept).toEqual([1]);
    expect(result).toMatchObject({ status: "completed", recordsRefused: 2 });
  });
});

describe("`validate`", () => {
  const doubtsOf = (expression: string, before = "") =>
    told(`name: x
input: { type: httpPolling, endpoint: "https://x.example", key: id, statePersistence: { id: { field: id, queryParam: after } } }
filters: [${before} { type: condition, expression: '${expression}' }]
output: { type: console }
`);

  test("doubts a != that drops records without the field, at its place", async () => {
    expect(await doubtsOf('amount > 1 and status != "deleted"')).toEqual([
      "3:66 MISSING_FIELD warning: JSONata's != is false where a side is missing, so records without `status` are dropped (write $not(… = …) to keep them, or $exists(status) and … where they are to be dropped)",
    ]);
  });

  test.each<[expression: string, before: string]>([
    ['$not(status = "deleted")', ""],
    ["id != 5", ""],
    ['$exists(status) and status != "deleted"', ""],
    ['status != "" and status != null', ""],
    ["lines[status != 1]", ""],
    ["$count(lines[status != 1]) > 0", ""],
    ['status != "deleted"', "{ type: set, target: status, value: x },"],
    ['status != "deleted"', "{ type: mapping, mappings: [{ source: s, target: status, default: none }] },"],
  ])("doubts nothing in `%s` %s", async (expression, before) => {
    expect(await doubtsOf(expression, before)).toEqual([]);
  });
});
