import { describe, expect, test } from "vitest";
import { at, Bench, key, record } from "../../test/support/engine-bench.ts";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";
import type { DeadLetter, DeadLetterSink, Filter, OnError } from "../engine/ports.ts";
import { createConditionFilter } from "./condition.ts";
import { createFunctionFilter, type ScriptFunction } from "./function.ts";
import { createMappingFilter, mappingFilterSchema } from "./mapping.ts";

const parts = { key: [["id"]], params: {} };

/** Prices of which the second cannot be read as a number. */
const prices = ["9.50", "seven", "7"];

function benchOf(filters: readonly Filter[]) {
  const letters: DeadLetter[] = [];
  const sink: DeadLetterSink = {
    place: "letters",
    add: (letter) => letters.push(letter),
    sync() {},
    close() {},
  };
  const onError: OnError = { policy: "fail", deadLetters: () => sink };
  const table = new MemoryTable();
  const output = { ...memoryOutput(table, { appends: false }), onError };
  const bench = new Bench({ appends: false, pipeline: { filters, output } });
  for (const [index, price] of prices.entries()) bench.source.put({ ...record(index + 1, index + 1), price });
  return { bench, letters, rows: () => table.rows };
}

const mapping = (more: object, onError?: string) =>
  createMappingFilter(
    mappingFilterSchema.parse({
      type: "mapping",
      keepUnmapped: true,
      mappings: [{ source: "price", target: "price", transform: "number", ...more }],
      ...(onError === undefined ? {} : { onError }),
    }),
    parts,
  );

/** A filter that goes by a policy whatever it was made with. */
const under = (filter: Filter, policy: "skip" | "deadLetter"): Filter => ({ ...filter, onError: { policy } });

describe("a record that a filter cannot take", () => {
  test("P8: fails the run by default, and is met again by the next", async () => {
    const { bench, rows } = benchOf([mapping({})]);
    const message = 'mapping: record 2 of the batch (id 2): `price`: "seven" is not a number';
    for (const _ of [1, 2]) {
      expect((await bench.attempt()).error).toMatchObject({ code: "FILTER_FAILED", message });
      expect(rows()).toEqual([]);
    }
  });

  test("is skipped under `skip`, counted, and told with the filter's name; the others go on", async () => {
    const { bench, rows, letters } = benchOf([mapping({}, "skip")]);
    const result = await bench.run();
    expect(result).toMatchObject({ recordsRead: 3, recordsWritten: 2, recordsRefused: 1, newCursor: at(3) });
    expect(result.filters).toMatchObject([{ given: 3, dropped: 0, refused: 1 }]);
    expect(result.warnings).toMatchObject([
      {
        code: "RECORDS_SKIPPED",
        count: 1,
        message: expect.stringContaining("mapping: record 2 of the batch"),
      },
    ]);
    expect(rows().map(({ price }) => price)).toEqual([9.5, 7]);
    expect(letters).toEqual([]);
    expect((await bench.state.runs(key)).items[0]?.metadata).toMatchObject({
      records_refused: 1,
      filters: [{ index: 0, records_refused: 1, records_dropped: 0 }],
    });
  });

  test("P5: is kept as it was read, before all filters, by the time that the position moves past it", async () => {
    const rename: ScriptFunction = ({ price, ...rest }) => [
      { ...rest, cost: price },
      { ...rest, cost: price, twin: true },
    ];
    const cents: ScriptFunction = (r) => {
      const cost = Number(r.cost);
      if (Number.isNaN(cost)) throw new Error(`no cost: ${r.cost}`);
      return { ...r, cost: cost * 100 };
    };
    const last = under(createFunctionFilter(cents, { ...parts, name: "cents" }), "deadLetter");
    const { bench, rows, letters } = benchOf([
      createFunctionFilter(rename, { ...parts, name: "rename" }),
      createConditionFilter({ type: "condition", expression: "$not(id = 3)" }, parts),
      last,
    ]);
    const result = await bench.run();
    expect(letters).toMatchObject([
      {
        stage: "filter",
        by: "filters[2] function",
        code: "FILTER_FAILED",
        cursor: at(2),
        record: { id: 2, updated_at: at(2), price: "seven" },
        reason: expect.stringContaining("no cost: seven"),
      },
    ]);
    expect(rows().map(({ id, cost }) => [id, cost])).toEqual([
      [1, 950],
      [1, 950],
    ]);
    expect(result).toMatchObject({ recordsRefused: 1 });
    expect(result.filters).toMatchObject([{ dropped: 0 }, { dropped: 2 }, { refused: 2 }]);
  });

  test("behind a filter in code that says not what it made of what, it is not guessed: the run fails", async () => {
    const odd: Filter = {
      kind: "odd",
      apply: (records) => [...records, { id: 9, price: "x" }].map((r) => ({ ...r })),
    };
    const { bench } = benchOf([odd, mapping({}, "skip")]);
    const { error } = await bench.attempt();
    expect(error).toMatchObject({
      code: "FILTER_FAILED",
      hint: expect.stringContaining("FilterAccount.made"),
    });
  });

  test("behind one that returns as many in the same order, it is known", async () => {
    const copy: Filter = { kind: "copy", apply: (records) => records.map((r) => ({ ...r, seen: true })) };
    const { bench, letters } = benchOf([copy, mapping({}, "deadLetter")]);
    await bench.run();
    expect(letters.map((letter) => letter.record)).toEqual([{ id: 2, updated_at: at(2), price: "seven" }]);
  });

  test("all of a script's list is refused where one of it is no record", async () => {
    const half: ScriptFunction = (r) => (r.id === 2 ? [r, undefined as never] : r);
    const filter = under(createFunctionFilter(half, { ...parts, name: "half" }), "skip");
    const { bench, rows } = benchOf([filter]);
    expect(await bench.run()).toMatchObject({ recordsRefused: 1 });
    expect(rows().map(({ id }) => id)).toEqual([1, 3]);
  });

  test("a run in which filters refuse everything is no success", async () => {
    const none: ScriptFunction = () => {
      throw new Error("no");
    };
    const { bench } = benchOf([under(createFunctionFilter(none, { ...parts, name: "none" }), "skip")]);
    expect((await bench.attempt()).error).toMatchObject({ code: "TOO_MANY_REFUSED" });
  });
});

describe("a mapping's default", () => {
  test("stands in for a value that cannot be transformed where it is configured, and that is counted", async () => {
    const { bench, rows } = benchOf([mapping({ default: 0, onError: "default" })]);
    const result = await bench.run();
    expect(rows().map(({ price }) => price)).toEqual([9.5, 0, 7]);
    expect(result).toMatchObject({ recordsRefused: 0, warnings: [] });
    expect(result.filters).toMatchObject([{ refused: 0, defaulted: 1 }]);
  });

  test("needs to be there, and something that can fail", () => {
    const issues = (mappingOf: object) =>
      mappingFilterSchema
        .safeParse({ type: "mapping", mappings: [{ source: "a", target: "a", ...mappingOf }] })
        .error?.issues.map(({ path, message }) => [path.join("."), message]);
    expect(issues({ transform: "number", onError: "default", default: null })).toBeUndefined();
    expect(issues({ transform: "number", onError: "default" })).toEqual([
      ["mappings.0.onError", "`onError: default` needs a `default`"],
    ]);
    expect(issues({ onError: "default", default: 1 })).toEqual([
      ["mappings.0.onError", "is only used with `transform`"],
    ]);
  });
});
