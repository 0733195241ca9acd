import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../clock.ts";
import type { FilterContext } from "../engine/ports.ts";
import { ExactNumber } from "../model/exact-number.ts";
import { conditionFilterSchema, createConditionFilter } from "./condition.ts";
import { createFunctionFilter, type ScriptFunction } from "./function.ts";
import { createMappingFilter, mappingFilterSchema } from "./mapping.ts";
import { createRemoveFilter } from "./remove.ts";
import { createScriptFilter, loadScript } from "./script.ts";
import { createSetFilter, setFilterSchema } from "./set.ts";

const parts = { key: [["id"]] };
const context: FilterContext = {
  key: { connector: "acme", stream: "events" },
  clock: systemClock,
  signal: new AbortController().signal,
  runId: "run-1",
  warn: () => {},
};
const huge = new ExactNumber("9007199254740993");

describe("mapping", () => {
  const mapping = (config: object) =>
    createMappingFilter(mappingFilterSchema.parse({ type: "mapping", ...config }), parts);

  test("builds a new record; a missing source leaves its target out or puts the default", () => {
    const filter = mapping({
      mappings: [
        { source: "event.id", target: "id" },
        { source: "event.user.name", target: "user.name" },
        { source: "event.user.mail", target: "user.mail" },
        { source: "missing", target: "gone" },
        { source: "kind", target: "kind", default: "unknown" },
        { source: "nothing", target: "nothing", default: "not used: null is a value" },
      ],
    });
    const record = { event: { id: huge, user: { name: "Ann", mail: "a@b" } }, other: 1, nothing: null };
    expect(filter.apply([record], context)).toEqual([
      { id: huge, user: { name: "Ann", mail: "a@b" }, kind: "unknown", nothing: null },
    ]);
  });

  test("keepUnmapped keeps what no mapping reads", () => {
    const filter = mapping({ keepUnmapped: true, mappings: [{ source: "event.id", target: "id" }] });
    const record = { event: { id: 1, at: "x" }, other: 2 };
    expect(filter.apply([record], context)).toEqual([{ event: { at: "x" }, other: 2, id: 1 }]);
    expect(record).toEqual({ event: { id: 1, at: "x" }, other: 2 });
  });

  test.each([
    ["a path through a list reads nothing", ["lines.p"], { lines: [{ p: 1 }, { p: 2 }] }, {}],
    ["two places of a list", ["list.0", "list.1"], { list: ["a", "b", "c"] }, { list: ["c"] }],
    ["a place that is read twice", ["list.0", "list.0"], { list: ["a", "b"] }, { list: ["b"] }],
    ["a field whose own name has the dot", ["a.b"], { a: { b: 1 }, "a.b": 2 }, { a: {}, "a.b": 2 }],
  ])("keepUnmapped loses no value that no mapping reads: %s", (_, sources, record, rest) => {
    const mappings = sources.map((source, at) => ({ source, target: `read_${at}` }));
    const [mapped] = mapping({ keepUnmapped: true, mappings }).apply([record], context) as object[];
    expect(mapped).toMatchObject({ ...record, ...rest });
  });

  test.each([
    ["string", huge, "9007199254740993"],
    ["string", { a: huge }, '{"a":9007199254740993}'],
    ["number", " 12.50 ", 12.5],
    ["number", "9007199254740993", huge],
    ["boolean", "No", false],
    ["boolean", 1, true],
    ["trim", "  x ", "x"],
    ["lower", "ÄB", "äb"],
    ["upper", null, null],
    ["json", '{"id":9007199254740993}', { id: huge }],
    [["trim", "upper"], " ab ", "AB"],
  ])("transform %s turns %s into %s", (transform, value, expected) => {
    const filter = mapping({ mappings: [{ source: "v", target: "w", transform }] });
    expect(filter.apply([{ v: value }], context)).toEqual([{ w: expected }]);
  });

  test("a value that cannot be transformed names record, key, field and value", () => {
    const filter = mapping({ mappings: [{ source: "v", target: "w", transform: "number" }] });
    expect(() => filter.apply([{ v: "1" }, { id: 7, v: "seven" }], context)).toThrow(
      expect.objectContaining({
        code: "FILTER_FAILED",
        message: 'mapping: record 2 of the batch (id 7): `w`: "seven" is not a number',
      }),
    );
  });
});

