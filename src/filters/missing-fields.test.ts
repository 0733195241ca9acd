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

  test("is not reported where the record would have been dropped all the same", async () => {
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

  test.each([
    [
      "$not(deleted)",
      [{ deleted: false }, {}, { deleted: true }, { deleted: null }, {}],
      [1, 4],
      "deleted",
      "$not",
    ],
    ["id < 4 and $not(deleted)", [{ deleted: false }, {}, { deleted: true }, {}], [1], "deleted", "$not", 1],
    ["$not(amount > 10)", [{ amount: 1 }, {}, { amount: 11 }, {}], [1], "amount", "$not"],
    ["$sum(l.pp) > 1", [{ l: [{ pp: 2 }] }, { l: [{ qq: 2 }] }, { l: { pp: 1 } }, {}], [1], "l.pp", "other"],
    [
      "($s := $sum(l.pp); $s > 1)",
      [{ l: [{ pp: 2 }] }, { l: [] }, { l: { pp: 1 } }, {}],
      [1],
      "l.pp",
      "other",
    ],
    ["$filter(l, function($x) { $x > 1 })", [{ l: [2, 0] }, {}, { l: [0] }, {}], [1], "l", "other"],
    ['$contains(name, "x")', [{ name: "x" }, {}, { name: "y" }, {}], [1], "name", "other"],
    ["deleted ~> $not", [{ deleted: false }, {}, { deleted: true }, {}], [1], "deleted", "other"],
    ["a + b", [{ a: 1, b: 1 }, { a: 1 }, { a: 0, b: 0 }, { b: 1 }], [1], "b", "other"],
    ["$boolean(deleted) = false", [{ deleted: false }, {}, { deleted: true }, {}], [1], "deleted", "="],
    ["$length(name) = 0", [{ name: "" }, {}, { name: "x" }, {}], [1], "name", "="],
    ['$trim(name) = ""', [{ name: " " }, {}, { name: "x" }, {}], [1], "name", "="],
    ['"" = $trim(name)', [{ name: " " }, {}, { name: "x" }, {}], [1], "name", "="],
    ['$contains($string(name), "y") = false', [{ name: "x" }, {}, { name: "y" }, {}], [1], "name", "="],
    ["$sum(l.p) = 0", [{ l: [{ p: 0 }] }, {}, { l: [{ p: 1 }] }, {}], [1], "l.p", "="],
    ["$lowercase(status) != 'x'", [{ status: "A" }, {}, { status: "X" }, {}], [1], "status", "!="],
  ])(
    "is dropped by `%s`, which has no value then, and warned of",
    async (expression, records, ids, field, kind, times = 2) => {
      const { kept, warnings, count, result } = await runOver(expression, records);
      expect(kept).toEqual(ids);
      expect(count?.missingField).toBe(times);
      expect(warnings).toEqual([["FIELD_MISSING", times]]);
      const [warning] = result.warnings;
      expect(warning?.message).toContain(
        `condition \`${expression}\`: records without \`${field}\` were dropped`,
      );
      expect(warning?.message).toContain(
        {
          $not: "JSONata's $not gives nothing",
          other: "neither true nor false",
          "!=": "JSONata's != is false",
          "=": "JSONata's = is false then",
        }[kind],
      );
    },
  );

  test("what the warnings of $not say to write keeps the records, or drops them without a warning", async () => {
    const records = [{ deleted: false }, {}, { deleted: true }, { deleted: null }];
    const kept = await runOver("$exists(deleted) = false or $not(deleted)", records);
    expect([kept.kept, kept.warnings]).toEqual([[1, 2, 4], []]);
    const dropped = await runOver("$exists(deleted) and $not(deleted)", records);
    expect([dropped.kept, dropped.warnings]).toEqual([[1, 4], []]);
  });

  test("$not of a path that finds nothing drops the record, and is warned of", async () => {
    const { kept, result } = await runOver("$not(l[bad])", [{ l: [{ bad: true }] }, { l: [{ bad: false }] }]);
    expect(kept).toEqual([]);
    expect(result.warnings).toMatchObject([
      {
        code: "FIELD_MISSING",
        count: 1,
        message:
          "condition `$not(l[bad])`: records for which its path finds nothing were dropped, since JSONata's $not gives nothing where what it is given is missing; write $exists(…) = false or $not(…) to keep them, or $exists(…) and … to drop them without this warning",
      },
    ]);
    const right = await runOver("$exists(l[bad]) = false", [{ l: [{ bad: true }] }, { l: [{ bad: false }] }]);
    expect([right.kept, right.warnings]).toEqual([[2], []]);
  });

  test.each([
    ["active", [{ active: true }, {}]],
    ["l[pp > 1]", [{ l: [{ pp: 2 }] }, {}, { l: [{ pp: 1 }] }]],
    ["$boolean(active)", [{ active: true }, {}]],
    ["$filter(l, function($x) { $x > 1 })", [{ l: [2] }, { l: [0] }, { l: [] }]],
    ["$number(amount) > 10", [{ amount: "11" }, {}]],
    ['$toMillis(at) > $toMillis("2026-01-01T00:00:00Z")', [{ at: "2026-02-01T00:00:00Z" }, {}]],
    ["$count(l) = 0", [{ l: [1] }, {}]],
    ["$exists(l) = false", [{ l: [1] }, {}]],
    ["$lowercase(status) = 'x'", [{ status: "X" }, {}]],
    ["status = ''", [{ status: "" }, {}]],
    ["$exists(name) and $length(name) = 0", [{ name: "" }, {}]],
    ["$count(l) > 1", [{ l: [1, 2] }, {}]],
    ["$exists(l)", [{ l: [] }, {}]],
    ['$exists(name) and $contains(name, "x")', [{ name: "x" }, {}]],
    ['name ? $contains(name, "x") : false', [{ name: "x" }, {}]],
    ['$contains(name, "x") or id = 2', [{ name: "x" }, {}]],
    ["$match(name, /x/)", [{ name: "x" }, { name: "y" }]],
    ["$not(status in ['x']) and id > 0", [{ status: "y" }, { status: "x" }, {}]],
  ])("is as one expects in `%s` as well: no warning", async (expression, records) => {
    expect((await runOver(expression, records)).warnings).toEqual([]);
  });

  test("what cannot take the record behind a missing field is no reason to refuse it", async () => {
    const { result, kept } = await runOver("$not(deleted) and amount > 10", [
      { amount: null },
      { deleted: false, amount: 11 },
    ]);
    expect([result.status, kept]).toEqual(["completed", [2]]);
    const other = await runOver("status != 'x' and amount > 10", [{ amount: "1" }]);
    expect(other.result).toMatchObject({ status: "completed", warnings: [] });
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

  test.each([
    ["$boolean(statis) = false", ["FIELD_ABSENT", "FIELD_MISSING"]],
    ["$length($trim(statis)) > 0", ["FIELD_ABSENT"]],
    ["$lowercase(statis) = 'x'", ["FIELD_ABSENT"]],
    ["$contains($string(statis), 'y') = false", ["FIELD_ABSENT", "FIELD_MISSING"]],
    ["$number(statis) in [1, 2]", ["FIELD_ABSENT"]],
  ])("and so is one behind a function: %s", async (expression, codes) => {
    const many = Array.from({ length: 12 }, () => ({ status: "y" }));
    const { count, warnings } = await runOver(expression, many);
    expect(count).toMatchObject({ dropped: 12, absentFields: ["statis"] });
    expect(warnings.map(([code]) => code).toSorted()).toEqual(codes);
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

  test("warns of a != that drops records without the field, at its place", async () => {
    expect(await doubtsOf('amount > 1 and status != "deleted"')).toEqual([
      "3:66 MISSING_FIELD warning: JSONata's != is false where a side is missing, so records without `status` are dropped (write $not(… = …) to keep them, or $exists(status) and … where they are to be dropped)",
    ]);
  });

  test.each([
    ["$not(deleted)", "deleted"],
    ["amount > 1 and $not(deleted)", "deleted"],
    ['$not($lowercase(status) > "a")', "status"],
    ["$not(id > amount)", "amount"],
  ])("doubts `%s`, at its place", async (expression, field) => {
    const column = "filters: [ { type: condition, expression: '".length + expression.indexOf("$not") + 1;
    expect(await doubtsOf(expression)).toEqual([
      expect.stringMatching(
        new RegExp(
          `^3:${column} MISSING_FIELD warning: JSONata's \\$not gives nothing .* records without \`${field}\` are dropped \\(write \\$exists\\(${field}\\) = false or \\$not\\(…\\) to keep them`,
        ),
      ),
    ]);
  });

  test("warns of a function of a field that is compared with what is empty", async () => {
    expect(await doubtsOf("$boolean(deleted) = false")).toEqual([
      expect.stringMatching(
        /MISSING_FIELD warning: a function of a missing field is nothing, .* records without `deleted` are dropped \(write \$exists\(deleted\) = false or …/,
      ),
    ]);
  });

  test("warns of $not of a path with a condition", async () => {
    expect(await doubtsOf("$not(lines[bad])")).toEqual([
      expect.stringContaining("records for which its path finds nothing are dropped"),
    ]);
  });

  test.each<[expression: string, before: string]>([
    ["$exists(deleted) = false or $not(deleted)", ""],
    ["$exists(deleted) and $not(deleted)", ""],
    ["$not(id)", ""],
    ["$not(deleted)", "{ type: set, target: deleted, value: false },"],
    ["$not($exists(deleted))", ""],
    ["$not(lines.n in [1, 2])", ""],
    ["$filter(lines, function($l) { $not($l.deleted) })", ""],
    ["lines[$not(deleted)]", ""],
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
