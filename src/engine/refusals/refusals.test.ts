import { describe, expect, test } from "vitest";
import { at, Bench, record } from "../../../test/support/engine-bench.ts";
import { memoryOutput } from "../../../testing/memory-output.ts";
import { systemClock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import type {
  DeadLetter,
  DeadLetterSink,
  ErrorPolicy,
  Incremental,
  Input,
  OnError,
  Output,
  Page,
  RefusalLimit,
} from "../ports.ts";
import { preview } from "../run/preview.ts";
import { unreadableRecord } from "../tracking/unreadable-record.ts";
import { RunRefusals } from "./refusals.ts";

/** Letters in memory, as far as they are durable. */
class Letters implements DeadLetterSink {
  readonly place: string;
  readonly durable: DeadLetter[] = [];
  #added: DeadLetter[] = [];
  beforeSync: () => void = () => {};

  constructor(place = "the letters") {
    this.place = place;
  }

  add(letter: DeadLetter): void {
    this.#added.push(letter);
  }

  sync(): void {
    this.beforeSync();
    this.durable.push(...this.#added);
    this.#added = [];
  }

  close(): void {
    this.#added = [];
  }
}

interface Setup {
  readonly policy: ErrorPolicy;
  readonly pages: () => readonly Page[];
  readonly incremental?: Partial<Incremental>;
  readonly appends?: boolean;
  readonly output?: Partial<Output>;
  readonly maxRefused?: RefusalLimit;
}

function benchOf({ policy, pages, incremental = {}, appends = true, output = {}, maxRefused }: Setup) {
  const letters = new Letters();
  const bench = new Bench({ incremental: { order: "unordered", ...incremental } });
  const input: Input = {
    kind: "pages",
    incremental: bench.pipeline.input.incremental,
    open: async () => ({
      async *read() {
        yield* pages();
      },
      close: async () => {},
    }),
  };
  const pipeline = {
    ...bench.pipeline,
    input,
    output: {
      ...memoryOutput(bench.table, { appends }),
      onError: { policy, deadLetters: () => letters, ...(maxRefused === undefined ? {} : { maxRefused }) },
      ...output,
    },
  };
  const own = new Bench({ pipeline });
  return { bench: own, table: bench.table, letters };
}

const page = (...records: readonly SourceRecord[]): Page => ({ records, next: null });
const good = [record(1, 1), record(2, 2), record(4, 4)];
const unreadable: readonly (readonly [string, SourceRecord, string, string])[] = [
  ["has no cursor", { id: 3, updated_at: null }, "CURSOR_NULL", "updated_at"],
  ["has a cursor that is no time", { id: 3, updated_at: "soon" }, "CURSOR_INVALID", "updated_at"],
  ["lacks its key", { updated_at: at(3) }, "RECORD_INVALID", "id"],
];

test.each(unreadable)(
  "a record that %s is dead-lettered with the reason, and the others are delivered",
  async (_, bad, code, field) => {
    const { bench, table, letters } = benchOf({
      policy: "deadLetter",
      pages: () => [page(record(1, 1), bad, record(2, 2)), page(record(4, 4))],
      incremental: { key: [["id"]] },
    });
    const result = await bench.run();
    expect(table.rows).toEqual(good);
    expect(result).toMatchObject({
      status: "completed",
      recordsRead: 4,
      recordsWritten: 3,
      recordsRefused: 1,
      newCursor: at(4),
      warnings: [{ code: "RECORDS_DEAD_LETTERED", count: 1 }],
    });
    expect(letters.durable).toMatchObject([
      { connector: "acme", stream: "events", run: result.runId, stage: "input", code, field, record: bad },
    ]);
  },
);

test("an unreadable record that stays as it is is refused once; changed, it is refused again, and fixed, it is delivered", async () => {
  let bad: SourceRecord = { id: 3, updated_at: "soon" };
  const { bench, table, letters } = benchOf({
    policy: "deadLetter",
    pages: () => [page(...good, bad)],
    incremental: { key: [["id"]] },
  });
  await bench.run();
  expect(await bench.run()).toMatchObject({ recordsRefused: 0, recordsWritten: 0 });
  bad = { id: 3, updated_at: "later" };
  expect(await bench.run()).toMatchObject({ recordsRefused: 1 });
  bad = record(3, 5);
  expect(await bench.run()).toMatchObject({ recordsRefused: 0, recordsWritten: 1, newCursor: at(5) });
  expect(letters.durable).toMatchObject([
    { record: { updated_at: "soon" } },
    { record: { updated_at: "later" } },
  ]);
  expect(table.rows).toHaveLength(4);
});

test("onError skip: an unreadable record is left out and counted", async () => {
  const { bench, table } = benchOf({ policy: "skip", pages: () => [page(...good, { id: 3 })] });
  expect(await bench.run()).toMatchObject({
    recordsRefused: 1,
    warnings: [{ code: "RECORDS_SKIPPED", message: expect.stringContaining('{"id":3}') }],
  });
  expect(table.rows).toEqual(good);
});

test("onError fail: an unreadable record fails the run", async () => {
  const { bench } = benchOf({ policy: "fail", pages: () => [page(...good, { id: 3 })] });
  await expect(bench.run()).rejects.toMatchObject({ code: "CURSOR_NULL" });
  const inPage = benchOf({
    policy: "fail",
    pages: () => [{ ...page(...good, noRecord), holdsUnreadable: true }],
  });
  await expect(inPage.bench.run()).rejects.toMatchObject({
    code: "RECORD_INVALID",
    message: "element 4 is a text",
  });
});

test("a stream of which no record was ever readable fails, whatever onError says: the field may be mistyped", async () => {
  let pages = [page({ id: 1, changed: at(1) }, { id: 2, changed: at(2) })];
  const { bench, letters } = benchOf({ policy: "deadLetter", pages: () => pages });
  await expect(bench.run()).rejects.toMatchObject({
    code: "FIELD_UNKNOWN",
    hint: expect.stringContaining("No record of this stream could be read so far"),
  });
  expect(letters.durable).toEqual([]);
  pages = [page(...good)];
  await bench.run();
  pages = [page({ id: 5 }, record(6, 6))];
  expect(await bench.run()).toMatchObject({ status: "completed", recordsRefused: 1 });
});

const noRecord = unreadableRecord("a text", new TidemarkError("RECORD_INVALID", "element 4 is a text"));

test("an element of a page that is no record is dead-lettered as it came", async () => {
  const { bench, letters } = benchOf({
    policy: "deadLetter",
    pages: () => [{ ...page(...good, noRecord), holdsUnreadable: true }],
  });
  expect(await bench.run()).toMatchObject({ recordsRead: 4, recordsWritten: 3, recordsRefused: 1 });
  expect(letters.durable).toMatchObject([{ record: "a text", reason: "element 4 is a text" }]);
});

test("P5: a position moves past a refused record only when its letter is durable", async () => {
  const { bench, table, letters } = benchOf({
    policy: "deadLetter",
    pages: () => [page(...good, { id: 3 })],
  });
  letters.beforeSync = () => {
    expect(table.rows).toEqual([]);
    throw new TidemarkError("OUTPUT_FAILED", "the letters cannot be written");
  };
  await expect(bench.run()).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
  expect(table.rows).toEqual([]);
  expect(await bench.watermark()).toBeNull();
});

test("P5: a run that brings nothing but a refused record keeps its letter", async () => {
  let pages = [page(...good)];
  const { bench, letters } = benchOf({
    policy: "deadLetter",
    pages: () => pages,
    maxRefused: { share: 1 },
  });
  await bench.run();
  pages = [page({ id: 3 })];
  expect(await bench.run()).toMatchObject({ status: "completed", recordsRefused: 1 });
  expect(letters.durable).toHaveLength(1);
});

test("P11: a preview counts unreadable records and keeps no letter", async () => {
  const { bench, letters } = benchOf({ policy: "deadLetter", pages: () => [page(...good, { id: 3 })] });
  const result = await preview(bench.pipeline, { state: bench.state });
  expect(result).toMatchObject({ recordsWritten: 3, recordsRefused: 1 });
  expect(letters.durable).toEqual([]);
});

test("what an output refuses when it commits does not count as written, and what it holds does", async () => {
  const { bench, table } = benchOf({
    policy: "skip",
    pages: () => [page(...good)],
    incremental: { order: "ascending" },
    appends: false,
  });
  const { output } = bench.pipeline;
  const halving: Output = {
    ...output,
    async open(context) {
      const session = await output.open(context);
      const commit = session.commit.bind(session);
      return Object.assign(session, {
        async commit(commitment: Parameters<typeof commit>[0]) {
          await commit(commitment);
          return { written: 2 };
        },
      });
    },
  };
  const result = await new Bench({ pipeline: { ...bench.pipeline, output: halving } }).run();
  expect(result).toMatchObject({ status: "completed", recordsWritten: 2 });
  expect(table.rows).toHaveLength(3);
});

test("the count of a failed run is what the output holds", async () => {
  const { bench, table } = benchOf({
    policy: "fail",
    pages: () => [page(record(1, 1), record(2, 2)), page(record(3, 3), { id: 4 })],
    incremental: { order: "ascending" },
  });
  const result = await bench.attempt();
  expect(result).toMatchObject({ status: "failed", recordsWritten: 2 });
  expect(table.rows).toHaveLength(2);
  const held = benchOf({
    policy: "fail",
    pages: () => [page(record(1, 1), record(2, 2)), page(record(3, 3), { id: 4 })],
    incremental: { order: "ascending", pagesPerCheckpoint: 5 },
  });
  expect(await held.bench.attempt()).toMatchObject({ status: "failed", recordsWritten: 0 });
  expect(held.table.rows).toEqual([]);
});

describe("what a filter refuses", () => {
  const setup = (output: OnError, filter: OnError) => {
    const letters = new Letters();
    const own = new Letters("the filter's letters");
    const warnings: string[] = [];
    const place = (onError: OnError, at: Letters): OnError =>
      onError.policy === "deadLetter" && onError.deadLetters === undefined
        ? { ...onError, deadLetters: () => at }
        : onError;
    const { pipeline } = new Bench({});
    const refusals = new RunRefusals({
      pipeline: { ...pipeline, output: { ...pipeline.output, onError: place(output, letters) } },
      clock: systemClock,
      warn: (code) => void warnings.push(code),
    });
    refusals.begin("run-1");
    const account = refusals.ofFilter(filter, "filters[0] script");
    return { refusals, account, letters, own, warnings };
  };
  const reason = new TidemarkError("FILTER_FAILED", "boom postgres://user:hunter22@host/db", {
    details: { field: "price" },
  });
  const refusal = { record: record(3, 3), name: "the record with id 3", reason };

  test("is dead-lettered as it was read, with the filter's name, its cursor and no secret", () => {
    const { refusals, account, letters } = setup({ policy: "deadLetter" }, { policy: "deadLetter" });
    account.refuse(refusal);
    expect(letters.durable).toEqual([]);
    refusals.settle();
    expect(letters.durable).toEqual([
      {
        id: expect.stringMatching(/^[\w-]{22}$/),
        time: expect.any(String),
        pipeline: "events",
        connector: "acme",
        stream: "events",
        partition: null,
        run: "run-1",
        stage: "filter",
        by: "filters[0] script",
        code: "FILTER_FAILED",
        field: "price",
        status: null,
        reason: "boom postgres://user:[redacted]@host/db",
        cursor: at(3),
        record: record(3, 3),
      },
    ]);
    expect(refusals.count).toBe(1);
  });

  test("goes by the filter's own onError, and to its own place where it declares one", () => {
    const skipping = setup({ policy: "deadLetter" }, { policy: "skip" });
    skipping.account.refuse(refusal);
    skipping.refusals.settle();
    expect(skipping.letters.durable).toEqual([]);
    expect(skipping.warnings).toEqual(["RECORDS_SKIPPED"]);

    const failing = setup({ policy: "deadLetter" }, { policy: "fail" });
    expect(failing.account.goesOn).toBe(false);
    expect(() => failing.account.refuse(refusal)).toThrow(reason);

    const own = new Letters("elsewhere");
    const apart = setup({ policy: "fail" }, { policy: "deadLetter", deadLetters: () => own });
    apart.account.refuse(refusal);
    apart.refusals.settle();
    expect(own.durable).toHaveLength(1);
    expect(() => apart.refusals.refuse(refusal)).toThrow(reason);
  });

  test("shares one handle with the output where both name the same place", () => {
    let opened = 0;
    const letters = new Letters();
    const deadLetters = () => {
      opened += 1;
      return opened === 1 ? letters : new Letters();
    };
    const { refusals, account } = setup(
      { policy: "deadLetter", deadLetters },
      { policy: "deadLetter", deadLetters },
    );
    account.refuse(refusal);
    refusals.refuse(refusal);
    refusals.settle();
    expect(letters.durable.map(({ stage }) => stage)).toEqual(["filter", "output"]);
    expect(new Set(letters.durable.map(({ id }) => id)).size).toBe(2);
  });
});