describe("set and remove", () => {
  test("leave the records they are given as they were", () => {
    const record = Object.freeze({ payload: Object.freeze({ secret: 1, keep: 2 }) });
    const set = createSetFilter({ type: "set", target: "payload.source", value: "acme" }, parts);
    const remove = createRemoveFilter({ type: "remove", target: ["payload.secret", "missing"] });
    expect(set.apply([record], context)).toEqual([{ payload: { secret: 1, keep: 2, source: "acme" } }]);
    expect(remove.apply([record], context)).toEqual([{ payload: { keep: 2 } }]);
    const places = createRemoveFilter({ type: "remove", target: ["list.0", "list.1", "list.1"] });
    expect(places.apply([{ list: ["a", "b", "c"] }], context)).toEqual([{ list: ["c"] }]);
  });

  test("set takes null, and asks for a value where there is none", () => {
    expect(setFilterSchema.safeParse({ type: "set", target: "a", value: null }).success).toBe(true);
    expect(setFilterSchema.safeParse({ type: "set", target: "a" }).error?.issues).toMatchObject([
      { path: ["value"] },
    ]);
  });
});

describe("condition", () => {
  const condition = (expression: string) => createConditionFilter({ type: "condition", expression }, parts);

  test.each([
    ["amount > 10", [{ amount: 11 }], [{ amount: 10 }, {}]],
    [
      "amount",
      [{ amount: 1 }, { amount: "0" }, { amount: [0, 1] }],
      [{ amount: 0 }, { amount: [] }, { amount: null }],
    ],
    [
      "amount",
      [{ amount: { x: 0 } }],
      [{ amount: {} }, { amount: "" }, { amount: [[0]] }, { amount: false }],
    ],
    ["$sum", [], [{}]],
    ["amount > 9007199254740000", [{ amount: huge }, { amount: 1e20 }], [{ amount: 5 }]],
    ["lines[price > 5]", [{ lines: [{ price: 1 }, { price: huge }] }], [{ lines: [{ price: 1 }] }]],
  ])("`%s` keeps what JSONata's $boolean calls true", async (expression, kept, dropped) => {
    const result = await condition(expression).apply([...kept, ...dropped], context);
    expect(result).toEqual(kept);
    for (const [index, record] of result.entries()) expect(record).toBe(kept[index]);
  });

  test("an error in the expression carries its place", () => {
    const parsed = conditionFilterSchema.safeParse({ type: "condition", expression: "amount >> 3" });
    expect(parsed.error?.issues).toMatchObject([{ path: ["expression"], params: { offset: 8 } }]);
    expect(parsed.error?.issues[0]?.message).toMatch(/^the expression cannot be read: /);
  });

  test("what it throws while running names the record and the expression", async () => {
    const running = condition("$number(amount) > 1").apply(
      [{ amount: "2" }, { id: 8, amount: "two" }],
      context,
    );
    await expect(running).rejects.toMatchObject({
      code: "FILTER_FAILED",
      message:
        'condition `$number(amount) > 1`: record 2 of the batch (id 8): Unable to cast value to a number: "two"',
    });
  });

  test("an expression without an end is stopped", async () => {
    const running = condition("($f := function($x) { 1 + $f($x) }; $f(1))").apply([{ id: 1 }], context);
    await expect(running).rejects.toMatchObject({ code: "FILTER_FAILED" });
  });
});

describe("functions", () => {
  const run = (script: ScriptFunction, record: Record<string, unknown>) =>
    createFunctionFilter(script, { ...parts, name: "f", params: { region: "eu" } }).apply([record], context);

  test("a record, a list, null and promises of them", async () => {
    expect(await run((r) => ({ ...r, b: 2 }), { a: 1 })).toEqual([{ a: 1, b: 2 }]);
    expect(await run((r) => [r, { n: 2 }], { a: 1 })).toEqual([{ a: 1 }, { n: 2 }]);
    expect(await run(() => null, { a: 1 })).toEqual([]);
    expect(await run(() => [], { a: 1 })).toEqual([]);
    expect(await run(async (r) => r, { a: 1 })).toEqual([{ a: 1 }]);
  });

  test("the context tells stream, run and params", async () => {
    expect(await run((_, c) => ({ ...c.params, c: c.connector, s: c.stream, r: c.runId }), {})).toEqual([
      { region: "eu", c: "acme", s: "events", r: "run-1" },
    ]);
  });

  test("what it changes or keeps cannot reach the engine's records", async () => {
    const record = { list: [1], deep: { huge } };
    let kept: Record<string, unknown> = {};
    const [result] = await run((r) => {
      (r.list as number[]).push(2);
      r.deep = null;
      kept = r;
      return r;
    }, record);
    kept.later = true;
    expect(record).toEqual({ list: [1], deep: { huge } });
    expect(result).toEqual({ list: [1, 2], deep: null });
  });

  test("numbers keep their digits, dates and big integers find their form", async () => {
    const [result] = await run((r) => ({ ...r, at: new Date(0), n: 9007199254740993n, u: undefined }), {
      huge,
    });
    expect(result).toEqual({ huge, at: "1970-01-01T00:00:00.000Z", n: huge });
  });

  test.each<[string, () => unknown, RegExp]>([
    ["a text", () => "x", /it returned text; a record/],
    ["nothing", () => undefined, /it returned nothing; return null to drop a record$/],
    ["a promise of nothing", async () => undefined, /it returned nothing; return null/],
    [
      "nothing in a list",
      () => [{}, undefined],
      /it returned a list that holds nothing; a list holds records only/,
    ],
    [
      "null in a list",
      () => [{}, null],
      /it returned a list that holds null; a list holds records only, and an empty one/,
    ],
    ["false", () => false, /it returned a boolean; a record/],
    ["a date", () => new Date(0), /it returned a Date; a record/],
    ["a map itself", () => new Map(), /it returned a Map; a record/],
    ["a promise in a list", () => [Promise.resolve({})], /it returned a list that holds a Promise; a list/],
    ["a number in a list", () => [{}, 5], /it returned a list that holds a number; a list/],
    ["an exact number", () => huge, /it returned a number; a record/],
    ["a map", () => ({ a: { m: new Map() } }), /the field `a.m` is a Map/],
    ["a function", () => ({ a: [() => 1] }), /the field `a\[0\]` is a function/],
    ["NaN", () => ({ a: Number.NaN }), /the field `a` is NaN/],
    [
      "an object that holds itself",
      () => {
        const a: Record<string, unknown> = {};
        a.a = a;
        return a;
      },
      /levels deep/,
    ],
    [
      "an error",
      () => {
        throw new Error("boom");
      },
      /: boom$/,
    ],
    [
      "an object that is thrown",
      () => {
        throw { status: 5 };
      },
      /: it threw an object \(Object\)$/,
    ],
    ["a rejection", () => Promise.reject(new Error("later")), /: later$/],
  ])("%s fails the run, naming the record", async (_, script, message) => {
    // Scripts may be plain JavaScript, so what a type would forbid must be refused too.
    const running = run(script as ScriptFunction, { id: "r1" });
    await expect(running).rejects.toMatchObject({
      code: "FILTER_FAILED",
      message: expect.stringMatching(message),
    });
    await expect(running).rejects.toThrow("f: record 1 of the batch (id r1)");
  });
});

describe("script", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemark-script-"));
    const types =
      "type R = Record<string, unknown>;\nexport default (record: R): R => ({ ...record, ts: true });\n";
    await writeFile(join(folder, "good.ts"), types);
    await writeFile(join(folder, "good.mjs"), "export default (record) => [record, record];\n");
    await writeFile(join(folder, "none.mjs"), "export const run = () => null;\n");
    await writeFile(join(folder, "object.mjs"), "export default {};\n");
    await writeFile(join(folder, "broken.mjs"), "export default (record => {;\n");
    await writeFile(join(folder, "throws.mjs"), "throw new Error('at load');\n");
  });

  test("TypeScript and JavaScript run as they are, found next to the pipeline", async () => {
    const make = (path: string) =>
      createScriptFilter({ type: "script", path }, { ...parts, params: {}, folder });
    expect(await make("./good.ts").apply([{ a: 1 }], context)).toEqual([{ a: 1, ts: true }]);
    expect(await make("good.mjs").apply([{ a: 1 }], context)).toEqual([{ a: 1 }, { a: 1 }]);
  });

  test.each([
    ["missing.ts", /no script is at .*missing\.ts/],
    ["none.mjs", /has no default export/],
    ["object.mjs", /has an object as its default export/],
    ["broken.mjs", /cannot be loaded: /],
    ["throws.mjs", /cannot be loaded: at load/],
  ])("%s is refused when it is loaded", async (name, message) => {
    await expect(loadScript(join(folder, name))).rejects.toMatchObject({
      code: "PIPELINE_INVALID",
      message: expect.stringMatching(message),
    });
  });
});
